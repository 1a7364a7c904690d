package export

import (
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

// rowColumns are read for every tool.
var rowColumns = []string{"file_id", "ts_ns", "label", "label_class"}

// rowReader reads them.
type rowReader struct {
	file  schema.Cursor[uint32]
	time  schema.Cursor[int64]
	label schema.Cursor[schema.Text]
	class schema.Cursor[schema.Text]
}

func newRowReader(b *schema.Batch) rowReader {
	return rowReader{
		schema.Walk[uint32](b.Column("file_id")), schema.Walk[int64](b.Column("ts_ns")),
		schema.Walk[schema.Text](b.Column("label")), schema.Walk[schema.Text](b.Column("label_class")),
	}
}

// verdict is what the labels say of a packet.
type verdict struct {
	known, attack bool
	label         schema.Text // of an attack; borrowed
}

func (r *rowReader) verdict(row int) verdict {
	class, _ := r.class.At(row)
	label, _ := r.label.At(row)
	switch string(class) {
	case "benign":
		return verdict{known: true}
	case "attack":
		return verdict{known: true, attack: true, label: label}
	}
	return verdict{}
}

// truth is the label of a sample: an attack if one of its packets is.
type truth struct {
	known bool
	label string // of the first attack packet; "" for benign
}

func (t *truth) add(v verdict) {
	t.known = t.known || v.known
	if v.attack && t.label == "" {
		t.label = string(v.label)
	}
}

// benign is the name of the class that is no attack.
const benign = "benign"

// sample is one line or row of what a tool gets.
type sample struct {
	position features.Position
	truth    truth
	packets  int64
}

// samples are all of them with their parts, from the first reading.
type samples struct {
	list    []sample
	classes []string // benign first, then by name
	split   *features.Split
}

// Reasons why packets are in no sample.
const (
	leftUnknown = "of samples that no label covers"
	leftPurged  = "of samples that the split purges"
)

// parts splits the samples of the first reading.
func (e *exporter) parts(list []sample) (*samples, error) {
	s := &samples{list: list, classes: []string{benign}}
	for i := range list {
		if l := list[i].truth.label; l != "" && !slices.Contains(s.classes, l) {
			s.classes = append(s.classes, l)
		}
	}
	slices.Sort(s.classes[1:])
	captures := make([]string, len(e.inputs))
	for i := range e.inputs {
		captures[i] = e.inputs[i].File
	}
	var known []features.Position
	for i := range list {
		if list[i].truth.known {
			p := list[i].position
			p.Class = int32(max(slices.Index(s.classes, list[i].truth.label), 0))
			known = append(known, p)
		}
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%s: no sample has a label", e.opt.Table)
	}
	var err error
	if s.split, err = e.opt.Split.Assign(known, s.classes, captures); err != nil {
		return nil, err
	}
	e.res.Split = s.split
	e.account(s)
	return s, nil
}

// account enters the samples into the result.
func (e *exporter) account(s *samples) {
	next := 0
	for i := range s.list {
		x := &s.list[i]
		if !x.truth.known {
			e.res.Left[leftUnknown] += x.packets
			continue
		}
		part := s.split.Parts[next]
		next++
		name := x.truth.label
		if name == "" {
			name = benign
		}
		if e.res.Samples[name] == nil {
			e.res.Samples[name] = map[string]int{}
		}
		e.res.Samples[name][part.String()]++
		if part == features.Purged {
			e.res.Left[leftPurged] += x.packets
			continue
		}
		e.res.Used += x.packets
	}
}

// walker gives the parts of samples that come in the order of the first reading.
type walker struct {
	s          *samples
	at, labels int
}

// next gives the part of the next sample, and whether it is in one.
func (w *walker) next() (features.Part, bool) {
	x := &w.s.list[w.at]
	w.at++
	if !x.truth.known {
		return 0, false
	}
	p := w.s.split.Parts[w.labels]
	w.labels++
	return p, p != features.Purged
}
