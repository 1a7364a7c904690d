package anonymize

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// tableAnonymizer is a [transform.Annotator] whose columns are those of the
// table, rewritten.
type tableAnonymizer struct {
	opt      *Options
	rewriter *rewriter
	batch    *schema.Batch // what is written
	todo     []treatment   // of each column
	keys     keys
	rows     int // of the batch at hand
	scratch  []byte
}

// anonymizeTable rewrites a table column by column, in the format that the
// output's ending says.
func anonymizeTable(ctx context.Context, opt *Options, in, out string) (*TableReport, error) {
	t, err := source.Open(in)
	if err != nil {
		return nil, err
	}
	s, ours := t.Schema(), false
	inferred := !slices.ContainsFunc(s, func(f *schema.Field) bool { return f.Layer != "" })
	if err := t.Close(); err != nil {
		return nil, err
	}
	if inferred {
		s, ours = ourSchema(s)
	}
	read := source.Options{}
	if ours && t.Metadata() == nil { // a format of text, whose kinds were guessed
		read.Schema = s
	}
	rep := &TableReport{Input: in, Output: out, Columns: map[string][]string{}, Keys: map[string]int64{}, Metadata: []string{}}
	annotate := func(s schema.Schema) transform.Annotator { return newTableAnonymizer(opt, s, ours, rep) }
	metadata := func(m map[string]string) (map[string]string, error) { return rewriteMetadata(opt, m, rep) }
	rep.Rows, err = transform.Replace(ctx, in, read, transform.Output{Path: out}, annotate, metadata)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in, err)
	}
	return rep, nil
}

func newTableAnonymizer(opt *Options, s schema.Schema, ours bool, rep *TableReport) *tableAnonymizer {
	t := &tableAnonymizer{opt: opt, rewriter: newRewriter(opt), batch: schema.FromFields(s)}
	for _, f := range s {
		todo := treat(f, ours || f.Layer != "")
		t.todo = append(t.todo, todo)
		rep.Columns[todo.name] = append(rep.Columns[todo.name], f.Name)
	}
	t.keys = keys{counts: rep.Keys}
	return t
}

// Batch holds the columns to be written.
func (t *tableAnonymizer) Batch() *schema.Batch { return t.batch }

// Annotate fills them from a batch of the table.
func (t *tableAnonymizer) Annotate(src *schema.Batch) {
	t.rows = src.Rows
	for i, c := range src.Columns {
		t.todo[i].apply(t, c, t.batch.Columns[i])
	}
	t.keys.fill(t, src)
}

// zeros gives n bytes of zeros, until they are asked for again.
func (t *tableAnonymizer) zeros(n int) []byte {
	t.scratch = slices.Grow(t.scratch[:0], n)[:n]
	clear(t.scratch)
	return t.scratch
}

// routes rewrites ipv6_routing_data, for which the type must be known.
func (t *tableAnonymizer) routes(from, to schema.Column) {
	prefix := strings.TrimSuffix(from.Field().Name, "ipv6_routing_data")
	copyColumn(t, from, to)
	values := to.Data().([]schema.Bytes)
	types, at := schema.Walk[uint8](t.source(prefix+"ipv6_routing_type")), 0
	for row := range t.rows {
		if !from.Presence().Has(row) {
			continue
		}
		typ, known := types.At(row)
		out := t.zeros(len(values[at]))
		if known {
			t.rewriter.begin(values[at], out)
			t.rewriter.routingData(typ, 0, len(out))
		}
		values[at] = schema.Bytes(t.batch.Text(out))
		at++
	}
}

// source gives a column that is copied as it is, if its treatment came before.
func (t *tableAnonymizer) source(name string) schema.Column { return t.batch.Column(name) }

// rewriteMetadata keeps what a table says of itself and of how it was made,
// with pseudonyms for its captures; what is not known may name anybody, and is
// left out.
func rewriteMetadata(opt *Options, m map[string]string, rep *TableReport) (map[string]string, error) {
	names := NewPseudonyms(opt)
	out := map[string]string{}
	for k, v := range m {
		var err error
		switch k {
		case transform.MetaTable, transform.MetaVersion, transform.MetaNames, transform.MetaFlow:
			out[k] = v
		case transform.MetaInputs:
			out[k], err = rewriteInputs(names, v)
		case transform.MetaLedger:
			out[k], err = rewriteLedger(names, v)
		case transform.MetaSchema, schema.MetadataKey: // written anew
		default:
			rep.Metadata = append(rep.Metadata, k)
		}
		if err != nil {
			return nil, fmt.Errorf("metadata %s: %w", k, err)
		}
	}
	slices.Sort(rep.Metadata)
	return out, nil
}

// rewriteInputs gives captures names and digests by the key: the same capture
// has the same in all tables.
func rewriteInputs(names *Pseudonyms, text string) (string, error) {
	var inputs []transform.Input
	if err := json.Unmarshal([]byte(text), &inputs); err != nil {
		return "", err
	}
	for i := range inputs {
		in := &inputs[i]
		in.File = captureAlias(names, in.File)
		if in.SHA256 != "" {
			var sum [32]byte
			names.Bytes(sum[:], []byte(in.SHA256))
			in.SHA256 = fmt.Sprintf("%x", sum)
		}
	}
	b, err := json.Marshal(inputs)
	return string(b), err
}

func captureAlias(names *Pseudonyms, file string) string {
	return string(names.Text([]byte("capture-"), []byte(file)))
}

// rewriteLedger does the same for the captures that were damaged, whose errors
// begin with their paths.
func rewriteLedger(names *Pseudonyms, text string) (string, error) {
	var l transform.Ledger
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return "", err
	}
	for i := range l.Damaged {
		d := &l.Damaged[i]
		d.File, d.Error = captureAlias(names, d.File), "damaged"
	}
	b, err := json.Marshal(&l)
	return string(b), err
}
