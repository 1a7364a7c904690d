package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// VXLAN is the header of a Virtual eXtensible LAN, with the group that the
// extension for group policy puts into reserved bits.
type VXLAN struct {
	schema.Layer `name:"vxlan" title:"Virtual eXtensible LAN" source:"RFC 7348"`

	Flags schema.Values[uint16] `name:"vxlan_flags" ws:"vxlan.flags" store:"dict" doc:"Flags: 0x0800 the VNI counts, 0x8000 the group counts, 0x0040 do not learn, 0x0008 policy applied."`
	Group schema.Values[uint16] `name:"vxlan_group" ws:"vxlan.gbp" store:"dict" source:"draft-smith-vxlan-group-policy" doc:"Group policy identifier; 0 where the extension is not used."`
	VNI   schema.Values[uint32] `name:"vxlan_vni" ws:"vxlan.vni" role:"identity" store:"dict" doc:"Virtual network identifier."`
}

const vxlanHasVNI = 0x0800

// Reached says what leads to a VXLAN header: its port, and the one that Linux
// used before there was one.
func (*VXLAN) Reached() []Key { return []Key{UDPPort(4789), UDPPort(8472)} }

// Decode takes the header. Without a VNI it is not VXLAN's, or of no network.
func (v *VXLAN) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 8 {
		return d.Short(b)
	}
	flags, vni := be.Uint16(b), be.Uint32(b[4:])>>8
	v.Mark(d.Row)
	v.Flags.Append(flags)
	v.Group.Append(be.Uint16(b[2:]))
	v.VNI.Append(vni)
	if flags&vxlanHasVNI == 0 {
		return d.Fail("no VNI", b[8:])
	}
	d.Enter(flow.TunnelVXLAN, vni)
	return LinkType(pcapio.LinkEthernet), b[8:]
}
