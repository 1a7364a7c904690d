package antinex

import (
	"encoding/hex"
	"unicode/utf8"

	"github.com/pcapline/pcapline/pcapio"
)

// layer is a kind of header.
type layer struct {
	name     string  // of the layer in the message
	fields   []field // in the order of the packet
	plain    bool    // the message has it; else it is only counted
	defaults []Field // what a conversion that stops here shows
	carries  carry   // what is behind the fields
}

// carry is a way to go on behind a header; see [Dissector.follow].
type carry uint8

const (
	carriesPayload carry = iota
	carriesNothing       // whatever it is, it is not payload
	carriesEthernet
	carriesDot1Q
	carriesARP
	carriesLLC
	carriesCode
	carriesEAPOL
	carriesPPPoE
	carriesHDLC
	carriesPPP
	carriesIPv4
	carriesIPv6
	carriesExtension
	carriesICMP
	carriesError6
	carriesNDOptions
	carriesNDOption
	carriesTCP
	carriesUDP
	carriesDNS
	carriesRIP
	carriesTFTP
	carriesSNMP
)

// follow reads what is behind the fields of a header. It sets the header's
// error when the header turns out to be none.
func (d *Dissector) follow(h *header, b []byte) {
	switch h.layer.carries {
	case carriesPayload:
		d.payload(nil, b)
	case carriesEthernet:
		d.payload(byType(h), b)
	case carriesDot1Q:
		d.followDot1Q(h, b)
	case carriesARP:
		d.padded(nil, nil, b)
	case carriesLLC:
		d.payload(byLLC(h), b)
	case carriesCode:
		d.payload(byCode(h), b)
	case carriesEAPOL:
		d.followEAPOL(h, b)
	case carriesPPPoE:
		d.payload(byPPPoE(h, b), b)
	case carriesHDLC:
		d.payload(ppp, b)
	case carriesPPP:
		d.payload(byPPP(h), b)
	case carriesIPv4:
		d.followIPv4(h, b)
	case carriesIPv6:
		d.followIPv6(h, b)
	case carriesExtension:
		d.followExtension(h, b)
	case carriesICMP:
		d.payload(byICMP(h), b)
	case carriesError6:
		d.payload(ip6Error, b)
	case carriesNDOptions:
		d.payload(byNDOption(b), b)
	case carriesNDOption:
		d.followNDOption(h, b)
	case carriesTCP:
		d.followTCP(h, b)
	case carriesUDP:
		d.followUDP(h, b)
	case carriesDNS:
		d.followDNS(h, b)
	case carriesRIP:
		d.payload(ripEntry, b)
	case carriesTFTP:
		d.followTFTP(h, b)
	case carriesSNMP:
		d.followSNMP(h, b)
	}
}

// maxLayers bounds the layers of a packet. kamene is bounded by Python's
// stack, which is about as deep.
const maxLayers = 64

// Dissector turns packets into messages. It belongs to one goroutine.
type Dissector struct {
	headers []header // in the order of the packet, padding behind all others
	used    int
	layers  []Layer
	dropped []string
	broken  bool // a header is there that ends the conversion of the packet as a whole
}

// Reasons why a packet gives no message.
const (
	NotEthernet = "not an Ethernet II frame"
	TooShort    = "too short for an Ethernet header"
	CutTCP      = "TCP header without a data offset" // kamene fails to measure it
)

// Dissect returns the layers of a packet's message, valid until the next
// call, or the reason why the original forwards none.
func (d *Dissector) Dissect(p *pcapio.Packet) (layers []Layer, reason string) {
	d.used, d.dropped, d.broken = 0, d.dropped[:0], false
	if p.LinkType != pcapio.LinkEthernet {
		return nil, NotEthernet
	}
	if len(p.Data) >= 14 && be.Uint16(p.Data[12:]) <= 1500 {
		return nil, NotEthernet
	}
	if !d.layer(ethernet, p.Data) {
		return nil, TooShort
	}
	if d.broken {
		return nil, CutTCP
	}
	return d.convert(), ""
}

// Dropped names the layers of the last packet that its message has no place
// for in a table, each as often as it comes.
func (d *Dissector) Dropped() []string { return d.dropped }

// convert makes the message. Of layers of one name the last stays.
func (d *Dissector) convert() []Layer {
	layers := d.layers[:0]
	for i := range d.headers[:d.used] {
		h := &d.headers[i]
		if prefixes[h.layer.name] == "" {
			d.dropped = append(d.dropped, h.layer.name)
		}
		if h.layer.plain {
			layers = putLayer(layers, h.message())
		}
		if h.stop {
			break
		}
	}
	d.layers = layers
	return layers
}

func putLayer(layers []Layer, l Layer) []Layer {
	for i := range layers {
		if layers[i].Name == l.Name {
			layers[i] = l
			return layers
		}
	}
	return append(layers, l)
}

// layer reads b as a header of kind l and what follows it. If that fails,
// it reports so and leaves no trace.
func (d *Dissector) layer(l *layer, b []byte) bool {
	at := d.used
	if at == maxLayers {
		return false
	}
	h := d.push(l)
	b = h.read(b)
	if h.err == nil {
		d.follow(h, b)
	}
	if h.err != nil {
		d.used = at
		return false
	}
	return true
}

// push begins a header.
func (d *Dissector) push(l *layer) *header {
	if d.headers == nil {
		d.headers = make([]header, 3*maxLayers) // with room for a padding behind each, and a payload
	}
	h := &d.headers[d.used]
	*h = header{layer: l, values: h.values[:0], more: h.more[:0], fields: h.fields[:0]}
	d.used++
	return h
}

// payload reads b, which is what a header carries, as a header of kind l, or
// as payload if it cannot be, or l is nil. Of nothing it makes nothing.
func (d *Dissector) payload(l *layer, b []byte) {
	if len(b) == 0 || l != nil && d.layer(l, b) {
		return
	}
	d.bytes(rawLayer, b)
}

// padded is payload followed by padding.
func (d *Dissector) padded(l *layer, b, padding []byte) {
	d.payload(l, b)
	if len(padding) > 0 {
		d.bytes(paddingLayer, padding)
	}
}

// bytes adds a layer of bytes. They are the text's bytes where they are UTF-8.
func (d *Dissector) bytes(l *layer, b []byte) {
	h := d.push(l)
	name := "hex_field_load"
	if utf8.Valid(b) {
		name = "load"
	}
	h.more = append(h.more, Field{name, textValue(hex.EncodeToString(b))})
}

var (
	rawLayer     = &layer{name: "raw", plain: true, fields: []field{{name: "load", form: rest}}}
	paddingLayer = &layer{name: "padding", plain: true, fields: []field{{name: "load", form: rest}}}
)

// opaque is a layer with a structure of its own that is not read further.
func opaque(name string) *layer {
	return &layer{name: name, carries: carriesNothing}
}
