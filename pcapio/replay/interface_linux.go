package replay

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

// Interface is a Sink that sends frames onto a network interface through an
// AF_PACKET socket, which takes CAP_NET_RAW. Packets of another link layer
// than the interface's, and those longer than it takes, are skipped. A frame
// check sequence that the file has is left to the hardware.
type Interface struct {
	fd    int
	name  string
	links []pcapio.LinkType // that fit
}

// OpenInterface opens an interface for sending.
func OpenInterface(name string) (*Interface, error) {
	nif, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("interface %s: packet socket: %w", name, err)
	}
	i := &Interface{fd: fd, name: name}
	if err := i.setUp(nif.Index); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	return i, nil
}

func (i *Interface) setUp(index int) error {
	req, err := unix.NewIfreq(i.name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(i.fd, unix.SIOCGIFHWADDR, req); err != nil {
		return fmt.Errorf("hardware type: %w", err)
	}
	switch hw := req.Uint16(); hw {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		i.links = []pcapio.LinkType{pcapio.LinkEthernet}
	case unix.ARPHRD_NONE, unix.ARPHRD_TUNNEL, unix.ARPHRD_PPP:
		i.links = []pcapio.LinkType{pcapio.LinkRaw, pcapio.LinkIPv4, pcapio.LinkIPv6}
	case unix.ARPHRD_IEEE80211_RADIOTAP:
		i.links = []pcapio.LinkType{pcapio.LinkIEEE80211Radio}
	case unix.ARPHRD_IEEE80211:
		i.links = []pcapio.LinkType{pcapio.LinkIEEE80211}
	default:
		return fmt.Errorf("hardware of type %d is not supported", hw)
	}
	// Protocol 0: the socket receives nothing.
	return unix.Bind(i.fd, &unix.SockaddrLinklayer{Ifindex: index})
}

// Reasons to skip a packet.
const (
	SkipLink  Skip = "link type does not fit the interface"
	SkipShort Skip = "shorter than a link header"
	SkipLong  Skip = "longer than the interface takes"
	SkipRoom  Skip = "the interface's queue stayed full"
)

// Send sends a packet, and waits for room in the interface's queue for up to
// 100 ms.
func (i *Interface) Send(f *pcapio.File, p *pcapio.Packet) error {
	if !i.fits(p.LinkType) {
		return SkipLink
	}
	data := p.Data
	if n := int(p.Interface); n < len(f.Interfaces) && uint32(len(data)) >= p.WireLen {
		if fcs := f.Interfaces[n].FCSLen; fcs > 0 && fcs <= 4 && fcs < len(data) {
			data = data[:len(data)-fcs]
		}
	}
	if len(data) == 0 || p.LinkType == pcapio.LinkEthernet && len(data) < 14 {
		return SkipShort
	}
	for wait := 10 * time.Microsecond; ; wait *= 2 {
		_, err := unix.Write(i.fd, data)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EMSGSIZE):
			return SkipLong
		case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EAGAIN):
			if wait > 50*time.Millisecond {
				return SkipRoom
			}
			time.Sleep(wait)
		default:
			return fmt.Errorf("send on %s: %w", i.name, err)
		}
	}
}

func (i *Interface) fits(l pcapio.LinkType) bool {
	for _, ok := range i.links {
		if l == ok {
			return true
		}
	}
	return false
}

// Close closes the socket.
func (i *Interface) Close() error { return unix.Close(i.fd) }
