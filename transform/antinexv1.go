package transform

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/antinex"
)

// AntiNexOptions say what AntiNexV1 reads and writes. The zero value of a
// field is its default.
type AntiNexOptions struct {
	Inputs    []string       // captures, or JSON archives of the original
	Reader    pcapio.Options // how captures are read
	Merge     bool           // packets of all captures in order of time; else capture after capture
	Filter    string         // of captures, in the pcap filter language; packets that do not match are skipped; "": none
	Record    antinex.Config // what is written
	StopAfter int64          // end after so many rows; 0: never
	StopFile  string         // end as soon as this file is there; "": none
	Progress  func(Progress) // called now and then; nil: never
}

// AntiNexResult is what AntiNexV1 did.
type AntiNexResult struct {
	Ledger  *Ledger          `json:"ledger"`
	Inputs  []Input          `json:"inputs"`
	Dropped map[string]int64 `json:"layers_without_columns"` // that the original names and drops, by name
	Stopped string           `json:"stopped,omitempty"`      // why the rest of the input was not read
}

// AntiNexV1 writes captures, or archives of messages, in the dialect
// antinex-v1: see package antinex. What [ErrDamaged] and [ErrNothing] say
// holds here too. Every packet that was read is a row or is counted by the
// reason why the original would have none.
func AntiNexV1(ctx context.Context, opt AntiNexOptions) (*AntiNexResult, error) {
	archives, err := onlyArchives(opt.Inputs)
	if err == nil && archives && opt.Filter != "" {
		err = &OptionError{errors.New("messages have no packets for a filter to match")}
	}
	if err != nil {
		return nil, err
	}
	rec, err := antinex.NewRecorder(opt.Record)
	if err != nil {
		return nil, err
	}
	defer rec.Abort()
	r := &antinexRun{opt: opt, runner: runner{opt: Options{Inputs: opt.Inputs}, ledger: NewLedger()}, rec: rec}
	if err := r.chooseInputs(); err != nil {
		return nil, err
	}
	if opt.Filter != "" {
		r.chooser.all = &programs{expr: opt.Filter}
	}
	if err := r.hashInputs(ctx); err != nil {
		return nil, err
	}
	if archives {
		err = r.readArchives(ctx)
	} else {
		err = r.readCaptures(ctx)
	}
	if err != nil {
		return nil, err
	}
	return r.finish()
}

// onlyArchives reports whether the inputs are archives, which begin with a
// brace; some of each are refused.
func onlyArchives(inputs []string) (bool, error) {
	n := 0
	for _, path := range inputs {
		is, err := isArchive(path)
		if err != nil {
			return false, err
		}
		if is {
			n++
		}
	}
	if n > 0 && n < len(inputs) {
		return false, &OptionError{errors.New("captures and archives of messages cannot be read together")}
	}
	return n > 0, nil
}

func isArchive(path string) (bool, error) {
	if path == "-" {
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, nil // the reader of captures says what is wrong with it
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return false, err // a pipe gives its bytes once
	}
	r := bufio.NewReader(f)
	for {
		c, err := r.ReadByte()
		switch {
		case err == io.EOF:
			return false, nil
		case err != nil:
			return false, fmt.Errorf("%s: %w", path, err)
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			continue
		}
		return c == '{', nil
	}
}

// antinexRun is one call of AntiNexV1.
type antinexRun struct {
	runner
	opt     AntiNexOptions
	rec     *antinex.Recorder
	chooser chooser
	res     AntiNexResult
}

// stopped reports whether the run is to end, and notes why.
func (r *antinexRun) stopped() bool {
	switch {
	case r.opt.StopAfter > 0 && r.rec.Rows() >= r.opt.StopAfter:
		r.res.Stopped = fmt.Sprintf("after %d rows", r.rec.Rows())
	case r.opt.StopFile != "" && exists(r.opt.StopFile):
		r.res.Stopped = r.opt.StopFile + " is there"
	}
	return r.res.Stopped != ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// count enters a packet into the ledger.
func (r *antinexRun) count(reason string) {
	r.ledger.PacketsIn++
	if reason != "" {
		r.ledger.Skipped[reason]++
		return
	}
	r.ledger.Rows++
}

func (r *antinexRun) readCaptures(ctx context.Context) error {
	open := pcapio.Blocks
	if r.opt.Merge {
		open = pcapio.Merge
	}
	s := open(ctx, r.opt.Inputs, r.opt.Reader)
	defer s.Close()
	var shown Progress
	for {
		ev, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch ev.Kind {
		case pcapio.FileBlock:
			stop, err := r.block(ev.Index, ev.Block)
			shown.Packets, shown.Bytes = r.ledger.PacketsIn, ev.Block.Read
			ev.Block.Release()
			if stop || err != nil {
				return err
			}
			if r.opt.Progress != nil {
				r.opt.Progress(shown)
			}
		case pcapio.FileEnd:
			r.endFile(ev)
		}
	}
}

// block records a block's packets. A mapped capture that others shorten
// meanwhile is an error, not a crash.
func (r *antinexRun) block(index int, b *pcapio.Block) (stop bool, err error) {
	guarded := pcapio.Guard(func() {
		for i := range b.Packets {
			if stop = r.stopped(); stop {
				return
			}
			var reason string
			if reason, err = r.packet(&b.Packets[i]); err != nil {
				return
			}
			r.inputs[index].Packets++
			r.count(reason)
		}
	})
	return stop, errors.Join(guarded, err)
}

// packet records a packet, or says why there is no row for it.
func (r *antinexRun) packet(p *pcapio.Packet) (reason string, err error) {
	if wanted, err := r.chooser.wants(p); err != nil || !wanted {
		return skippedByFilter, err
	}
	return r.rec.Packet(p)
}

func (r *antinexRun) readArchives(ctx context.Context) error {
	for i := range r.inputs {
		if err := r.archive(ctx, &r.inputs[i]); err != nil {
			return err
		}
		if r.res.Stopped != "" {
			return nil
		}
	}
	return nil
}

// archive records an archive's messages. One that ends early or makes no sense
// from some message on is damaged; what was readable stays.
func (r *antinexRun) archive(ctx context.Context, in *Input) error {
	f, err := os.Open(in.path)
	if err != nil {
		return err
	}
	defer f.Close()
	a := antinex.ReadArchive(f)
	for ctx.Err() == nil && !r.stopped() {
		m, err := a.Next()
		if err == io.EOF {
			r.ledger.Files++
			return nil
		}
		if err != nil {
			r.ledger.Damaged = append(r.ledger.Damaged, Damage{File: in.File, Packets: in.Packets, Error: fmt.Sprintf("%s: %v", in.path, err)})
			return nil
		}
		reason, err := r.rec.Message(m)
		if err != nil {
			return err
		}
		in.Packets++
		r.count(reason)
	}
	return ctx.Err()
}

// finish completes the files and checks the ledger.
func (r *antinexRun) finish() (*AntiNexResult, error) {
	r.res.Ledger, r.res.Inputs, r.res.Dropped = r.ledger, r.inputs, r.rec.Dropped()
	if err := r.ledger.Check(); err != nil {
		return nil, err
	}
	if r.ledger.PacketsIn == 0 && len(r.ledger.Damaged) > 0 {
		return &r.res, fmt.Errorf("%w: %s", ErrNothing, r.ledger.Damaged[0].Error)
	}
	if err := r.rec.Close(); err != nil {
		return nil, err
	}
	if len(r.ledger.Damaged) > 0 {
		return &r.res, ErrDamaged
	}
	return &r.res, nil
}
