// Package anonymize puts keyed pseudonyms in place of addresses and names, in
// captures and in tables, so that both can be given away and still fit together.
//
//	key, err := anonymize.ReadKey("secret.key")
//	rep, err := anonymize.Run(ctx, anonymize.Options{
//		Key: key, Inputs: []string{"office.pcap"}, Output: "office-anon.pcapng",
//	})
//
// The same key gives the same pseudonyms in every run, capture and table;
// without the key nobody can compute them. Whoever has the key can undo them
// (all but names, which are hashes), so it is a secret as the captures are.
//
// # Addresses
//
// IPv4 and IPv6 pseudonyms are Crypto-PAn's (Xu, Fan, Ammar, Moon: Prefix-
// Preserving IP Address Anonymization, ICNP 2002) with AES-128, over 32 and
// over 128 bits: two addresses share as many leading bits as their pseudonyms
// do, so that subnets stay subnets. Plain Crypto-PAn, however, mixes special
// addresses with all others: under the key of its own sample trace
// 208.147.89.59 becomes the multicast group 227.237.98.191, and 64.14.118.196
// becomes 0.255.183.58. So here the bits that lead to a special range (list
// in special.go) are left as they are. Each such range is then mapped to
// itself, no other address gets into it, and prefixes are still preserved.
// The price: the leading bits up to the first that tells an address from all
// special ranges are shown; an IPv4 address shows its class at least
// ([Options].Plain gives Crypto-PAn as published). Of special addresses
//
//   - unspecified, loopback, limited broadcast and multicast addresses are kept,
//   - of link-local addresses, and those of "this network" (0.0.0.0/8), the
//     prefix is kept and the interface's part is pseudonymised,
//   - multicast groups of IPv6 that hold a host's address (solicited-node:
//     its last 24 bits; unicast-prefix-based) are pseudonymised in that part.
//
// An interface identifier made of a MAC address is pseudonymised with the
// address it is part of, and has no relation to the MAC's pseudonym. Nor has
// a solicited-node group to the pseudonym of the address that it is for.
//
// MAC addresses go through a keyed permutation of the 46 bits beside the
// group and the local bit (mac.go), so two never become one. All-zero,
// broadcast and the groups of protocols (01:00:5e, 33:33, 01:80:c2, …) are kept.
//
// # Captures
//
// A packet's pseudonymous copy begins as zeros. Only what the rewriter
// understands is written into it: header fields as they are, addresses as
// pseudonyms. So nothing gets out that nobody looked at: payload, options and
// headers of protocols that are not known here, padding, whatever follows a
// damaged length. Lengths and times between packets stay. Understood are the link
// types and protocols of package layer up to the transport layer: 802.11,
// VLAN, MPLS, PPP, ARP, IPv4 and IPv6 with options and extension headers,
// ICMP and ICMPv6 with the packets they quote, neighbour discovery, IGMP,
// TCP, UDP, SCTP, and the packets in IP, GRE, VXLAN, Geneve and GTP-U
// tunnels. What is above is payload, and masked ([Mask]): DNS, DHCP, TLS,
// HTTP and all others. Who needs their columns flattens first and then
// anonymises the table.
//
// Checksums are changed by as much as what they cover (RFC 1624), so a good
// one stays good, a bad one bad, one left to the network card is still left to
// it. That holds for the transport checksum of one packet; in fragments the
// sum is over all of them, and is bad when they are put together.
//
// # Tables
//
// Columns are treated by kind, role and name (column.go). What is an option's
// bytes in a packet goes through the same code as in a capture, so that a
// capture anonymised and then flattened has the rows of the table flattened
// and then anonymised, but for columns that a table has and a masked capture
// cannot have (applications, entropy and hash of payload), checksums, which
// are 0 in tables because they would confirm a guess at what they cover, and
// the payload of messages that quote packets.
// Of tables of other programs texts are hashed unless they are addresses, and
// numbers are kept, which the report says.
//
// # What stays
//
// Anonymised traffic is not anonymous traffic: sizes, times between packets,
// ports, TTLs, sequence numbers and TCP options can identify hosts and
// recognise known flows, and prefix-preserving pseudonyms of many hosts can
// be attacked by who sends traffic of his own into the capture (Brekne et
// al., PET 2005). [Report].Stays says what an output still shows.
package anonymize
