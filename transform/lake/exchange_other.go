//go:build !linux

package lake

import (
	"errors"
	"fmt"
)

// exchange swaps two folders at once, which only Linux can.
func exchange(_, _ string) error {
	return fmt.Errorf("runs can be compacted on Linux only: %w", errors.ErrUnsupported)
}
