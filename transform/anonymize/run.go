package anonymize

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
	"github.com/pcapline/pcapline/transform/source"
)

// Mask says what becomes of payload.
type Mask string

// The masks. None of them leaves a byte of it.
const (
	MaskZero Mask = "zero" // zeros of the same length
	MaskHash Mask = "hash" // keyed bytes of the same length: equal payloads stay equal
	MaskCut  Mask = "cut"  // captures end behind the last header, as with a snap length; tables have null
)

// Masks lists them, the default first.
var Masks = []Mask{MaskZero, MaskHash, MaskCut}

// Options say what Run reads and writes, and how it makes pseudonyms.
type Options struct {
	Key     Key
	Inputs  []string       // captures, and tables as package source reads them
	Reader  pcapio.Options // how captures are read
	Output  string         // a file, or for several inputs a folder that is not there yet
	Mask    Mask           // ""; MaskZero
	Shift   time.Duration  // added to all times; whole seconds
	Keyed   bool           // shift times by what follows from the key instead
	KeepOUI bool           // MAC addresses keep the organisation's three bytes
	Plain   bool           // Crypto-PAn as published, special addresses too
	Workers int            // goroutines that rewrite packets; 0: one a core

	shift int64 // ns
}

// maxShift bounds what follows from a key: 2^27 s are four years and a quarter.
const maxShift = 1 << 27

// check sets defaults and reports what cannot be done.
func (o *Options) check() error {
	if o.Mask == "" {
		o.Mask = MaskZero
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	known := false
	for _, m := range Masks {
		known = known || o.Mask == m
	}
	switch {
	case o.Key.secret == [KeyBytes]byte{}:
		return fmt.Errorf("no key")
	case !known:
		return fmt.Errorf("payload %q: known are %s, %s, %s", o.Mask, MaskZero, MaskHash, MaskCut)
	case o.Shift%time.Second != 0:
		return fmt.Errorf("time shift %v: it must be whole seconds, as columns of all units are shifted", o.Shift)
	case o.Keyed && o.Shift != 0:
		return fmt.Errorf("the time shift follows from the key or is given, not both")
	}
	o.shift = int64(o.Shift)
	if o.Keyed {
		n := binary.BigEndian.Uint32(o.Key.derive("time", 4)) % maxShift
		o.shift = int64(n+1) * int64(time.Second)
	}
	return nil
}

// Run anonymises captures and tables. With [transform.ErrDamaged] what was
// readable is in the outputs; with any other error there are none.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if err := opt.check(); err != nil {
		return nil, &transform.OptionError{Err: err}
	}
	if len(opt.Inputs) == 0 {
		return nil, &transform.OptionError{Err: fmt.Errorf("no input")}
	}
	rep := newReport(&opt)
	if len(opt.Inputs) == 1 {
		if err := rep.file(ctx, &opt, opt.Inputs[0], opt.Output); err != nil {
			return nil, err
		}
		return rep, rep.finish()
	}
	return rep, rep.folder(ctx, &opt)
}

// file anonymises one input.
func (r *Report) file(ctx context.Context, opt *Options, in, out string) error {
	if in != "-" && source.IsTable(in) {
		t, err := anonymizeTable(ctx, opt, in, out)
		if err != nil {
			return err
		}
		r.Tables = append(r.Tables, t)
		return nil
	}
	c, err := anonymizeCapture(ctx, opt, in, out)
	if err != nil {
		return err
	}
	r.Captures = append(r.Captures, c)
	return nil
}

// folder anonymises several inputs into files of their names below the folder
// that all share. All of them appear at once.
func (r *Report) folder(ctx context.Context, opt *Options) error {
	pending, err := sink.NewPendingFolder(opt.Output)
	if err != nil {
		return err
	}
	defer pending.Abort()
	taken := map[string]string{}
	for i, name := range transform.CaptureNames(opt.Inputs) {
		in := opt.Inputs[i]
		if !source.IsTable(in) {
			name = captureName(name)
		}
		if other, twice := taken[name]; twice {
			return &transform.OptionError{Err: fmt.Errorf("%s and %s would both become %s", other, in, name)}
		}
		taken[name] = in
		path := filepath.Join(pending.Hidden(), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		switch err := r.file(ctx, opt, in, path); {
		case errors.Is(err, transform.ErrNothing):
			r.unreadable(in, err)
		case err != nil:
			return err
		}
		r.rename(path, filepath.Join(opt.Output, filepath.FromSlash(name)))
	}
	if r.unread == len(opt.Inputs) {
		return fmt.Errorf("%s", r.Captures[0].Damaged)
	}
	err = r.finish()
	if cerr := pending.Close(); cerr != nil {
		return cerr
	}
	return err
}

// captureName gives a capture the ending of what is written: pcapng, plain.
func captureName(name string) string {
	dir, base := filepath.Split(name)
	for _, ending := range []string{".gz", ".zst", ".zstd", ".xz", ".lz4"} {
		base = strings.TrimSuffix(base, ending)
	}
	base = strings.TrimSuffix(base, filepath.Ext(base))
	return dir + base + ".pcapng"
}
