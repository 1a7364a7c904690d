package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// Geneve is the header of Generic Network Virtualization Encapsulation.
type Geneve struct {
	schema.Layer `name:"geneve" title:"Generic Network Virtualization Encapsulation" source:"RFC 8926, 3.4"`

	Version  schema.Values[uint8]          `name:"geneve_version" ws:"geneve.version" store:"dict" doc:"0."`
	OAM      schema.Values[bool]           `name:"geneve_flag_oam" ws:"geneve.flags.oam" doc:"A control packet between the tunnel's ends."`
	Critical schema.Values[bool]           `name:"geneve_flag_critical" ws:"geneve.flags.critical" doc:"There are options that a receiver must know."`
	Proto    schema.Values[uint16]         `name:"geneve_proto" ws:"geneve.proto_type" store:"dict" doc:"EtherType of what follows; 0x6558 Ethernet."`
	VNI      schema.Values[uint32]         `name:"geneve_vni" ws:"geneve.vni" role:"identity" store:"dict" doc:"Virtual network identifier."`
	Options  schema.Optional[schema.Bytes] `name:"geneve_options" ws:"geneve.options" role:"identity" store:"dict" doc:"Options as captured; null without any."`
}

// Reached says what leads to a Geneve header.
func (*Geneve) Reached() []Key { return []Key{UDPPort(6081)} }

// Decode takes the header and its options.
func (g *Geneve) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 8 {
		return d.Short(b)
	}
	n, proto, vni := 8+int(b[0]&0x3f)*4, be.Uint16(b[2:]), be.Uint32(b[4:])>>8
	g.Mark(d.Row)
	g.Version.Append(b[0] >> 6)
	g.OAM.Append(b[1]&0x80 != 0)
	g.Critical.Append(b[1]&0x40 != 0)
	g.Proto.Append(proto)
	g.VNI.Append(vni)
	if b[0]>>6 != 0 {
		return d.Fail("version is not 0", b[8:])
	}
	if n > len(b) {
		return d.Short(b[8:])
	}
	if n > 8 {
		g.Options.Set(d.Row, schema.Bytes(b[8:n]))
	}
	d.Enter(flow.TunnelGeneve, vni)
	if proto == etherBridged {
		return LinkType(pcapio.LinkEthernet), b[n:]
	}
	if proto < firstEtherType {
		return 0, b[n:]
	}
	return EtherType(proto), b[n:]
}
