//go:build !linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Isolated is never so where there are no namespaces.
func Isolated() bool { return false }

// Isolate says that this system has no namespaces.
func Isolate(context.Context, string, []string, io.Writer, io.Writer) error {
	return fmt.Errorf("a lab needs Linux's namespaces: %w", errors.ErrUnsupported)
}

// Run is never reached.
func Run(context.Context, *Plan, Options) (*Result, error) { return nil, errors.ErrUnsupported }
