package layer

import "github.com/pcapline/pcapline/transform/schema"

// LLC is the logical link control header of frames without an EtherType, with
// the SNAP extension that gives them one.
type LLC struct {
	schema.Layer `name:"llc" title:"Logical Link Control" source:"IEEE 802.2"`

	DSAP    schema.Values[uint8]    `name:"llc_dsap" ws:"llc.dsap" store:"dict" doc:"Destination service access point."`
	SSAP    schema.Values[uint8]    `name:"llc_ssap" ws:"llc.ssap" store:"dict" doc:"Source service access point, with the command/response bit."`
	Control schema.Values[uint16]   `name:"llc_control" ws:"llc.control" store:"dict" doc:"Control field: one byte in unnumbered frames, else two, the first in the low half."`
	OUI     schema.Optional[uint32] `name:"llc_oui" ws:"llc.oui" store:"dict" source:"IEEE 802, 9.2" doc:"SNAP: organisation that numbers the protocols; 0 for EtherTypes."`
	PID     schema.Optional[uint16] `name:"llc_pid" store:"dict" source:"IEEE 802, 9.2" doc:"SNAP: number of the protocol."`
}

// Reached says what leads to an LLC header.
func (*LLC) Reached() []Key { return []Key{EtherType(etherLLC)} }

// Decode takes the header.
func (l *LLC) Decode(d *Decoder, b []byte) (Key, []byte) {
	const (
		sapIP     = 0x06
		sapSNAP   = 0xaa
		sapGlobal = 0xff
	)
	if len(b) >= 2 && b[0] == sapGlobal && b[1] == sapGlobal {
		return 0, b // Novell's raw 802.3 has no LLC header
	}
	if len(b) < 3 {
		return d.Short(b)
	}
	control, n := uint16(b[2]), 3
	if b[2]&3 != 3 { // not an unnumbered frame
		if len(b) < 4 {
			return d.Short(b)
		}
		control, n = uint16(b[3])<<8|uint16(b[2]), 4
	}
	l.Mark(d.Row)
	l.DSAP.Append(b[0])
	l.SSAP.Append(b[1])
	l.Control.Append(control)
	sap := b[0]
	b = b[n:]
	switch {
	case sap == sapIP:
		return EtherType(etherIPv4), b
	case sap != sapSNAP:
		return 0, b
	case len(b) < 5:
		return d.Short(b)
	}
	oui, pid := uint32(b[0])<<16|uint32(b[1])<<8|uint32(b[2]), be.Uint16(b[3:])
	l.OUI.Set(d.Row, oui)
	l.PID.Set(d.Row, pid)
	if oui != 0 {
		return 0, b[5:]
	}
	d.Digest.EtherType = pid
	return EtherType(pid), b[5:]
}
