package layer

import "github.com/pcapline/pcapline/pcapio"

// Protocol is one protocol: a pointer to a struct with an embedded
// schema.Layer, columns, and these methods.
type Protocol interface {
	// Reached lists the keys under which other protocols announce this one.
	Reached() []Key
	// Decode takes the protocol's header from the front of b, which may be
	// of any length, and appends to the columns of d.Row. It returns the key
	// of what follows (the zero Key where that is not known) and its bytes.
	Decode(d *Decoder, b []byte) (next Key, rest []byte)
	// Has reports whether row has the layer; schema.Layer provides it.
	Has(row int) bool
}

// protocols makes the list of protocols, in the order of their columns.
func protocols() []Protocol {
	return []Protocol{
		new(Ethernet),
		new(LLC),
		new(SLL),
		new(Loopback),
		new(PPP),
		new(Raw),
		new(Radiotap),
		new(IEEE80211),
		new(VLAN),
		new(PPPoE),
		new(MPLS),
		new(ARP),
		new(IPv4),
		new(IPv6),
		new(HopByHop),
		new(DestOpts),
		new(Routing),
		new(Fragment),
		new(AH),
		new(ESP),
		new(GRE),
		new(ICMP),
		new(ICMPv6),
		new(IGMP),
		new(TCP),
		new(UDP),
		new(UDPEncap),
		new(SCTP),
		new(VXLAN),
		new(Geneve),
		new(GTP),
		new(DNS),
	}
}

// inner makes the protocols that have columns of their own inside of a tunnel,
// with the prefix inner_. They are those that most packets have on either side
// of it. The others have one set of columns, and the first header that is met
// fills it, on whichever side.
func inner() []Protocol {
	return []Protocol{
		new(Ethernet),
		new(VLAN),
		new(ARP),
		new(IPv4),
		new(IPv6),
		new(ICMP),
		new(ICMPv6),
		new(TCP),
		new(UDP),
		new(SCTP),
	}
}

// Key is how a layer names what it carries: a number out of a registry. The
// zero Key names nothing.
type Key uint32

// Registries, in the upper half of a Key.
const (
	nothing = iota
	linkTypes
	etherTypes
	ipProtos
	pppProtos
	tcpPorts
	udpPorts
	registries
)

// LinkType is the key of a capture's link type.
func LinkType(n pcapio.LinkType) Key { return linkTypes<<16 | Key(n) }

// EtherType is the key of an EtherType (IEEE 802 numbers). Numbers below 1536
// are those that Linux gives to frames without one (if_ether.h).
func EtherType(n uint16) Key { return etherTypes<<16 | Key(n) }

// IPProto is the key of an IANA protocol number, which is also an IPv6 next
// header.
func IPProto(n uint8) Key { return ipProtos<<16 | Key(n) }

// PPPProto is the key of a PPP protocol number.
func PPPProto(n uint16) Key { return pppProtos<<16 | Key(n) }

// TCPPort is the key of a TCP port.
func TCPPort(n uint16) Key { return tcpPorts<<16 | Key(n) }

// UDPPort is the key of a UDP port.
func UDPPort(n uint16) Key { return udpPorts<<16 | Key(n) }

// application reports whether the key names a protocol above the transport
// layer. Such protocols read the payload; it stays payload.
func (k Key) application() bool { return k>>16 >= tcpPorts }
