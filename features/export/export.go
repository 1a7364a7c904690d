package export

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
	"github.com/pcapline/pcapline/transform/source"
)

// Options say what Run writes.
type Options struct {
	Table   string // a labelled packets table
	Tool    string // a name of Tools
	Output  string // a folder that is not there yet
	Split   features.SplitSpec
	Level   string // of et-bert: "flow", the default, or "packet"
	Packets int    // of et-bert: packets with payload of a flow; 0: 5
	Tokens  int    // of et-bert: pairs of bytes of a packet; 0: 128
}

// Tool is a detector whose input can be written.
type Tool struct {
	Name    string
	Doc     string
	columns []string
	write   func(*exporter) error
}

// Tools lists them.
var Tools = []Tool{
	{"lucid", "windows of 10 s × 10 packets × 11 features of each 5-tuple, as .npz", lucidColumns, writeLUCID},
	{"et-bert", "payload as pairs of bytes in hexadecimal, a line a flow or packet, as .tsv", etBERTColumns, writeETBERT},
	{"kitsune", "the fields of every packet as tshark prints them, and a label each", kitsuneColumns, writeKitsune},
}

func toolByName(name string) (*Tool, error) {
	var known []string
	for i := range Tools {
		if Tools[i].Name == name {
			return &Tools[i], nil
		}
		known = append(known, Tools[i].Name)
	}
	return nil, fmt.Errorf("no tool %q; known: %s", name, strings.Join(known, ", "))
}

// Result is what Run did. It is written as export.json, too.
type Result struct {
	Tool    string                    `json:"tool"`
	Table   string                    `json:"table"` // its name
	Version string                    `json:"version"`
	Rows    int64                     `json:"packets_in"`
	Used    int64                     `json:"packets_used"`
	Left    map[string]int64          `json:"packets_left"`    // by reason
	Samples map[string]map[string]int `json:"samples"`         // by label and part
	Split   *features.Split           `json:"split,omitempty"` // nil: not split
	Files   []string                  `json:"files"`
}

// WriteText prints the result for people.
func (r *Result) WriteText(w io.Writer) {
	var left int64
	for _, n := range r.Left {
		left += n
	}
	fmt.Fprintf(w, "packets in %d = used %d + left %d\n", r.Rows, r.Used, left)
	for _, k := range slices.Sorted(maps.Keys(r.Left)) {
		fmt.Fprintf(w, "  left: %s: %d\n", k, r.Left[k])
	}
	for _, label := range slices.Sorted(maps.Keys(r.Samples)) {
		fmt.Fprintf(w, "%s:", label)
		for _, part := range slices.Sorted(maps.Keys(r.Samples[label])) {
			fmt.Fprintf(w, " %s %d", part, r.Samples[label][part])
		}
		fmt.Fprintln(w)
	}
	if r.Split != nil {
		for _, warning := range r.Split.Warnings {
			fmt.Fprintf(w, "warning: %s\n", warning)
		}
	}
	for _, f := range r.Files {
		fmt.Fprintf(w, "wrote %s\n", f)
	}
}

// exporter is one call of Run.
type exporter struct {
	ctx    context.Context
	opt    Options
	tool   *Tool
	inputs []transform.Input // the captures, by file_id
	folder *sink.PendingFolder
	res    *Result
}

// Run writes a table for a tool.
func Run(ctx context.Context, opt Options) (*Result, error) {
	tool, err := toolByName(opt.Tool)
	if err != nil {
		return nil, &transform.OptionError{Err: err}
	}
	e := &exporter{ctx: ctx, opt: opt, tool: tool, res: &Result{
		Tool: tool.Name, Table: filepath.Base(opt.Table), Version: transform.Version,
		Left: map[string]int64{}, Samples: map[string]map[string]int{},
	}}
	if err := e.check(); err != nil {
		return nil, err
	}
	if e.folder, err = sink.NewPendingFolder(opt.Output); err != nil {
		return nil, err
	}
	defer e.folder.Abort()
	if err := tool.write(e); err != nil {
		return nil, err
	}
	var left int64
	for _, n := range e.res.Left {
		left += n
	}
	if e.res.Rows != e.res.Used+left {
		return nil, fmt.Errorf("ledger does not balance: %d packets in, %d used, %d left", e.res.Rows, e.res.Used, left)
	}
	if err := e.describe(); err != nil {
		return nil, err
	}
	return e.res, e.folder.Close()
}

// check reads what the table says of itself.
func (e *exporter) check() error {
	switch e.opt.Level {
	case "", "flow", "packet":
	default:
		return &transform.OptionError{Err: fmt.Errorf("level %q is neither flow nor packet", e.opt.Level)}
	}
	t, err := source.Open(e.opt.Table)
	if err != nil {
		return err
	}
	defer t.Close()
	if kind := t.Metadata()[transform.MetaTable]; kind != transform.PacketsTable {
		return fmt.Errorf("%s: a packets table is needed, and this is a %q one", e.opt.Table, kind)
	}
	for _, c := range append(slices.Clone(rowColumns), e.tool.columns...) {
		if t.Schema().Index(c) < 0 {
			return fmt.Errorf("%s: the table has no column %s; label it (flatten --truth) and keep all columns", e.opt.Table, c)
		}
	}
	e.inputs, err = transform.Captures(t.Metadata())
	return err
}

// create begins a file of the folder.
func (e *exporter) create(name string) (*os.File, error) {
	e.res.Files = append(e.res.Files, filepath.Join(e.folder.Path(), name))
	return os.OpenFile(filepath.Join(e.folder.Hidden(), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
}

// describe writes export.json.
func (e *exporter) describe() error {
	f, err := e.create("export.json")
	if err != nil {
		return err
	}
	out := *e.res
	out.Files = nil
	for _, name := range e.res.Files {
		out.Files = append(out.Files, filepath.Base(name))
	}
	enc := json.NewEncoder(f)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&out); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// each calls visit with every batch of the table.
func (e *exporter) each(visit func(b *schema.Batch) error) error {
	columns := append(slices.Clone(rowColumns), e.tool.columns...)
	t, err := source.OpenWith(e.opt.Table, source.Options{Columns: columns})
	if err != nil {
		return err
	}
	defer t.Close()
	b := schema.FromFields(t.Schema())
	return source.Each(e.ctx, t, b, func() error { return visit(b) })
}
