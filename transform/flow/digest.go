package flow

import "net/netip"

// Digest is what the flow table needs of one packet. The decoder fills it;
// it holds no borrowed bytes, so it may outlive the packet. Of a packet in a
// tunnel it describes the innermost conversation: addresses and what is above
// them are of the innermost IP packet (or ARP message), MAC addresses and VLAN
// of the innermost Ethernet frame.
type Digest struct {
	Time       int64      // ns since 1970-01-01T00:00:00Z
	File       int32      // index of the capture file in the run
	Number     int64      // packet number in the file, from 1
	Src, Dst   netip.Addr // network addresses; invalid for a packet that belongs to no flow
	SrcMAC     [6]byte
	DstMAC     [6]byte
	SrcPort    uint16 // 0 without ports; ICMP has its own fields below
	DstPort    uint16
	Proto      uint8  // IANA protocol number; of the first fragment's for later fragments
	VLAN       uint16 // outermost VLAN id of the frame, 0 without a tag
	Tunnel     uint32 // innermost encapsulation, made by [Tunnel]: kind in the upper 8 bits, virtual network in the lower 24; 0 outside of tunnels
	EtherType  uint16 // 0x0800, 0x86dd, 0x0806 …
	WireLen    uint32 // frame length on the wire
	IPLen      uint32 // IP total length (IPv6: 40 + payload length); 0 without IP
	PayloadLen uint32 // bytes above the transport header
	HeaderLen  uint16 // transport header length
	TTL        uint8
	TOS        uint8  // IPv4 TOS, IPv6 traffic class
	TCPFlags   uint16 // bits as in the header, NS in bit 8
	Window     uint16
	Seq, Ack   uint32
	ICMPType   uint8
	ICMPCode   uint8
	ICMPID     uint16 // echo identifier, 0 for other types
	FragID     uint32 // IP identification when the packet is a fragment
	FragOffset uint16 // bytes
	Fragment   bool   // is a fragment (offset > 0 or more fragments follow)
	MSS        uint16 // TCP option, 0 without
	WScale     uint8
	ARPOp      uint16
	Entropy    float32 // Shannon entropy of the payload, bits a byte, 0..8
	DNSRcode   int8    // -1: no DNS response
	DNSNameLen uint16  // length of the first question's name, 0 without
	DNSLabels  uint8
	DNSQType   uint16
	Hash       uint64 // of the packet from its network header on, but for what routers change, in the upper 56 bits; TTL in the lower 8; 0: not computed
	App        *App   // nil where no application protocol says anything
}
