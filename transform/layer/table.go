package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// Options say how the packets table is filled. The zero value is the default.
type Options struct {
	Payload    PayloadMode
	MaxPayload int // bytes kept in the payload column; 0: all
	Skip       Skip
}

// Table is the packets table: it decodes packets into a batch. It belongs to
// one goroutine.
type Table struct {
	opt          Options
	batch        *schema.Batch
	frame        Frame
	payload      Payload
	conversation Conversation
	stream       Stream
	levels       [3][]Protocol // by place in the list: outside of tunnels, in one, in a tunnel in a tunnel
	again        []Protocol    // where a protocol met again on the same level is decoded to
	againBatch   *schema.Batch
	decoder      Decoder
	chains       chains
	errors       errorTexts
	digest       flow.Digest // used where the caller wants none
}

// NewTable makes an empty table. All tables have the same columns.
func NewTable(opt Options) *Table {
	t := &Table{opt: opt, again: protocols()}
	list, inside := protocols(), inner()
	t.levels = levels(list, inside, t.again)
	t.batch = schema.Join(
		schema.Of(append([]any{&t.frame}, columnsOf(list)...)...),
		schema.OfPrefixed("inner_", columnsOf(inside)...),
		schema.Of(&t.payload, &t.conversation, &t.stream),
	)
	t.conversation.cache = make([]cachedID, cacheSize)
	t.againBatch = schema.Of(columnsOf(t.again)...)
	t.decoder.batch, t.decoder.skip = t.batch, opt.Skip
	t.decoder.dispatch = newDispatch(list)
	t.chains.names = names(list)
	t.errors.names = t.chains.names
	return t
}

// Schema lists the columns of the packets table.
func Schema() schema.Schema { return NewTable(Options{}).Batch().Schema() }

// Batch holds the rows appended since the last Reset.
func (t *Table) Batch() *schema.Batch { return t.batch }

// Reset empties the table. The packets appended before may then be released.
func (t *Table) Reset() {
	t.batch.Reset()
	t.againBatch.Reset()
}

// TakeErrors returns how many packets had a decode error, by "layer: reason",
// since it was last called.
func (t *Table) TakeErrors() map[string]int64 { return t.errors.take() }

// Append decodes a packet into a new row, whatever the packet holds, and
// fills digest, which may be nil, from what it decodes. file is the index of
// the capture in the run. The row borrows the packet's data until Reset.
func (t *Table) Append(p *pcapio.Packet, file int32, digest *flow.Digest) {
	if t.decoder.flows = digest != nil; digest == nil {
		digest = &t.digest
	}
	*digest = flow.Digest{
		Time: p.Time, File: file, Number: p.Number, WireLen: p.WireLen, DNSRcode: -1,
	}
	row := t.batch.Rows
	t.decoder.begin(row, p, digest)
	payload := t.decode(p)
	t.payload.fill(&t.decoder, payload, t.opt)
	if !t.opt.Skip.Conversation {
		t.conversation.fill(t.batch, row, digest)
	}
	t.frame.fill(row, p, file, t.chains.text(&t.decoder))
	if t.decoder.reason != "" {
		t.frame.DecodeError.Set(row, t.errors.count(&t.decoder))
	}
	t.batch.Rows++
}

// decode walks the packet's headers and returns what is above the last one
// that is not an application's.
func (t *Table) decode(p *pcapio.Packet) (payload []byte) {
	d := &t.decoder
	key, rest := LinkType(p.LinkType), p.Data
	payload, d.above = rest, d.missing
	for {
		i, ok := d.dispatch.find(key)
		if !ok {
			break
		}
		if d.depth == MaxDepth {
			d.noteFrame("too many headers")
			break
		}
		d.chain[d.depth] = uint8(i + 1)
		d.depth++
		level := d.tunnels.level
		proto := t.levels[min(level, 2)][i]
		if proto.Has(d.Row) {
			proto = t.again[i]
		}
		was := key
		key, rest = proto.Decode(d, rest)
		if !was.application() || d.tunnels.level > level {
			payload, d.above = rest, d.missing
		}
	}
	d.leave()
	if d.depth == 0 {
		d.noteFrame("link type not decoded")
	}
	return payload
}
