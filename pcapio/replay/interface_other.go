//go:build !linux

package replay

import (
	"errors"
	"fmt"

	"github.com/pcapline/pcapline/pcapio"
)

// Interface sends frames on Linux only.
type Interface struct{}

// OpenInterface says that this system cannot.
func OpenInterface(name string) (*Interface, error) {
	return nil, fmt.Errorf("interface %s: sending is for Linux: %w", name, errors.ErrUnsupported)
}

// Send is never reached.
func (*Interface) Send(*pcapio.File, *pcapio.Packet) error { return errors.ErrUnsupported }

// Close does nothing.
func (*Interface) Close() error { return nil }
