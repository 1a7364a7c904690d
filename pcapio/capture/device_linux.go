package capture

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

// device is an interface that is captured, over its ups and downs.
type device struct {
	name   string
	info   pcapio.Interface
	missed int64 // by the network card when Open was called

	mu       sync.Mutex
	rings    []*ring
	restarts int64
	group    int // number of the fan-out group
	groupOf  int // index of the interface that the group belongs to; 0: none
}

// linkTypes by ARPHRD number (linux/if_arp.h). Others have headers of which
// nothing is known here.
var linkTypes = map[uint16]pcapio.LinkType{
	unix.ARPHRD_ETHER:              pcapio.LinkEthernet,
	unix.ARPHRD_LOOPBACK:           pcapio.LinkEthernet,
	unix.ARPHRD_NONE:               pcapio.LinkRaw,
	unix.ARPHRD_RAWIP:              pcapio.LinkRaw,
	unix.ARPHRD_TUNNEL:             pcapio.LinkRaw,
	unix.ARPHRD_TUNNEL6:            pcapio.LinkRaw,
	unix.ARPHRD_SIT:                pcapio.LinkRaw,
	unix.ARPHRD_IEEE80211:          pcapio.LinkIEEE80211,
	unix.ARPHRD_IEEE80211_RADIOTAP: pcapio.LinkIEEE80211Radio,
}

// newDevice looks an interface up.
func newDevice(name string, cfg Config) (*device, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("capture: interface %s: %w", name, plain(err))
	}
	link, err := linkType(name)
	if err != nil {
		return nil, err
	}
	d := &device{name: name, missed: missed(name)}
	d.info = pcapio.Interface{
		Name: name, LinkType: link, SnapLen: uint32(min(cfg.Snaplen, cfg.BlockBytes-blockOverhead)),
		TicksPerSecond: 1_000_000_000, Filter: cfg.Filter, MAC: ifi.HardwareAddr.String(), Speed: speed(name),
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("capture: addresses of %s: %w", name, err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			d.info.Addrs = append(d.info.Addrs, p)
		}
	}
	return d, nil
}

// plain takes net's wrapping off an error.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// linkType asks for the hardware type of an interface.
func linkType(name string) (pcapio.LinkType, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // any socket takes the request
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }() // it was only asked
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("capture: interface %s: %w", name, err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, req); err != nil {
		return 0, fmt.Errorf("capture: hardware type of %s: %w", name, err)
	}
	hardware := req.Uint16()
	link, ok := linkTypes[hardware]
	if !ok {
		return 0, fmt.Errorf("capture: interface %s has the hardware type %d, which is not supported", name, hardware)
	}
	return link, nil
}

// expandAny replaces "any" by the interfaces that are up and can be captured,
// and refuses names that are given twice.
func expandAny(names []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			return nil, fmt.Errorf("capture: interface %s is given twice", name)
		}
		seen[name] = true
		if name != "any" {
			out = append(out, name)
			continue
		}
		if len(names) > 1 {
			return nil, errors.New("capture: any cannot be joined with other interfaces")
		}
		all, err := net.Interfaces()
		if err != nil {
			return nil, fmt.Errorf("capture: list of interfaces: %w", err)
		}
		for _, ifi := range all {
			if _, err := linkType(ifi.Name); err == nil && ifi.Flags&net.FlagUp != 0 {
				out = append(out, ifi.Name)
			}
		}
		if len(out) == 0 {
			return nil, errors.New("capture: no interface is up")
		}
	}
	return out, nil
}

// missed is what the network card counts as lost; 0 where it does not.
func missed(name string) int64 {
	return counter(name, "rx_missed_errors") + counter(name, "rx_fifo_errors")
}

func counter(name, which string) int64 {
	b, err := os.ReadFile(filepath.Join("/sys/class/net", name, "statistics", which))
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}

// speed in bits a second; 0 where it is not known.
func speed(name string) uint64 {
	b, err := os.ReadFile(filepath.Join("/sys/class/net", name, "speed"))
	if err != nil {
		return 0
	}
	megabits, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || megabits <= 0 {
		return 0
	}
	return uint64(megabits) * 1_000_000
}

// stats adds up the rings that are and were.
func (d *device) stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	var s Stats
	for _, r := range d.rings {
		s.Received += r.received.Load()
		s.Dropped += r.dropped.Load()
		s.Delivered += r.delivered.Load()
	}
	s.Restarts = d.restarts
	s.DroppedByInterface = max(0, missed(d.name)-d.missed)
	return s
}
