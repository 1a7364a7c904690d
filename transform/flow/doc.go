// Package flow joins packets to bidirectional flows and makes the flows table.
//
// The decoder fills a [Digest] for each packet; a [Table] takes the digests in
// capture order and delivers a row for each flow when it ends:
//
//	t := flow.NewTable(flow.Config{Rows: write})
//	for each digest { t.Add(&d) }
//	err := t.Finish()
//
// # What a flow is
//
// The packets of one conversation ([KeyOf]: addresses, ports, protocol, VLAN
// and tunnel, either way) until one of these: no packet for the idle time-out; a packet
// later than the active time-out after the start, which begins the next flow;
// TCP is over, by FIN of both sides or by RST, and either the linger time has
// passed or a new SYN comes; the capture ends; room is needed. After a close
// everything but a new SYN is the old connection's tail, so that late ACKs
// and retransmissions make no flows of their own, as they do in CICFlowMeter.
// ICMP messages and their answers are a flow (echo: by identifier), errors
// are flows apart; so are the ARP messages between two addresses. Packets of
// other protocols belong to no flow and are counted by [Reason].
//
// A packet in a tunnel belongs to the conversation of the innermost IP packet
// or ARP message; its flow has the tunnel's kind and virtual network, and is
// another than that of the same endpoints outside, in another kind of tunnel
// or in another network. Bytes are those of the whole frame. What a tunnel
// carries besides, as its own keep-alive messages, are flows of the outer
// addresses; so are the later fragments of a packet that carries a tunnel,
// for they do not say what is in them.
//
// The initiator is who sent the SYN without ACK, else the receiver of a
// SYN/ACK or of an ICMP answer that comes first, else the first sender.
//
// # Order and time
//
// All times are those of packets. A flow's time is over at a moment that
// follows from its packets alone (last packet + time-out), and flows end in
// the order of these moments, first begun first among equals; those that end
// by a packet (active time-out, new SYN, eviction) end at that packet; at the
// end of a file the rest ends in the same order as if time went on. Rows come
// in that order. They depend on nothing but the packets and Config: not on
// batches, workers or calls of [Table.Advance], which make rows come sooner
// when a clock moves and no packets come.
//
// Packets out of order of time are taken as they come, their gaps counting as
// 0 and the flow reaching from its earliest to its latest packet; or they are
// put in order within Config.Reorder.
//
// A model that must decide before a flow is over learns from flows as they
// stood early: after so many packets or so much time (Config.Early and
// EarlyTime), by the packets' times in a batch, by the clock live.
//
// # Captured twice
//
// Mirror ports, loopback interfaces and routers with two captured interfaces
// show a packet twice. [Digest.Hash] tells it from a retransmission, whose
// identification, numbers or timestamps differ: a packet that comes again
// within Config.DupWindow is counted in the flow (dup_packets; routed_packets
// where only the TTL is another), or left out (Config.DropDuplicates). The
// search goes back a bounded number of packets and is exact within it.
//
// # Runs and shards
//
// A table is saved after any packet and restored in another run
// ([Table.Save], [Restore]); what comes out is the same as without the stop.
// Where packets are decoded by several machines, each writes the digests to a
// file ([DigestEncoder], [DigestReader]), and one table takes them all in
// order: a digest is about twenty bytes on disk, and the table does not care
// where it was made. So rows depend neither on how a corpus is cut into files
// (with Config.Span; but for file_id and the packet numbers within files) nor
// on who decodes what.
//
// Who only wants to know which flow each packet belongs to sets Config.IDsOnly
// and takes the [Member] that Add returns.
//
// # The past
//
// A flow alone says little of a scan, a beacon or a guessed password. The
// columns src_, dst_, mac_ and svc_ say what the flow's hosts and service did
// before its first packet: only the past, so that a row is the same live and
// in a batch. They are exact as long as nothing had to be forgotten; see the
// limits in [Config] and the counts in [Stats].
//
// # Limits
//
// Memory is bounded by Config: about 1.9 kB for each open flow and up to 2 kB
// more for what its applications say, 0.3 kB for each host, 0.2 kB for each
// service, 0.1 kB for each pair and event. A table is sequential and costs a
// fraction of what decoding costs; files that are not spanned may have a table
// each and run beside each other. Tunnels are told apart by virtual network
// (VXLAN, Geneve), not by GRE key or GTP's TEID, which differ by direction,
// nor by the outer addresses: two customers who use the same private addresses
// in GRE tunnels share flows. Of ICMP errors the quoted packet is not looked
// at. Later fragments that come before the first one are flows without ports.
package flow
