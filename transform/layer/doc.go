// Package layer makes the packets table: one row for each packet, one struct
// for each protocol, one list of protocols.
//
// # A protocol
//
// A protocol is a struct whose fields are its columns (package schema says
// how they are declared) and two methods: Reached says what leads to it, an
// EtherType or a port for example, and Decode takes its header from the front
// of the bytes, appends to the columns, and says what follows. udp.go is the
// example to copy. The list in protocols.go holds all of them in the order of
// the table's columns; tables that find the next protocol are made from it.
//
// Headers are decoded by hand, in place: values go from the packet to typed
// columns without a copy between and without allocation. Text and bytes
// alias the packet until the batch is reset.
//
// # What a row says
//
// A value that a packet lacks is null, not 0. A length field bounds what is
// above it, so Ethernet padding is never payload. A fragment that is not the
// first has no transport header. Of a malformed header the columns hold what
// could be read, and decode_error names layer and reason. A protocol met
// twice in one packet (a third VLAN tag) fills its columns the first time
// only; what is above the second is decoded as usual.
//
// # Tunnels
//
// A tunnel (IP in IP, GRE, VXLAN, Geneve, GTP-U) carries a packet of its own.
// Its headers go to columns of the same names with inner_ before them, so that
// a row has both: ip_src of the tunnel's end, inner_ip_src of the host inside.
// Those protocols have inner columns that packets mostly have on both sides
// (function inner in protocols.go); the others, applications among them, have
// one set, which the first header fills that is met. Payload, Community ID,
// flow key and digest are of the innermost packet. A tunnel in that tunnel is
// decoded to its end, but its headers fill no columns; frame_protocols shows
// all of them. What an ICMP error quotes is not a tunnel, but payload.
//
// A protocol becomes a tunnel by calling [Decoder.Enter] when its header ends.
//
// # Checksums
//
// A column *_checksum_status says what the checksum beside it is worth: 0 bad,
// 1 good, 3 absent, as in Wireshark's *.checksum.status fields when its
// validation is on; 5 partial. Where Wireshark has 2, unverified, the column
// is null: of fragments, which carry a part of what is covered, and of packets
// that the capture cut. Absent is a 0 that is not the sum: no checksum was
// made (UDP), or the network card was to fill it in; Wireshark has that as bad
// but for UDP. Partial is what a sending host leaves for its card to complete,
// the sum of the pseudo-header, as captures on that host and on loopback show
// it; Wireshark has it as bad. So 3 and 5 say where the packet was captured,
// and 0 that it was damaged or made by hand: hosts drop it.
//
// # Limits
//
// One packet is decoded at a time: there is no reassembly of IP fragments or
// of TCP streams, so a DNS message over TCP is read only where a segment
// begins with it, and of a tunnelled packet in outer fragments only what the
// first one has. A packet has at most [MaxDepth] headers.
package layer
