package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/source"
)

// Finding is something that was verified of a run.
type Finding struct {
	What   string `json:"what"`
	Holds  bool   `json:"holds"`
	Detail string `json:"detail"`
}

// Check is what is to be verified of a run.
type Check struct {
	Captures string // folder with the captures, by the names that the manifest has; "": they are not looked at
	Sensor   string // whose captures these are; "": those of all sensors
	Rerun    bool   // also make the run anew from Captures, in the folder Scratch, and compare the bytes
	Scratch  string
	Rules    []string // of a rerun: the files of label rules
	Label    Labeller
	Workers  int
}

// Verify compares a run with its manifest: every output's SHA-256 and rows, the
// ledger, that there is no other file, and what [Check] asks for.
func (l *Lake) Verify(ctx context.Context, run string, c Check) ([]Finding, error) {
	m, err := ReadManifest(filepath.Join(l.Dir(run), ManifestName))
	if err != nil {
		return nil, err
	}
	v := verification{ctx: ctx, lake: l, m: m, dir: l.Dir(run)}
	v.say("ledger", m.Ledger.Check(), fmt.Sprintf("%d packets in, %d rows, %d flows", m.Ledger.PacketsIn, m.Ledger.Rows, m.Ledger.Flows))
	if err := v.outputs(); err != nil {
		return nil, err
	}
	if c.Captures != "" {
		v.inputs(c)
	}
	if c.Rerun {
		if err := v.rerun(c); err != nil {
			return nil, err
		}
	}
	return v.found, nil
}

// verification is one call of Verify.
type verification struct {
	ctx   context.Context
	lake  *Lake
	m     *Manifest
	dir   string
	found []Finding
}

// say notes a finding that holds when err is nil.
func (v *verification) say(what string, err error, detail string) {
	f := Finding{What: what, Holds: err == nil, Detail: detail}
	if err != nil {
		f.Detail = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	v.found = append(v.found, f)
}

// outputs verifies the files of the run's folder.
func (v *verification) outputs() error {
	known := map[string]bool{ManifestName: true, timingsName: true}
	rows := map[string]int64{}
	list := slices.Clone(v.m.Outputs)
	for _, s := range v.m.Sensors {
		if s.State != nil {
			list = append(list, *s.State)
		}
	}
	var wrong error
	var bytes int64
	for _, f := range list {
		known[f.Path] = true
		n, err := v.output(f)
		wrong = errors.Join(wrong, err)
		rows[f.Table()] += n
		bytes += f.Bytes
	}
	v.say("outputs", wrong, fmt.Sprintf("%d files, %d bytes, with their SHA-256", len(list), bytes))
	var err error
	if rows[transform.FlowsTable] != v.m.Ledger.Flows || !v.m.Config.Packets.Off && rows[transform.PacketsTable] != v.m.Ledger.Rows {
		err = fmt.Errorf("%d rows of packets and %d of flows, the ledger has %d and %d", rows[transform.PacketsTable], rows[transform.FlowsTable], v.m.Ledger.Rows, v.m.Ledger.Flows)
	}
	v.say("rows", err, "as many as the ledger accounts for")
	others, err := v.strangers(known)
	if err == nil && len(others) > 0 {
		v.say("nothing else", fmt.Errorf("not in the manifest: %s", strings.Join(others, ", ")), "")
		return nil
	}
	if err == nil {
		v.say("nothing else", nil, "no file that the manifest does not list")
	}
	return err
}

// output verifies one file and gives its rows.
func (v *verification) output(f File) (rows int64, err error) {
	path := filepath.Join(v.dir, filepath.FromSlash(f.Path))
	sum, size, err := pcapio.Digest(path)
	if err != nil {
		return 0, err
	}
	if sum != f.SHA256 || size != f.Bytes {
		return 0, fmt.Errorf("%s: SHA-256 %s of %d bytes, the manifest has %s of %d", f.Path, sum, size, f.SHA256, f.Bytes)
	}
	if f.Table() == "" {
		return 0, nil
	}
	t, err := source.Open(path)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if t.Rows() != f.Rows || t.Metadata()[transform.MetaSchema] != f.SchemaHash {
		return t.Rows(), fmt.Errorf("%s: %d rows of schema %s, the manifest has %d of %s", f.Path, t.Rows(), t.Metadata()[transform.MetaSchema], f.Rows, f.SchemaHash)
	}
	return t.Rows(), nil
}

// strangers lists files that nobody knows.
func (v *verification) strangers(known map[string]bool) (list []string, err error) {
	err = filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(v.dir, path)
		if rel = filepath.ToSlash(rel); err == nil && !known[rel] {
			list = append(list, rel)
		}
		return err
	})
	return list, err
}

