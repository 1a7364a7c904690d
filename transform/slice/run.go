package slice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
)

// Result is what Run did.
type Result struct {
	Files    []File           `json:"files"`
	In       int64            `json:"packets_in"`
	Out      int64            `json:"packets_out"`
	Left     map[string]int64 `json:"packets_left"`               // by the first reason against them
	Comments int64            `json:"comments_replaced"`          // of packets, by pcapml's
	Rows     int64            `json:"rows_chosen"`                // of the table
	Spans    []int64          `json:"packets_of_spans,omitempty"` // met by Selection.Spans, taken or not
	Absent   []string         `json:"captures_absent"`            // that the table is of and that were not given
	Damaged  []string         `json:"damaged"`                    // captures not read to their end
}

// WriteText prints the result for people.
func (r *Result) WriteText(w io.Writer) {
	var left int64
	for _, n := range r.Left {
		left += n
	}
	fmt.Fprintf(w, "packets in %d = out %d + left %d\n", r.In, r.Out, left)
	for _, k := range slices.Sorted(maps.Keys(r.Left)) {
		fmt.Fprintf(w, "  left: %s: %d\n", k, r.Left[k])
	}
	if r.Comments > 0 {
		fmt.Fprintf(w, "comments replaced by pcapml's: %d\n", r.Comments)
	}
	if len(r.Absent) > 0 {
		fmt.Fprintf(w, "captures of the table that were not given: %d\n", len(r.Absent))
	}
	for _, d := range r.Damaged {
		fmt.Fprintf(w, "damaged: %s\n", d)
	}
	if len(r.Files) == 1 {
		fmt.Fprintf(w, "wrote %s\n", r.Files[0].Path)
	} else {
		fmt.Fprintf(w, "wrote %d files\n", len(r.Files))
	}
}

// slicer is one call of Run.
type slicer struct {
	opt    Options
	inputs []input
	picker *picker
	out    output
	res    *Result
}

// Run cuts packets out of captures. With [transform.ErrDamaged] what was
// readable is in the files; with any other error there are none.
func Run(ctx context.Context, opt Options) (*Result, error) {
	if opt.Select.From == 0 && opt.Select.To == 0 {
		opt.Select.From, opt.Select.To = Earliest, Latest
	}
	opt.Flow.Span = opt.Flow.Span || opt.Merge
	if err := opt.check(); err != nil {
		return nil, &transform.OptionError{Err: err}
	}
	s := &slicer{opt: opt, res: &Result{Left: map[string]int64{}, Files: []File{}, Absent: []string{}, Damaged: []string{}}}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	defer s.out.abort()
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.finish()
}

// prepare reads the table and opens the output.
func (s *slicer) prepare() error {
	var r *rows
	var err error
	for i, path := range s.opt.Inputs {
		s.inputs = append(s.inputs, input{path: path, id: int32(i)})
	}
	if s.opt.Select.Table != "" {
		if r, err = readRows(&s.opt.Select); err != nil {
			return err
		}
		if r.chosen == 0 {
			return fmt.Errorf("%s: no row has %s", s.opt.Select.Table, s.opt.Select.rowConditions())
		}
		if s.inputs, err = r.match(s.opt.Inputs); err != nil {
			return err
		}
		s.res.Rows, s.res.Absent = r.chosen, s.absent(r)
	}
	if s.picker, err = newPicker(&s.opt, r); err != nil {
		return &transform.OptionError{Err: err}
	}
	if s.opt.Split == NoSplit {
		s.out, err = newSingle(s.opt.Output)
		return err
	}
	s.out, err = newFolder(s.opt.Output, s.opt.MaxFiles, s.opt.Split)
	return err
}

// absent names the captures of a table that were not given.
func (s *slicer) absent(r *rows) []string {
	names := []string{}
	for i, in := range r.inputs {
		if !slices.ContainsFunc(s.inputs, func(given input) bool { return int(given.id) == i }) {
			names = append(names, in.File)
		}
	}
	return names
}

func (s *slicer) read(ctx context.Context) error {
	paths := make([]string, len(s.inputs))
	for i := range s.inputs {
		paths[i] = s.inputs[i].path
	}
	open := pcapio.Blocks
	if s.opt.Merge {
		open = pcapio.Merge
	}
	st := open(ctx, paths, s.opt.Reader)
	defer st.Close()
	for {
		ev, err := st.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch ev.Kind {
		case pcapio.FileBlock:
			var werr error
			err := pcapio.Guard(func() { werr = s.block(ev.Block, s.inputs[ev.Index].id) })
			ev.Block.Release()
			if err := errors.Join(err, werr); err != nil {
				return err
			}
		case pcapio.FileEnd:
			if ev.Err != nil {
				s.res.Damaged = append(s.res.Damaged, ev.Err.Error())
			}
		}
	}
}

func (s *slicer) block(b *pcapio.Block, file int32) error {
	defer s.picker.endBlock()
	for i := range b.Packets {
		p := &b.Packets[i]
		s.res.In++
		c, reason := s.picker.pick(p, file)
		if reason == "" && pcapio.CheckPacket(p) != nil {
			reason = reasonUnwritten
		}
		if reason != "" {
			s.res.Left[reason]++
			continue
		}
		t := taken{choice: c, packet: p, iface: &b.File.Interfaces[p.Interface], file: file}
		if s.opt.PcapML {
			s.comment(&t)
		}
		if err := s.out.write(&t); err != nil {
			return err
		}
		s.res.Out++
	}
	return nil
}

// comment gives a packet pcapml's comment: the sample, which is a number of 64
// bits, and the label.
func (s *slicer) comment(t *taken) {
	sample := uint64(t.flow)
	if sample == 0 {
		sample = uint64(flow.KeyOf(t.digest).Hash())
	}
	p := *t.packet
	if p.Comment != "" {
		s.res.Comments++
	}
	p.Comment = strconv.FormatUint(sample, 10) + "," + t.label
	t.packet = &p
}

// finish checks the ledger and shows the files.
func (s *slicer) finish() (*Result, error) {
	var left int64
	for _, n := range s.res.Left {
		left += n
	}
	if s.res.In != s.res.Out+left {
		return nil, fmt.Errorf("ledger does not balance: %d packets in, %d out, %d left", s.res.In, s.res.Out, left)
	}
	if s.res.In == 0 && len(s.res.Damaged) > 0 {
		return nil, fmt.Errorf("%w: %s", transform.ErrNothing, s.res.Damaged[0])
	}
	read := make([]int32, len(s.inputs))
	for i := range s.inputs {
		read[i] = s.inputs[i].id
	}
	if err := s.picker.verify(read); err != nil {
		return nil, err
	}
	s.res.Spans = s.picker.inSpan
	var err error
	if s.res.Files, err = s.out.close(); err != nil {
		return nil, err
	}
	if len(s.res.Damaged) > 0 {
		return s.res, transform.ErrDamaged
	}
	return s.res, nil
}
