package lake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/pcapio/store"
)

// captures lists all captures by sensor.
func (from Sources) captures(ctx context.Context, cfg *Config) ([]Stream, error) {
	c := collected{cfg: cfg, at: map[string]int{}, from: map[[2]string]string{}}
	for _, dir := range from.Spools {
		if err := c.spool(dir); err != nil {
			return nil, err
		}
	}
	for _, name := range from.Corpus {
		add := c.corpus
		if store.IsRemote(name) {
			add = func(place string) error { return c.remote(ctx, place) }
		}
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return c.streams, nil
}

// collected is captures by sensor, on their way.
type collected struct {
	cfg     *Config
	streams []Stream
	at      map[string]int       // of a sensor's stream
	from    map[[2]string]string // path by sensor and name
}

// add notes a capture of a sensor, in a stream whose flows span by default or not.
func (c *collected) add(sensor string, span bool, in Capture) error {
	if !sensorName.MatchString(sensor) {
		return fmt.Errorf("%s: sensor %q: %w", in.Path, sensor, errSensor)
	}
	key := [2]string{sensor, in.Name}
	if other, twice := c.from[key]; twice {
		return fmt.Errorf("%s and %s are both called %s of the sensor %s", other, in.Path, in.Name, sensor)
	}
	c.from[key] = in.Path
	i, ok := c.at[sensor]
	if !ok {
		i = len(c.streams)
		c.at[sensor] = i
		s := Stream{Sensor: sensor, Span: or(c.cfg.Flows.Span, span)}
		s.Carry = s.Span && or(c.cfg.Flows.Carry, span)
		s.Span = s.Span || s.Carry
		c.streams = append(c.streams, s)
	}
	c.streams[i].Inputs = append(c.streams[i].Inputs, in)
	return nil
}

// spool adds the finished segments of a spool.
func (c *collected) spool(dir string) error {
	list, err := spool.List(dir)
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.Part {
			continue
		}
		if err := c.add(s.Sensor, true, Capture{Name: s.Name, Path: filepath.Join(abs, s.Name), Bytes: s.Size}); err != nil {
			return err
		}
	}
	return nil
}

// corpus adds the captures that a name stands for, called by their paths below
// it.
func (c *collected) corpus(name string) error {
	paths, err := pcapio.Expand([]string{name})
	if err != nil {
		return err
	}
	root := name
	if st, err := os.Stat(name); err != nil || !st.IsDir() {
		root = ""
	}
	for _, path := range paths {
		if path == "-" {
			return fmt.Errorf("standard input is no corpus: it cannot be read twice")
		}
		in := Capture{Name: filepath.Base(path)}
		if root != "" {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			in.Name = filepath.ToSlash(rel)
		}
		if in.Path, err = filepath.Abs(path); err != nil {
			return err
		}
		if st, err := os.Stat(path); err == nil { // else it is quarantined when it is its turn
			in.Bytes = st.Size()
		}
		if err := c.add(c.sensorOf(in.Name), false, in); err != nil {
			return err
		}
	}
	return nil
}

// sensorOf is the sensor of a capture in a corpus.
func (c *collected) sensorOf(name string) string {
	if folder, _, ok := strings.Cut(name, "/"); ok && c.cfg.SensorFolders {
		return folder
	}
	if c.cfg.Sensor != "" {
		return c.cfg.Sensor
	}
	return "default"
}

// done is what the lake has already.
type done struct {
	count  int    // of runs ever
	last   string // run
	inputs map[[2]string]doneInput
	states map[string]string // by sensor: the last run with open flows
}

type doneInput struct {
	bytes int64
	retry bool // it was quarantined for a reason that may pass
	poor  bool // it was quarantined
}

func (l *Lake) done() (*done, error) {
	manifests, err := l.Manifests()
	if err != nil {
		return nil, err
	}
	d := &done{inputs: map[[2]string]doneInput{}, states: map[string]string{}}
	for _, m := range manifests {
		d.count, d.last = max(d.count, m.number()), m.Run
		for _, s := range m.Sensors {
			for _, in := range s.Inputs {
				d.inputs[[2]string{s.Sensor, in.File}] = doneInput{bytes: in.Bytes}
			}
			switch {
			case s.State != nil && !m.Expired:
				d.states[s.Sensor] = m.Run
			case s.Ledger.PacketsIn > 0: // its flows ended, those of the run before, too
				delete(d.states, s.Sensor)
			}
		}
		for _, q := range m.Quarantined {
			d.inputs[[2]string{q.Sensor, q.File}] = doneInput{bytes: q.Bytes, retry: q.Retry, poor: true}
		}
	}
	return d, nil
}

// has says whether a capture need not be looked at. One whose rows are in the
// lake stays as it is, also when it has grown: its rows would be there twice.
func (d *done) has(sensor string, c Capture) bool {
	was, ok := d.inputs[[2]string{sensor, c.Name}]
	switch {
	case ok && was.retry:
		return !opens(c.Path)
	case ok && was.poor:
		return was.bytes == c.Bytes
	}
	return ok
}

func opens(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
