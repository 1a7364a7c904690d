package simulate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// broadcast is the Ethernet address of all.
var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// SendARP asks who has the target and returns the MAC address that answered,
// nil when none did in time. It takes CAP_NET_RAW.
func SendARP(ctx context.Context, r ARPRequest) (net.HardwareAddr, error) {
	nif, from, err := r.source()
	if err != nil {
		return nil, err
	}
	src, dst := nif.HardwareAddr, r.DstMAC
	if len(src) == 0 { // the loopback interface
		src = make(net.HardwareAddr, 6)
	}
	if dst == nil {
		dst = broadcast
	}
	if len(src) != 6 || len(dst) != 6 {
		return nil, fmt.Errorf("interface %s: ARP is for Ethernet addresses, not %s and %s", r.Interface, src, dst)
	}
	fd, err := arpSocket(nif.Index)
	if err != nil {
		return nil, fmt.Errorf("interface %s: packet socket: %w", r.Interface, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, arpFrame(src, dst, from, r.Target)); err != nil {
		return nil, fmt.Errorf("send on %s: %w", r.Interface, err)
	}
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	buf := make([]byte, 1<<11)
	for ctx.Err() == nil {
		n, err := unix.Read(fd, buf)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("receive on %s: %w", r.Interface, err)
		}
		if mac, ok := arpAnswer(buf[:n], r.Target); ok {
			return mac, nil
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	return nil, nil // nobody has it
}

// arpSocket opens a packet socket for ARP on an interface. It wakes ten times
// a second, so that the caller can end.
func arpSocket(index int) (int, error) {
	const network = etherTypeARP>>8 | etherTypeARP&0xff<<8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, network)
	if err != nil {
		return -1, err
	}
	wake := unix.NsecToTimeval((100 * time.Millisecond).Nanoseconds())
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wake)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index, Protocol: network})
	}
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}
