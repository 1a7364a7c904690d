package prep

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// tableSource is a table to be read.
type tableSource struct {
	path   string
	sha256 string
	rows   int64             // −1: not known before it is read
	inputs []transform.Input // captures by file_id
	ledger json.RawMessage   // nil: the table carries none
	labels json.RawMessage
	flow   json.RawMessage // by which its flows were made; nil: it does not say
	schema schema.Schema
}

// kind names the columns that say where the rows of a table are.
type kind struct {
	name       string
	start, end string
	group      string // rows of a capture that have the same value stay together; "": each is alone

	src, dst []string // the hosts, by the first of these that has a value
}

var kinds = []kind{
	{name: "flows", start: "ts_ns", end: "ts_end_ns",
		src: []string{"src_ip", "src_mac"}, dst: []string{"dst_ip", "dst_mac"}},
	{name: "packets", start: "ts_ns", end: "ts_ns", group: "flow_key",
		src: []string{"ip_src", "ipv6_src", "arp_src_ip", "wlan_sa", "eth_src"},
		dst: []string{"ip_dst", "ipv6_dst", "arp_dst_ip", "wlan_da", "eth_dst"}},
}

// openSources looks at the tables without reading their rows.
func (p *preparation) openSources() error {
	if len(p.opt.Tables) == 0 {
		return errors.New("there are no tables")
	}
	for _, path := range p.opt.Tables {
		s, err := openSource(path)
		if err != nil {
			return err
		}
		if p.schema == nil {
			p.schema = s.schema
		}
		if s.schema.Hash() != p.schema.Hash() {
			return fmt.Errorf("%s has other columns than %s", path, p.opt.Tables[0])
		}
		if first := p.sources; len(first) > 0 && string(s.flow) != string(first[0].flow) {
			return fmt.Errorf("%s has flows made with %s, %s with %s: rows of one dataset are made in one way",
				path, saysFlow(s), p.opt.Tables[0], saysFlow(first[0]))
		}
		p.sources = append(p.sources, s)
	}
	for _, col := range []string{"label", "label_class"} {
		if p.schema.Index(col) < 0 {
			return fmt.Errorf("%s has no column %s: it is not labelled", p.opt.Tables[0], col)
		}
	}
	for i := range kinds {
		k := &kinds[i]
		if p.schema.Index("file_id") >= 0 && p.schema.Index(k.start) >= 0 && p.schema.Index(k.end) >= 0 {
			p.kind = k
			return nil
		}
	}
	return fmt.Errorf("%s lacks file_id and ts_ns: it is neither a packets nor a flows table", p.opt.Tables[0])
}

// saysFlow is what a table says of how its flows were made.
func saysFlow(s *tableSource) string {
	if s.flow == nil {
		return "settings that it does not tell"
	}
	return "the settings " + string(s.flow)
}

func openSource(path string) (*tableSource, error) {
	t, err := source.Open(path)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	s := &tableSource{path: path, schema: SchemaOf(t), rows: t.Rows()}
	meta := t.Metadata()
	if in := meta[transform.MetaInputs]; in != "" {
		if err := json.Unmarshal([]byte(in), &s.inputs); err != nil {
			return nil, fmt.Errorf("%s: metadata %s: %w", path, transform.MetaInputs, err)
		}
	}
	for key, to := range map[string]*json.RawMessage{transform.MetaLedger: &s.ledger, MetaLabels: &s.labels, transform.MetaFlow: &s.flow} {
		if v := meta[key]; v != "" {
			if !json.Valid([]byte(v)) {
				return nil, fmt.Errorf("%s: metadata %s is not JSON", path, key)
			}
			*to = json.RawMessage(v)
		}
	}
	if s.sha256, _, err = pcapio.Digest(path); err != nil {
		return nil, err
	}
	return s, nil
}

// each reads columns of all tables in order (nil: all columns), with the
// states of the rows of each batch.
func (p *preparation) each(columns []string, visit func(b *schema.Batch, state []rowState) error) error {
	return p.eachSource(columns, func(_ int, b *schema.Batch, state []rowState) error { return visit(b, state) })
}

// eachSource is each, with the index of the table that a batch is of.
func (p *preparation) eachSource(columns []string, visit func(source int, b *schema.Batch, state []rowState) error) error {
	at := 0
	for i, s := range p.sources {
		err := p.read(s, columns, func(b *schema.Batch) error {
			if at+b.Rows > len(p.state) {
				return errors.New("has more rows than a moment ago")
			}
			at += b.Rows
			return visit(i, b, p.state[at-b.Rows:at])
		})
		if err != nil {
			return err
		}
	}
	if at != len(p.state) {
		return errors.New("a table has fewer rows than a moment ago")
	}
	return nil
}

// read gives the batches of one table.
func (p *preparation) read(s *tableSource, columns []string, visit func(*schema.Batch) error) error {
	t, err := source.OpenWith(s.path, source.Options{Columns: columns, Schema: s.schema})
	if err != nil {
		return err
	}
	defer t.Close()
	b := schema.FromFields(t.Schema().With(s.schema))
	return source.Each(p.ctx, t, b, func() error {
		b.Finish()
		if err := visit(b); err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		return nil
	})
}

// SchemaOf gives the columns of a table as prepare takes them, which is more
// than a table of text or another program's says.
func SchemaOf(t source.Table) schema.Schema {
	meta := t.Metadata()
	if meta[schema.MetadataKey] != "" {
		return t.Schema()
	}
	return describe(t.Schema(), meta == nil)
}

// describe gives the columns of a table that does not carry its schema (CSV,
// or Parquet that another program wrote) the roles that columns of their names
// have in our tables. Without, an address in a CSV file would be a feature.
// Text all of whose columns are ours is one of our tables as CSV: its columns
// get their types, too, so that a list is not taken for a category.
func describe(read schema.Schema, text bool) schema.Schema {
	known := slices.Concat(flow.Schema(), layer.Schema(), schema.Of(new(label.Columns)).Schema())
	ours := text && !slices.ContainsFunc(read, func(f *schema.Field) bool { return known.Index(f.Name) < 0 })
	out := make(schema.Schema, len(read))
	for i, f := range read {
		g := *f
		switch at := known.Index(f.Name); {
		case ours:
			g = *known[at]
		case at >= 0:
			g.Role, g.Doc, g.Unit, g.Layer = known[at].Role, known[at].Doc, known[at].Unit, known[at].Layer
		}
		out[i] = &g
	}
	return out
}
