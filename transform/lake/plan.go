package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
)

// Plan says what a run does. It is made once, and every shard and the commit
// go by it.
type Plan struct {
	Version int      `json:"version"` // 1
	Tool    string   `json:"tool"`    // version of the program; another one does not go on with it
	Run     string   `json:"run"`
	After   string   `json:"after"` // the run before; "": none
	Config  Config   `json:"config"`
	Rules   []Source `json:"rules,omitempty"` // files that the configuration names
	Streams []Stream `json:"streams"`
	Shards  []Shard  `json:"shards"`

	path string // of the plan's file
}

// Source is a file beside the captures.
type Source struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// Stream is the captures of one sensor, in order.
type Stream struct {
	Sensor  string            `json:"sensor"`
	Span    bool              `json:"span"`
	Carry   bool              `json:"carry"`
	State   string            `json:"state,omitempty"`   // the run that has the flows to go on with
	Earlier []transform.Input `json:"earlier,omitempty"` // captures that these flows are of; file_id counts them first
	Inputs  []Capture         `json:"inputs"`
}

// Capture is an input of a plan.
type Capture struct {
	Name  string `json:"name"` // as outputs call it
	Path  string `json:"path"`
	Store string `json:"store,omitempty"` // the place, as package store takes it, of which Path is an object; "": this machine
	Bytes int64  `json:"bytes"`
	Cut   *Cut   `json:"cut,omitempty"` // of one that is worked on in several shards
}

// Cut is what planning found out of a capture that it cut.
type Cut struct {
	SHA256 string `json:"sha256"`
	Lost   int64  `json:"lost,omitempty"` // packets lost while capturing
}

// Shard is a piece of work: captures of a stream that follow each other, the
// first and the last perhaps in part.
type Shard struct {
	Stream int    `json:"stream"`
	Number int    `json:"number"` // within the stream, from 1
	Parts  []Part `json:"parts"`
	Cost   int64  `json:"cost"` // in bytes of plain captures, estimated
}

// Part is a capture of a shard, or a range of one.
type Part struct {
	Input  int          `json:"input"`
	Range  pcapio.Range `json:"range,omitzero"`
	SHA256 string       `json:"sha256,omitempty"` // of the range's bytes
}

// ErrNothingNew says that all captures are in the lake already.
var ErrNothingNew = errors.New("no capture that is not in the lake already")

// Path is where the plan lies.
func (p *Plan) Path() string { return p.path }

