// Package antinex speaks the file formats of AntiNex (network-pipeline and
// antinex-datasets by Jay Johnson), so that what was recorded with it stays
// usable.
//
// AntiNex captures with kamene, a fork of scapy. Each packet becomes a message,
// a JSON object of one object a layer; a processor flattens the messages with
// pandas into a CSV file of one row a packet and keeps them in a JSON archive.
// Two dialects follow from it:
//
//   - antinex ([View]) has AntiNex's column names and true values.
//   - antinex-v1 ([Dissector], [Recorder]) is AntiNex byte for byte, mistakes
//     included, for datasets and models that were made with it.
//
// # What is wrong in antinex-v1
//
// The conversion writes some header fields under the name of the field before
// them, if they are not zero. So ip_len is the IPv4 header checksum, tcp_seq
// the TCP checksum, udp_len the UDP checksum, icmp_code the echo identifier;
// lengths, flags, window and TTL are nowhere. A DNS message shows the defaults
// of its class, the same for every message, and ends the conversion: what
// follows it is lost. Of two layers of a kind the last one stays. Ten columns
// named *_id are always empty. Payload is hexadecimal text in one of two
// columns, by whether it is UTF-8. Later IPv6 fragments are read as transport
// headers. Frames other than Ethernet II are not forwarded at all.
//
// # From bytes to a message
//
// [Dissector] reads a packet as kamene does, which is what decides where a
// payload begins and ends: by header lengths that are slices in Python, where
// a negative length counts from the end; with headers that may end at any
// field; with a header that cannot be read becoming payload as a whole. All
// 308,662 packets of the lab captures give the messages that the original's
// converter makes of them on kamene 0.32; testdata/README.md says how this is
// tested. Over some 22,000 packets that were cut or changed at random, what
// differed was:
//
//   - Behind damaged SNMP kamene finds payload by ASN.1, which is read here no
//     deeper than to the PDU. Behind other application layers with a structure
//     of their own (ISAKMP, SCTP, SMB, DHCPv6, ...) nothing is taken for payload.
//   - An IPv6 header of four bytes is payload here and makes kamene fail.
//   - Bytes in a TCP option of a wrong length, which JSON has no place for, are
//     text where they are UTF-8 and else hexadecimal.
//   - The authority records of a DNS message with no other records are left out.
//
// Layers that AntiNex names in the message and then drops from the table are
// in the message where all their fields are plain numbers and addresses, and
// are counted by [Recorder] in any case.
//
// # From messages to a table
//
// The table's columns are all keys met in the run and the ten that are always
// there, in ASCII order behind idx. How a column's numbers look depends on all
// of its rows: 2048 when every row has an integer, 2048.0 when one has none. So
// rows are kept in a compressed temporary file until the table is written, and
// memory holds the columns' names and kinds only. Styles are held against pandas.
//
// # Reading
//
// [ReadArchive] reads archives, and messages one behind another. Tables, raw
// and prepared, are read by package source like any CSV; it leaves payload
// text whatever it looks like (see [IsHexText]), where pandas takes padding of
// "0000" for the number 0.0.
package antinex
