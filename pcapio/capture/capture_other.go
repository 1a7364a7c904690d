//go:build !linux

package capture

import (
	"context"

	"github.com/pcapline/pcapline/pcapio"
)

// Handle captures from interfaces; on this system there is none.
type Handle struct{}

// Open returns ErrUnsupported.
func Open(Config) (*Handle, error) { return nil, ErrUnsupported }

// Interfaces are those that are captured.
func (h *Handle) Interfaces() []pcapio.Interface { return nil }

// Run returns ErrUnsupported.
func (h *Handle) Run(context.Context, func([]pcapio.Packet) error) error { return ErrUnsupported }

// Stats are the counts of an interface.
func (h *Handle) Stats(int) Stats { return Stats{} }

// Close does nothing.
func (h *Handle) Close() error { return nil }

// UserIDs returns ErrUnsupported.
func UserIDs(string) (uid, gid int, err error) { return 0, 0, ErrUnsupported }

// DropPrivileges returns ErrUnsupported.
func DropPrivileges(string) error { return ErrUnsupported }