// ReadPlan reads a plan's file.
func ReadPlan(path string) (*Plan, error) {
	p := new(Plan)
	if err := readJSON(path, p); err != nil {
		return nil, err
	}
	p.path = path
	switch {
	case p.Version != 1:
		return nil, fmt.Errorf("%s: version %d of plans is not known", path, p.Version)
	case p.Tool != transform.Version:
		return nil, fmt.Errorf("%s was made by version %s, this is %s", path, p.Tool, transform.Version)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// check verifies what the shards rely on, should somebody have changed the file.
func (p *Plan) check() error {
	for n, sh := range p.Shards {
		if sh.Stream < 0 || sh.Stream >= len(p.Streams) || len(sh.Parts) == 0 {
			return fmt.Errorf("shard %d is of no stream, or of no capture", n+1)
		}
		for _, part := range sh.Parts {
			if part.Input < 0 || part.Input >= len(p.Streams[sh.Stream].Inputs) {
				return fmt.Errorf("shard %d: there is no capture %d", n+1, part.Input)
			}
		}
	}
	for i := range p.Streams {
		if !sensorName.MatchString(p.Streams[i].Sensor) {
			return fmt.Errorf("sensor %q: %w", p.Streams[i].Sensor, errSensor)
		}
	}
	return p.Config.Check()
}

// Pending gives the plan that was made and not committed; nil: none.
func (l *Lake) Pending() (*Plan, error) {
	paths, err := filepath.Glob(filepath.Join(l.Root, workDir, "*", planName))
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	return ReadPlan(paths[0])
}

// Plan decides what the next run does with captures that are in no run yet, and
// writes it down. A plan that was made and not committed is given again; it is
// finished, or given up with [Lake.Discard], before there is another.
func (l *Lake) Plan(ctx context.Context, from Sources, cfg Config) (*Plan, error) {
	held, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if p, err := l.Pending(); p != nil || err != nil {
		return p, err
	}
	return l.plan(ctx, from, cfg)
}

// Discard gives up the plan that is pending, and what was done for it.
func (l *Lake) Discard() error {
	held, err := l.lock()
	if err != nil {
		return err
	}
	defer held.Close()
	return l.discard()
}

// discard removes the plan first: without it the rest is never looked at. What a
// shard that comes late still writes there goes with the next plan.
func (l *Lake) discard() error {
	entries, err := os.ReadDir(filepath.Join(l.Root, workDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := filepath.Join(l.Root, workDir, e.Name())
		if err := os.RemoveAll(filepath.Join(dir, planName)); err != nil {
			return err
		}
		_ = os.RemoveAll(dir)
	}
	return nil
}

// plan is Plan with the lock held and nothing pending.
func (l *Lake) plan(ctx context.Context, from Sources, cfg Config) (*Plan, error) {
	if err := errors.Join(l.tidy(), l.discard()); err != nil {
		return nil, err
	}
	done, err := l.done()
	if err != nil {
		return nil, err
	}
	p := &Plan{Version: 1, Tool: transform.Version, Config: cfg, After: done.last}
	p.Config.Model = nil // it is made of what is published
	if p.Streams, err = from.streams(ctx, &cfg, done); err != nil {
		return nil, err
	}
	if len(p.Streams) == 0 {
		return nil, ErrNothingNew
	}
	for _, path := range cfg.Labels.Rules {
		sum, _, err := pcapio.Digest(path)
		if err != nil {
			return nil, fmt.Errorf("label rules: %w", err)
		}
		p.Rules = append(p.Rules, Source{path, sum})
	}
	for i := range p.Streams {
		if err := l.goOn(&p.Streams[i], done); err != nil {
			return nil, err
		}
		if err := p.cut(ctx, i); err != nil {
			return nil, err
		}
	}
	if p.Run, err = p.name(done.count); err != nil {
		return nil, err
	}
	return p, l.store(p)
}

// store writes the plan down; from then on it is pending.
func (l *Lake) store(p *Plan) error {
	if err := os.MkdirAll(l.work(p.Run), 0o750); err != nil {
		return err
	}
	p.path = filepath.Join(l.work(p.Run), planName)
	return writeJSON(p.path, p)
}

// name gives the run its number and tells it from others of that number. Where
// captures lie on a machine is not in it.
func (p *Plan) name(before int) (string, error) {
	c := *p
	c.Streams = slices.Clone(p.Streams)
	for i := range c.Streams {
		c.Streams[i].Inputs = slices.Clone(c.Streams[i].Inputs)
		for j := range c.Streams[i].Inputs {
			c.Streams[i].Inputs[j].Path, c.Streams[i].Inputs[j].Store = "", ""
		}
	}
	c.Rules = slices.Clone(p.Rules)
	for i := range c.Rules {
		c.Rules[i].Path = ""
	}
	c.Config.Labels.Rules = nil
	sum, err := digestOf(c)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%06d-%s", before+1, sum[:8]), nil
}

// goOn finds the flows that the sensor's last run left open. They go on also in
// a run that leaves none open itself, and so end there.
func (l *Lake) goOn(s *Stream, d *done) error {
	last := d.states[s.Sensor]
	if last == "" {
		return nil
	}
	opt := transform.Options{LoadState: l.statePath(last, s.Sensor)}
	earlier, err := opt.EarlierInputs()
	if err != nil {
		return err
	}
	s.State, s.Earlier, s.Span = last, earlier, true
	return nil
}

func (l *Lake) statePath(run, sensor string) string {
	if l.states != nil {
		l = l.states
	}
	return filepath.Join(l.Dir(run), stateDir, sensor+".flows")
}

// Sources is where captures come from.
type Sources struct {
	Spools []string // folders of package spool
	Corpus []string // folders, files, patterns (see pcapio.Expand), or places of package store
}

// streams lists the new captures by sensor, in order.
func (from Sources) streams(ctx context.Context, cfg *Config, d *done) ([]Stream, error) {
	found, err := from.captures(ctx, cfg)
	if err != nil {
		return nil, err
	}
	var out []Stream
	for _, s := range found {
		s.Inputs = slices.DeleteFunc(s.Inputs, func(c Capture) bool { return d.has(s.Sensor, c) })
		if len(s.Inputs) > 0 {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b Stream) int { return cmp.Compare(a.Sensor, b.Sensor) })
	return out, nil
}

func or(b *bool, otherwise bool) bool {
	if b == nil {
		return otherwise
	}
	return *b
}
