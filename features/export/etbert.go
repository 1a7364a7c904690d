package export

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

var etBERTColumns = []string{"flow_id", "payload"}

// Reasons why packets are in no text.
const (
	leftNoFlow  = "of no flow"
	leftPayload = "with less than two bytes of payload"
	leftBeyond  = "beyond the packets that a sample takes"
	leftClass   = "of labels without training samples"
)

// text is a sample of ET-BERT on its way: the payloads' first bytes.
type text struct {
	sample
	payloads [][]byte // copied; nil in the first reading
	count    int
}

// etBERT gathers the texts of one reading.
type etBERT struct {
	e       *exporter
	packets int
	tokens  int
	keep    bool // the payloads, too
	file    uint32
	open    map[int64]*text // by flow_id
	order   []*text         // of the capture
	emit    func(t *text) error
}

func (e *exporter) newETBERT(keep bool, emit func(t *text) error) *etBERT {
	x := &etBERT{e: e, packets: e.opt.Packets, tokens: e.opt.Tokens, keep: keep, open: map[int64]*text{}, emit: emit}
	if x.packets <= 0 {
		x.packets = 5
	}
	if x.tokens <= 0 {
		x.tokens = 128
	}
	if e.opt.Level == "packet" {
		x.packets = 1
	}
	return x
}

// writeETBERT reads the table twice.
func writeETBERT(e *exporter) error {
	var list []sample
	first := e.newETBERT(false, func(t *text) error { list = append(list, t.sample); return nil })
	if err := first.read(e.res); err != nil {
		return err
	}
	s, err := e.parts(list)
	if err != nil {
		return err
	}
	ids := e.etBERTLabels(s)
	out, err := e.newTexts()
	if err != nil {
		return err
	}
	w := walker{s: s}
	second := e.newETBERT(true, func(t *text) error {
		part, ok := w.next()
		id, trained := ids[max(slices.Index(s.classes, t.truth.label), 0)]
		if !ok || !trained {
			return nil
		}
		return out[part].line(id, t)
	})
	err = second.read(new(Result))
	for _, f := range out {
		err = errors.Join(err, f.close())
	}
	return errors.Join(err, e.writeLabels(s, ids))
}

// etBERTLabels numbers the classes with training samples, and leaves the
// samples of the others out: the tool takes the number of labels from the
// training file.
func (e *exporter) etBERTLabels(s *samples) map[int]int {
	trained := make([]bool, len(s.classes))
	each := func(visit func(class int, p features.Part, packets int64)) {
		w := walker{s: s}
		for i := range s.list {
			if p, ok := w.next(); ok {
				visit(max(slices.Index(s.classes, s.list[i].truth.label), 0), p, s.list[i].packets)
			}
		}
	}
	each(func(class int, p features.Part, _ int64) { trained[class] = trained[class] || p == features.Train })
	each(func(class int, _ features.Part, packets int64) {
		if !trained[class] {
			e.res.Used -= packets
			e.res.Left[leftClass] += packets
		}
	})
	ids := map[int]int{}
	for class, ok := range trained {
		if ok {
			ids[class] = len(ids)
		}
	}
	return ids
}

// writeLabels says what the numbers mean.
func (e *exporter) writeLabels(s *samples, ids map[int]int) error {
	f, err := e.create("labels.tsv")
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, "label\tname\n")
	for class, name := range s.classes {
		if id, ok := ids[class]; ok && err == nil {
			_, err = fmt.Fprintf(f, "%d\t%s\n", id, name)
		}
	}
	return errors.Join(err, f.Close())
}

// read gathers the texts of the whole table and counts into res.
func (x *etBERT) read(res *Result) error {
	err := x.e.each(func(b *schema.Batch) error {
		r := newRowReader(b)
		flow := schema.Walk[int64](b.Column("flow_id"))
		payload := schema.Walk[schema.Bytes](b.Column("payload"))
		for row := range b.Rows {
			res.Rows++
			if file, _ := r.file.At(row); file != x.file {
				if err := x.flush(); err != nil {
					return err
				}
				x.file = file
			}
			id, inFlow := flow.At(row)
			data, _ := payload.At(row)
			v, ts := r.verdict(row), int64(0)
			ts, _ = r.time.At(row)
			if reason := x.add(id, inFlow, data, ts, v); reason != "" {
				if res.Left != nil {
					res.Left[reason]++
				}
			}
		}
		return nil
	})
	return errors.Join(err, x.flush())
}

// add puts a packet into its text, or says why not.
func (x *etBERT) add(flow int64, inFlow bool, data schema.Bytes, ts int64, v verdict) (reason string) {
	switch {
	case !inFlow:
		return leftNoFlow
	case len(data) < 2:
		return leftPayload
	}
	t := x.open[flow]
	if t == nil || x.e.opt.Level == "packet" {
		t = &text{sample: sample{position: features.Position{
			Start: ts, End: ts, Group: uint64(flow), Capture: int32(x.file),
		}}}
		x.open[flow] = t
		x.order = append(x.order, t)
	}
	if t.count == x.packets {
		return leftBeyond
	}
	t.count++
	t.packets++
	t.position.Start, t.position.End = min(t.position.Start, ts), max(t.position.End, ts)
	t.truth.add(v)
	if x.keep {
		t.payloads = append(t.payloads, slices.Clone(data[:min(len(data), x.tokens+1)]))
	}
	return ""
}

// flush gives the texts of a capture on, in the order in which they began.
func (x *etBERT) flush() error {
	for _, t := range x.order {
		if err := x.emit(t); err != nil {
			return err
		}
	}
	x.order = nil
	clear(x.open)
	return nil
}

// texts is a file of one part.
type texts struct {
	file io.WriteCloser
	w    *bufio.Writer
	buf  []byte
}

// newTexts begins the three files.
func (e *exporter) newTexts() (map[features.Part]*texts, error) {
	out := map[features.Part]*texts{}
	for _, f := range []struct {
		part features.Part
		name string
	}{{features.Train, "train_dataset.tsv"}, {features.Valid, "valid_dataset.tsv"}, {features.Test, "test_dataset.tsv"}} {
		file, err := e.create(f.name)
		if err != nil {
			return nil, err
		}
		t := &texts{file: file, w: bufio.NewWriter(file)}
		if _, err := t.w.WriteString("label\ttext_a\n"); err != nil {
			return nil, err
		}
		out[f.part] = t
	}
	return out, nil
}

// line writes a sample: its label's number, and its payloads as pairs of bytes
// that overlap by one.
func (t *texts) line(id int, x *text) error {
	t.buf = strconv.AppendInt(t.buf[:0], int64(id), 10)
	t.buf = append(t.buf, '\t')
	for i, p := range x.payloads {
		for j := range len(p) - 1 {
			if i+j > 0 {
				t.buf = append(t.buf, ' ')
			}
			t.buf = hex.AppendEncode(t.buf, p[j:j+2])
		}
	}
	_, err := t.w.Write(append(t.buf, '\n'))
	return err
}

func (t *texts) close() error { return errors.Join(t.w.Flush(), t.file.Close()) }
