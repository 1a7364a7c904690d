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
	case opt.Digests != "" && (opt.Flows.Path != "" || opt.Packets.Path != "" || stateful):
		return optionErrorf("a shard gives digests: tables and flow state come from the run that has all of them")
	case len(opt.FromDigests) > 0 && (len(opt.Inputs) > 0 || opt.Packets.Path != "" || opt.Flows.Path == ""):
		return optionErrorf("digests give a flows table and nothing else")
	case stateful && opt.Flows.Path == "":
		return optionErrorf("flow state is that of a flows table, which is not asked for")
	}
	from, to, err := opt.Shard.Part(opt.Inputs)
	if err != nil {
		return &OptionError{err}
	}
	for i, name := range CaptureNames(opt.Inputs)[from:to] {
		r.inputs = append(r.inputs, Input{File: name, path: opt.Inputs[from+i]})
	}
	r.base = from
	return nil
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
		Version: Version, Filter: r.opt.Filter, Captures: CaptureNames(r.opt.Inputs),
		Number: shard.Number, Count: shard.Count, First: r.base,
	}
}

// hashInputs computes the inputs' digests while they are read. Standard input
// has none.
func (r *runner) hashInputs(ctx context.Context) error {
	for i := range r.inputs {
		in := &r.inputs[i]
		if in.path == "-" {
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
