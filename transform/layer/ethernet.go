package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// Ethernet is the header of Ethernet II and of IEEE 802.3, which has a length
// where Ethernet II has a type.
type Ethernet struct {
	schema.Layer `name:"eth" title:"Ethernet" source:"IEEE 802.3"`

	Dst  schema.Values[schema.MAC] `name:"eth_dst" ws:"eth.dst" antinex:"eth_dst" role:"identity" store:"dict" doc:"Destination address."`
	Src  schema.Values[schema.MAC] `name:"eth_src" ws:"eth.src" antinex:"eth_src" role:"identity" store:"dict" doc:"Source address."`
	Type schema.Optional[uint16]   `name:"eth_type" ws:"eth.type" antinex:"eth_type" store:"dict" doc:"EtherType of what follows; null in an IEEE 802.3 frame."`
	Len  schema.Optional[uint16]   `name:"eth_len" ws:"eth.len" unit:"B" doc:"Length of what follows; null in an Ethernet II frame."`
}

// Numbers below this in the type field are lengths (IEEE 802.3, 3.2.6).
const firstEtherType = 1536

// etherLLC is Linux's number for frames without an EtherType, which begin
// with an LLC header (ETH_P_802_2).
const etherLLC = 4

// Reached says what leads to an Ethernet header: captures, and segment routing.
func (*Ethernet) Reached() []Key { return []Key{LinkType(pcapio.LinkEthernet), IPProto(143)} }

// Decode takes the header.
func (e *Ethernet) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 14 {
		return d.Short(b)
	}
	e.Mark(d.Row)
	e.Dst.Append(schema.MAC(b[0:6]))
	e.Src.Append(schema.MAC(b[6:12]))
	d.Digest.DstMAC, d.Digest.SrcMAC, d.Digest.VLAN = [6]byte(b[0:6]), [6]byte(b[6:12]), 0
	n := be.Uint16(b[12:])
	b = b[14:]
	if n < firstEtherType {
		e.Len.Set(d.Row, n)
		return EtherType(etherLLC), d.CutPadding(b, int(n))
	}
	e.Type.Set(d.Row, n)
	d.Digest.EtherType = n
	return EtherType(n), b
}
