package layer

import "github.com/pcapline/pcapline/transform/schema"

// UDPEncap stands for IPsec in UDP, which passes translators of addresses. It
// has no header and no columns: what follows says whether it is ESP.
type UDPEncap struct {
	schema.Layer `name:"udpencap" title:"UDP encapsulation of ESP" source:"RFC 3948, 2"`
}

// Reached says what leads to IPsec in UDP.
func (*UDPEncap) Reached() []Key { return []Key{UDPPort(4500)} }

// Decode looks whether a security payload follows, and not a message of IKE,
// which has zeros in its place, or one byte of keep-alive.
func (u *UDPEncap) Decode(d *Decoder, b []byte) (Key, []byte) {
	u.Mark(d.Row)
	switch {
	case len(b) <= 1 && d.missing == 0:
		return 0, b
	case len(b) < 4:
		return d.Short(b)
	case be.Uint32(b) == 0:
		return 0, b
	}
	return IPProto(50), b
}
