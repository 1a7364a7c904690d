package transform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
)

// Input is a capture as the metadata names it.
type Input struct {
	File    string `json:"file"` // below the inputs' common folder, with slashes
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Packets int64  `json:"packets"` // read from it

	path string
}

// CaptureNames names captures by their paths below the folder common to all, so
// that outputs do not depend on where the captures lie on a machine.
func CaptureNames(paths []string) []string {
	if len(paths) == 0 {
		return nil
	}
	clean := make([]string, len(paths))
	common := filepath.ToSlash(filepath.Dir(paths[0])) + "/"
	for i, p := range paths {
		clean[i] = filepath.ToSlash(filepath.Clean(p))
		for common != "" && !strings.HasPrefix(clean[i], common) {
			common = common[:strings.LastIndexByte(strings.TrimSuffix(common, "/"), '/')+1]
		}
	}
	for i := range clean {
		clean[i] = strings.TrimPrefix(clean[i], common)
	}
	return clean
}

// chooseInputs checks the options that say where packets come from, and lists
// the captures to be read.
func (r *runner) chooseInputs() error {
	opt := &r.opt
	switch stateful := opt.LoadState != "" || opt.SaveState != ""; {
	case opt.Merge && (opt.Digests != "" || len(opt.FromDigests) > 0):
		return optionErrorf("captures merged by time cannot be sharded; packets are put in order by the reorder window")
	case opt.Shard != Shard{} && opt.Digests == "":
		return optionErrorf("a shard gives digests, no tables: name a file for them")
	case opt.Digests != "" && (opt.Flows.Path != "" || stateful):
		return optionErrorf("a shard gives digests: flows and their state come from the run that has all of them")
	case opt.Names != nil && len(opt.Names) != len(opt.Inputs):
		return optionErrorf("%d names for %d captures", len(opt.Names), len(opt.Inputs))
	case len(opt.FromDigests) > 0 && (len(opt.Inputs) > 0 || opt.Packets.Path != "" || opt.Flows.Path == ""):
		return optionErrorf("digests give a flows table and nothing else")
	case stateful && opt.Flows.Path == "":
		return optionErrorf("flow state is that of a flows table, which is not asked for")
	}
	if opt.Parts == nil {
		from, to, err := opt.Shard.Part(opt.Inputs)
		if err != nil {
			return &OptionError{err}
		}
		for i := from; i < to; i++ {
			opt.Parts = append(opt.Parts, Part{Input: i})
		}
		r.base = from
	}
	return r.chooseParts()
}

// chooseParts lists what is read of which capture.
func (r *runner) chooseParts() error {
	opt, names := &r.opt, r.opt.inputNames()
	for i, p := range opt.Parts {
		if p.Input != opt.Parts[0].Input+i || p.Input >= len(opt.Inputs) {
			return optionErrorf("the parts of a shard follow each other, capture by capture")
		}
		in := p.Whole
		in.File, in.path = names[p.Input], opt.Inputs[p.Input]
		r.inputs = append(r.inputs, in)
		if p.Range != (pcapio.Range{}) {
			if opt.Reader.Ranges == nil {
				opt.Reader.Ranges = make(map[int]pcapio.Range)
			}
			opt.Reader.Ranges[i] = p.Range
		}
	}
	if len(opt.Parts) > 0 {
		r.base = opt.Parts[0].Input
	}
	r.base += opt.FirstFile
	return nil
}

func (opt *Options) inputNames() []string {
	if opt.Names != nil {
		return opt.Names
	}
	return CaptureNames(opt.Inputs)
}

func optionErrorf(format string, args ...any) error {
	return &OptionError{fmt.Errorf(format, args...)}
}

// allInputs is what file_id counts.
func (r *runner) allInputs() []Input { return append(slices.Clone(r.earlier), r.inputs...) }

// paths lists the captures to be read.
func (r *runner) paths() []string {
	var paths []string
	for i := range r.inputs { // not by value: digests are noted beside
		paths = append(paths, r.inputs[i].path)
	}
	return paths
}

func (r *runner) digestHeader() digestHeader {
	shard := r.opt.Shard
	if shard == (Shard{}) {
		shard = Shard{1, 1}
	}
	return digestHeader{
		Version: Version, Filter: r.opt.Filter, Captures: r.opt.inputNames(),
		Number: shard.Number, Count: shard.Count, First: r.base - r.opt.FirstFile,
	}
}

// hashInputs computes the inputs' digests while they are read. Standard input
// has none.
func (r *runner) hashInputs(ctx context.Context) error {
	for i := range r.inputs {
		in := &r.inputs[i]
		if in.path == "-" || in.SHA256 != "" { // it is known of one that is cut
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if st, err := os.Stat(in.path); err != nil || !st.Mode().IsRegular() {
			continue // a pipe has no digest; what cannot be opened is in the ledger
		}
		sum, size, err := pcapio.Digest(in.path)
		if errors.Is(err, os.ErrPermission) {
			continue // likewise
		}
		if err != nil {
			return fmt.Errorf("digest of %s: %w", in.path, err)
		}
		in.SHA256, in.Bytes = sum, size
	}
	return nil
}
