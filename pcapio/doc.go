// Package pcapio reads and writes capture files: pcap and pcapng, plain or
// compressed, one or many. It gives packets as bytes with a time and knows no
// protocol.
//
// # Reading
//
// [Open] opens a file, or standard input as "-"; [NewReader] reads any stream.
// [Reader.Next] gives one packet, [Reader.NextBlock] some thousands at once for
// handing to other goroutines. [Blocks] reads many files ahead and gives their
// blocks strictly in order; [Merge] interleaves files by time. [Expand] turns
// command line arguments into a list of files, [Inspect] describes one.
// [Tail] follows a file that is still being written; [NewWriter] writes.
//
// Compression (gzip, zstd, xz, lz4) is recognised by content, not by name, and
// may be nested once. Plain files are mapped into memory, so their packets are
// not copied.
//
// # Ownership
//
// [Packet.Data] is borrowed. From Next it is valid until the next call on the
// Reader; from NextBlock until [Block.Release]. Whoever keeps bytes longer
// copies them. Builds with the race detector or the tag "mangle" overwrite
// bytes that were given back with 0xCC, so that tests find a breach. Strings,
// and everything in a [File], are copies and stay valid. A File is never
// changed after it was handed out; later ones say more.
//
// # Errors
//
// Next and NextBlock end with [io.EOF] after the last whole packet of a sound
// file and with a [*FormatError] otherwise; both are final and repeated by
// further calls. All packets before the damage have been delivered by then. A
// FormatError names file, packet and byte offset in the uncompressed data and
// wraps one of the package's Err values or the error of the operating system.
// A pcapng file that was cut exactly between two blocks, and a pcap file cut
// between two records, cannot be told from a whole one.
//
// # pcap
//
// A header of 24 bytes, then records to the end of the file (draft-ietf-opsawg-pcap):
//
//	header  magic 4 | major 2 | minor 2 | zone 4 | sigfigs 4 | snaplen 4 | linktype 4
//	record  seconds 4 | µs or ns 4 | captured length 4 | wire length 4 | packet
//
// The magic number gives the byte order and the unit of time: 0xa1b2c3d4 µs,
// 0xa1b23c4d ns, 0xa1b2cd34 (Kuznetzov's patch of libpcap) µs with 8 bytes
// more in each record: interface index 4 | protocol 2 | packet type 1 | pad 1,
// of which the packet type becomes [Packet.Direction]. Only the lower 16 bits of the
// linktype field are a link type; bits 28 to 31 count the 16-bit words of frame check
// sequence at a packet's end when bit 26 is set; those bytes stay in Data.
// Zone and sigfigs are ignored, as everybody does; so is snaplen, which many
// files get wrong. Versions before 2.3, and 543.0, have the two
// lengths exchanged.
//
// # pcapng
//
// Blocks, padded to 4 bytes, their length at both ends
// (draft-ietf-opsawg-pcapng):
//
//	block    type 4 | length 4 | body | length 4
//	section  0x0A0D0D0A: byte order magic 4 | major 2 | minor 2 | section length 8 | options
//	option   code 2 | length 2 | value, padded to 4
//
// A section header starts anew: byte order, and the numbering of interfaces,
// which [Packet.Interface] undoes by counting through the file. Read are: interface
// description (1), packet (2, obsolete), simple packet (3), name resolution
// (4), interface statistics (5), enhanced packet (6). Decryption secrets (10),
// custom blocks and blocks of unknown type are counted and passed over,
// whatever their size. A simple packet has no time, which [Packet.NoTime] says.
//
// # Limits
//
// A packet may have [Options.MaxPacket] bytes, whatever snaplen says; a file
// 65,536 interfaces. Times are kept in nanoseconds from 1677 to
// 2262; finer ones are rounded down, others set to the nearest that is possible and
// counted in [File.BadTimes]. zstd windows are bounded by [Options.MaxWindow];
// xz and lz4 take the memory that the file asks for, at most 4 GiB of
// addresses that are used only as far as there is data.
package pcapio
