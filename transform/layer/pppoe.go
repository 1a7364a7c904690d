package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// PPPoE is the header of PPP over Ethernet, in its discovery and session
// stages.
type PPPoE struct {
	schema.Layer `name:"pppoe" title:"PPP over Ethernet" source:"RFC 2516, 4"`

	Code      schema.Values[uint8]  `name:"pppoe_code" ws:"pppoe.code" store:"dict" doc:"0 session data, else the kind of discovery message."`
	SessionID schema.Values[uint16] `name:"pppoe_session_id" ws:"pppoe.session_id" role:"identity" store:"dict" doc:"Session identifier."`
	Len       schema.Values[uint16] `name:"pppoe_len" ws:"pppoe.payload_length" unit:"B" doc:"Length of what follows."`
}

const etherPPPoESession = 0x8864

// Reached says what leads to a PPPoE header.
func (*PPPoE) Reached() []Key { return []Key{EtherType(0x8863), EtherType(etherPPPoESession)} }

// Decode takes the header. Its length bounds what follows.
func (p *PPPoE) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 6 {
		return d.Short(b)
	}
	code, length := b[1], be.Uint16(b[4:])
	p.Mark(d.Row)
	p.Code.Append(code)
	p.SessionID.Append(be.Uint16(b[2:]))
	p.Len.Append(length)
	b = d.CutPadding(b[6:], int(length))
	if code != 0 {
		return 0, b
	}
	return LinkType(pcapio.LinkPPP), b
}
