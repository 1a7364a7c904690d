package layer

import (
	"encoding/binary"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// MaxDepth is the greatest number of headers that are decoded in a packet.
const MaxDepth = 16

// be is network byte order.
var be = binary.BigEndian

// Decoder is what protocols share while one packet is decoded.
type Decoder struct {
	Row    int            // of the table
	Packet *pcapio.Packet // borrowed
	Digest *flow.Digest   // for protocols to fill

	batch    *schema.Batch
	missing  int    // bytes that belong to the current data but were not captured
	above    int    // the same of the payload
	padding  []byte // bytes behind the outermost network packet that is followed by any
	reason   string // first error's reason; "" without an error
	culprit  int    // place in the list of the protocol that had it; -1: frame
	chain    [MaxDepth]uint8
	depth    int
	dispatch *dispatch

	skip        Skip
	ip          ipPayload // of the innermost IP packet
	tunnels     tunnels
	padded80211 bool // radiotap says that padding follows the 802.11 header
	bareTLS     bool // TLS messages stand in QUIC frames, without records
	flows       bool // somebody wants the digest
	ownApp      *flow.App
	escape      []byte // scratch for texts
}

func (d *Decoder) begin(row int, p *pcapio.Packet, digest *flow.Digest) {
	d.Row, d.Packet, d.Digest = row, p, digest
	d.missing = max(int(p.WireLen)-len(p.Data), 0)
	d.padding, d.reason, d.ownApp = nil, "", nil
	d.ip, d.tunnels.level = ipPayload{}, 0
	d.chain, d.depth, d.padded80211, d.bareTLS = [MaxDepth]uint8{}, 0, false, false
}

// Fail ends decoding with an error; b stays as payload. Reasons are
// constants: they are the keys of the ledger.
func (d *Decoder) Fail(reason string, b []byte) (Key, []byte) {
	d.Note(reason)
	return 0, b
}

// Short is Fail for a header that does not fit in b.
func (d *Decoder) Short(b []byte) (Key, []byte) {
	d.NoteShort()
	return 0, b
}

// ShortOf is Short for a header of n bytes of which b is the front, and taken.
func (d *Decoder) ShortOf(n int, b []byte) (Key, []byte) {
	d.NoteShort()
	d.missing = max(d.missing-(n-len(b)), 0)
	return 0, nil
}

// Note records an error that does not end decoding. A packet's first counts.
func (d *Decoder) Note(reason string) {
	if d.reason == "" {
		d.reason, d.culprit = reason, int(d.chain[d.depth-1])-1
	}
}

// noteFrame is Note for errors that no protocol has.
func (d *Decoder) noteFrame(reason string) {
	if d.reason == "" {
		d.reason, d.culprit = reason, -1
	}
}

// NoteShort is Note for bytes that are missing: either the capture did not
// keep them or the packet never had them.
func (d *Decoder) NoteShort() {
	if d.missing > 0 {
		d.Note("truncated")
	} else {
		d.Note("too short")
	}
}

// Cut cuts b to the n bytes that a length field says it has. Where n is more
// than there is, b stays as it is, and the bytes that the capture did not keep
// are remembered.
func (d *Decoder) Cut(b []byte, n int) []byte {
	if n > len(b) {
		d.missing = min(d.missing, n-len(b))
		return b
	}
	d.missing = 0
	return b[:n]
}

// CutPadding is Cut for a network packet in a frame; what is behind it is
// padding, unless a packet around it already had some.
func (d *Decoder) CutPadding(b []byte, n int) []byte {
	if n < len(b) && d.padding == nil {
		d.padding = b[n:]
	}
	return d.Cut(b, n)
}

// ByPort gives the key of the port that a protocol is known for: of the lower
// one, which is a server's sooner than a client's, else of the other.
func (d *Decoder) ByPort(registry func(uint16) Key, src, dst uint16) Key {
	if k := registry(min(src, dst)); d.known(k) {
		return k
	}
	if k := registry(max(src, dst)); d.known(k) {
		return k
	}
	return 0
}

func (d *Decoder) known(k Key) bool {
	_, ok := d.dispatch.find(k)
	return ok
}

// Text keeps a copy of s for a column, until the table is reset.
func (d *Decoder) Text(s []byte) schema.Text { return d.batch.Text(s) }
