package layer

import "github.com/pcapline/pcapline/transform/schema"

// VLAN is an IEEE 802.1Q tag, and the second tag of IEEE 802.1ad (QinQ).
type VLAN struct {
	schema.Layer `name:"vlan" title:"VLAN tag" source:"IEEE 802.1Q"`

	ID            schema.Values[uint16]   `name:"vlan_id" ws:"vlan.id" role:"identity" store:"dict" doc:"VLAN identifier of the outer tag."`
	Priority      schema.Values[uint8]    `name:"vlan_priority" ws:"vlan.priority" store:"dict" doc:"Priority code point of the outer tag."`
	DEI           schema.Values[bool]     `name:"vlan_dei" ws:"vlan.dei" doc:"Drop eligible indicator of the outer tag."`
	Type          schema.Values[uint16]   `name:"vlan_type" ws:"vlan.etype" store:"dict" doc:"EtherType or length behind the outer tag."`
	InnerID       schema.Optional[uint16] `name:"vlan_inner_id" role:"identity" store:"dict" doc:"VLAN identifier of the second tag; null with one tag."`
	InnerPriority schema.Optional[uint8]  `name:"vlan_inner_priority" store:"dict" doc:"Priority code point of the second tag."`
	InnerDEI      schema.Optional[bool]   `name:"vlan_inner_dei" doc:"Drop eligible indicator of the second tag."`
	InnerType     schema.Optional[uint16] `name:"vlan_inner_type" store:"dict" doc:"EtherType or length behind the second tag."`
}

// Reached says what leads to a tag: the customer's, the service provider's
// and the number that was used for the latter before it had one.
func (*VLAN) Reached() []Key {
	return []Key{EtherType(0x8100), EtherType(0x88a8), EtherType(0x9100)}
}

// Decode takes one tag or two.
func (v *VLAN) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 4 {
		return d.Short(b)
	}
	tci, typ := be.Uint16(b), be.Uint16(b[2:])
	b = b[4:]
	v.Mark(d.Row)
	v.ID.Append(tci & 0xfff)
	v.Priority.Append(uint8(tci >> 13))
	v.DEI.Append(tci&0x1000 != 0)
	v.Type.Append(typ)
	if d.Digest.VLAN == 0 { // else this is a third tag
		d.Digest.VLAN = tci & 0xfff
	}
	if typ == 0x8100 || typ == 0x88a8 || typ == 0x9100 {
		if len(b) < 4 {
			return d.Short(b)
		}
		tci, typ = be.Uint16(b), be.Uint16(b[2:])
		b = b[4:]
		v.InnerID.Set(d.Row, tci&0xfff)
		v.InnerPriority.Set(d.Row, uint8(tci>>13))
		v.InnerDEI.Set(d.Row, tci&0x1000 != 0)
		v.InnerType.Set(d.Row, typ)
	}
	if typ < firstEtherType {
		return EtherType(etherLLC), d.CutPadding(b, int(typ))
	}
	d.Digest.EtherType = typ
	return EtherType(typ), b
}
