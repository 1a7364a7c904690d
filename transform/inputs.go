package transform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
