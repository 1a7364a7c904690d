// Package filter compiles the pcap filter language, pcap-filter(7), to classic
// BPF without libpcap, for the kernel (live capture) and for packets in memory.
//
// # Use
//
//	p, err := filter.Compile("tcp port 80 and not host 10.0.0.1", filter.Options{LinkType: pcapio.LinkEthernet})
//	if err != nil { … } // a *filter.Error with the position in the expression
//	if p.Match(packet.Data, int(packet.WireLen)) { … }
//
// [Program.Raw] is what SO_ATTACH_FILTER takes. A program belongs to one link
// type: compile once for each interface of a file whose link types differ.
//
// # Language
//
// Primitives: [ip|ip6|arp|rarp|tcp|udp|sctp|ether] [src|dst|src or dst|src and
// dst] [host|net|port|portrange|proto] ID; protocol names alone (ip, ip6, arp,
// rarp, tcp, udp, sctp, icmp, icmp6, igmp, igrp, pim, vrrp, carp, ah, esp, stp,
// iso, clnp, esis, isis, ipx, netbeui, atalk, aarp, decnet, lat, sca, moprc,
// mopdl); broadcast, multicast; vlan [N], mpls [N], pppoed, pppoes [N]; less N,
// greater N; inbound, outbound, ifindex N; comparisons of arithmetic over len
// and proto[offset:size] with named constants. They are joined by and, or, not.
// "and" and "or" have equal precedence and group from the left, as in libpcap:
// "ip or ip6 and tcp" is "(ip or ip6) and tcp".
//
// # Semantics
//
// As libpcap 1.10, which the tests hold it against packet by packet:
//
//   - A port is looked for in IPv4 packets that are not later fragments, behind
//     the header's options, and in IPv6 packets without extension headers.
//   - An IP protocol of IPv6 is the next header, or the one after a fragment header.
//   - tcp[…], udp[…] and other transport offsets look at IPv4 only; icmp6[…] at IPv6.
//   - vlan, mpls and pppoes shift the offsets of everything to their right, in
//     the order of writing: "vlan 5 or vlan 6" looks for 6 in a second tag.
//     Without vlan a filter does not look behind tags: "tcp" rejects tagged TCP.
//   - A packet too short for a field that is needed is rejected, negated or not.
//   - An expression that can match nothing ("tcp and udp") is refused.
//
// With [Options.Live] the outermost VLAN tag, which the kernel takes out of the
// packet, is read from the socket's ancillary data, and inbound, outbound and
// ifindex are understood. The kernel then looks at tagged packets as if they had
// no tag: without vlan, "tcp" accepts tagged TCP, and ether[12:2] is what lies
// behind the tag.
//
// Here it differs from libpcap, on purpose: NULL and LOOP accept every system's
// number for IPv6 and either byte order; SLL2 knows 802.2 frames; an IP protocol
// above 255 or an EtherType above 65535 is an error; so is an offset that would
// reach the kernel's ancillary data; "1 << (ip[8] & 7) = 1" looks at IP packets
// only, where libpcap forgets the protocol on the right of an operator; live,
// "ether proto 0x8100" finds the tags that the kernel took out. libpcap's
// optimizer moves tests, which can change its answer for packets that were cut
// within the fields tested; here they are tested in the order of writing.
//
// # Limits
//
// Refused with a clear error, never approximated: gateway, protochain, geneve,
// byte, llc, radio, 802.11, ATM, MTP and pf primitives, network and Ethernet
// names, netmasks with holes, and link types other than NULL, ETHERNET, PPP, RAW, LOOP, SLL, SLL2,
// IPV4 and IPV6. Host names are looked up through [Options.Lookup] when the
// filter is compiled; service names come from the system's services file.
package filter
