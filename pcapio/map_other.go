//go:build !unix

package pcapio

import (
	"errors"
	"os"
)

// mapFile says that files are read here, not mapped.
func mapFile(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmapFile([]byte) {}

func forgetPages([]byte) {}