// inputs verifies the captures.
func (v *verification) inputs(c Check) {
	var wrong error
	n := 0
	for _, s := range v.m.Sensors {
		if c.Sensor != "" && s.Sensor != c.Sensor {
			continue
		}
		for _, in := range s.Inputs {
			if in.SHA256 == "" {
				continue // it could not be opened then
			}
			n++
			sum, _, err := pcapio.Digest(filepath.Join(c.Captures, filepath.FromSlash(in.File)))
			if err == nil && sum != in.SHA256 {
				err = fmt.Errorf("%s: SHA-256 %s, the manifest has %s", in.File, sum, in.SHA256)
			}
			wrong = errors.Join(wrong, err)
		}
	}
	if n == 0 {
		wrong = fmt.Errorf("the manifest has no capture of the sensor %q", c.Sensor)
	}
	v.say("captures", wrong, fmt.Sprintf("%d with their SHA-256", n))
}

// rerun makes the run anew and compares all of its bytes.
func (v *verification) rerun(c Check) error {
	scratch, err := Create(c.Scratch)
	if err != nil {
		return err
	}
	scratch.states = v.lake
	p, err := v.replan(c)
	if err != nil {
		return err
	}
	p.Run, p.After = v.m.Run, ""
	if err := scratch.store(p); err != nil {
		return err
	}
	anew, err := scratch.again(v.ctx, p, c)
	if err != nil {
		return err
	}
	if v.m.Compacted {
		if anew, err = scratch.Compact(v.ctx, v.m.Run); err != nil {
			return err
		}
	}
	v.say("made anew", v.compare(anew), fmt.Sprintf("%d files with the same bytes", len(v.m.Outputs)))
	return nil
}

// again does a plan without looking at what the lake has.
func (l *Lake) again(ctx context.Context, p *Plan, c Check) (*Manifest, error) {
	w, err := NewWorker(p, c.Label)
	if err != nil {
		return nil, err
	}
	w.Workers = c.Workers
	for n := 1; n <= len(p.Shards); n++ {
		if _, err := w.Run(ctx, n); err != nil {
			return nil, err
		}
	}
	return l.Commit(ctx, w)
}

// replan makes the plan that the run had, for the captures where they are now.
func (v *verification) replan(c Check) (*Plan, error) {
	p := &Plan{Version: 1, Tool: transform.Version, Config: v.m.Config}
	if v.m.Tool != transform.Version {
		return nil, fmt.Errorf("the run was made by version %s, this is %s: its bytes may be others", v.m.Tool, transform.Version)
	}
	p.Config.Labels.Rules = c.Rules
	if len(c.Rules) != len(v.m.Rules) {
		return nil, fmt.Errorf("the run has %d files of label rules; name them", len(v.m.Rules))
	}
	for i, path := range c.Rules {
		sum, _, err := pcapio.Digest(path)
		if err != nil {
			return nil, err
		}
		if sum != v.m.Rules[i] {
			return nil, fmt.Errorf("%s is not the run's file %d of label rules", path, i+1)
		}
		p.Rules = append(p.Rules, Source{path, sum})
	}
	for _, s := range v.m.Sensors {
		stream := Stream{Sensor: s.Sensor, Span: s.Span, Carry: s.Carry, State: s.After, Earlier: s.Earlier}
		for _, in := range s.Inputs {
			path, err := filepath.Abs(filepath.Join(c.Captures, filepath.FromSlash(in.File)))
			if err != nil {
				return nil, err
			}
			stream.Inputs = append(stream.Inputs, Capture{Name: in.File, Path: path, Bytes: in.Bytes})
		}
		p.Streams = append(p.Streams, stream)
		if err := p.cut(v.ctx, len(p.Streams)-1); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// compare compares two runs' files.
func (v *verification) compare(anew *Manifest) (wrong error) {
	was := map[string]File{}
	for _, f := range v.m.Outputs {
		was[f.Path] = f
	}
	for _, f := range anew.Outputs {
		if old, ok := was[f.Path]; !ok || old != f {
			wrong = errors.Join(wrong, fmt.Errorf("%s has other bytes", f.Path))
		}
		delete(was, f.Path)
	}
	for path := range was {
		wrong = errors.Join(wrong, fmt.Errorf("%s was not made anew", path))
	}
	return wrong
}
