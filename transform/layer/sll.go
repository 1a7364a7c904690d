package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// SLL is what Linux gives in place of a link-layer header on its "any"
// interface and on interfaces of many kinds, in both of its versions.
type SLL struct {
	schema.Layer `name:"sll" title:"Linux cooked capture" source:"https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html"`

	Type     schema.Values[uint16]       `name:"sll_type" ws:"sll.pkttype" store:"dict" doc:"0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 sent by us."`
	HWType   schema.Values[uint16]       `name:"sll_hw_type" ws:"sll.hatype" store:"dict" doc:"Kind of interface (ARPHRD)."`
	HWLen    schema.Values[uint16]       `name:"sll_hw_len" ws:"sll.halen" store:"dict" unit:"B" doc:"Length of the sender's link-layer address."`
	Src      schema.Optional[schema.MAC] `name:"sll_src" ws:"sll.src.eth" role:"identity" store:"dict" doc:"The sender's address; null where it is not 6 bytes long."`
	Protocol schema.Values[uint16]       `name:"sll_protocol" ws:"sll.etype" store:"dict" doc:"EtherType of what follows, or Linux's number for frames without one."`
	IfIndex  schema.Optional[uint32]     `name:"sll_ifindex" ws:"sll.ifindex" role:"provenance" store:"dict" doc:"Index of the interface; null in version 1."`
}

// Reached says what leads to a cooked header.
func (*SLL) Reached() []Key { return []Key{LinkType(pcapio.LinkSLL), LinkType(pcapio.LinkSLL2)} }

// Decode takes the header.
func (s *SLL) Decode(d *Decoder, b []byte) (Key, []byte) {
	var proto, hwType, typ, hwLen uint16
	var addr, rest []byte
	if d.Packet.LinkType == pcapio.LinkSLL2 {
		if len(b) < 20 {
			return d.Short(b)
		}
		s.IfIndex.Set(d.Row, be.Uint32(b[4:]))
		proto, hwType, typ, hwLen = be.Uint16(b), be.Uint16(b[8:]), uint16(b[10]), uint16(b[11])
		addr, rest = b[12:20], b[20:]
	} else {
		if len(b) < 16 {
			return d.Short(b)
		}
		typ, hwType, hwLen, proto = be.Uint16(b), be.Uint16(b[2:]), be.Uint16(b[4:]), be.Uint16(b[14:])
		addr, rest = b[6:14], b[16:]
	}
	s.Mark(d.Row)
	s.Type.Append(typ)
	s.HWType.Append(hwType)
	s.HWLen.Append(hwLen)
	s.Protocol.Append(proto)
	if hwLen == 6 {
		s.Src.Set(d.Row, schema.MAC(addr[:6]))
		d.Digest.SrcMAC = [6]byte(addr[:6])
	}
	if !hasEtherType(hwType) {
		return 0, rest
	}
	d.Digest.EtherType = proto
	return EtherType(proto), rest
}

// hasEtherType reports whether the protocol field means what it does on
// Ethernet for a kind of interface.
func hasEtherType(hwType uint16) bool {
	switch hwType {
	case 770, // ARPHRD_FRAD: frame relay
		778,      // ARPHRD_IPGRE: a GRE protocol
		803, 824: // radiotap, netlink
		return hwType == 778 // GRE protocols are EtherTypes
	}
	return true
}
