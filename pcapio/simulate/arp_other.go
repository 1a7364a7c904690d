//go:build !linux

package simulate

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// SendARP sends on Linux only.
func SendARP(_ context.Context, r ARPRequest) (net.HardwareAddr, error) {
	if _, _, err := r.source(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("interface %s: ARP is sent on Linux only: %w", r.Interface, errors.ErrUnsupported)
}
