package capture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/filter"
)

// checkEvery is how often an interface that is down is looked for.
const checkEvery = 250 * time.Millisecond

// Handle captures from interfaces. Run is called once; Stats and Interfaces
// at any time by anybody.
type Handle struct {
	cfg      Config
	devices  []*device
	programs [][]bpf.RawInstruction // of the devices
	wake     int                    // event descriptor that ends the workers' waiting
	notify   sync.Mutex
	run      sync.Mutex // held by Run, and by Close to wait for it
	ran      bool
	closed   bool
}

// Open opens sockets on all interfaces; packets that match the filter are
// collected from then on.
func Open(cfg Config) (*Handle, error) {
	cfg, err := cfg.withDefaults(os.Getpagesize())
	if err != nil {
		return nil, err
	}
	if cfg.Interfaces, err = expandAny(cfg.Interfaces); err != nil {
		return nil, err
	}
	h := &Handle{cfg: cfg, wake: -1}
	for i, name := range cfg.Interfaces {
		if err := h.add(i, name); err != nil {
			_ = h.Close()
			return nil, err
		}
	}
	if h.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = h.Close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	return h, nil
}

// add opens an interface's rings.
func (h *Handle) add(i int, name string) error {
	d, err := newDevice(name, h.cfg)
	if err != nil {
		return err
	}
	program, err := compile(h.cfg, d.info)
	if err != nil {
		return err
	}
	h.devices = append(h.devices, d)
	h.programs = append(h.programs, program)
	for range h.cfg.Fanout {
		r, err := openRing(d, i, h.cfg, program)
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.rings = append(d.rings, r)
		d.mu.Unlock()
	}
	return nil
}

// compile gives the kernel's program for an interface; its return value is
// what limits a packet's captured length.
func compile(cfg Config, info pcapio.Interface) ([]bpf.RawInstruction, error) {
	if cfg.Filter == "" {
		return []bpf.RawInstruction{{Op: 0x06, K: info.SnapLen}}, nil
	}
	p, err := filter.Compile(cfg.Filter, filter.Options{LinkType: info.LinkType, Snaplen: info.SnapLen, Live: true})
	if err != nil {
		return nil, fmt.Errorf("capture: %s: %w", info.Name, err)
	}
	return p.Raw(), nil
}

// Interfaces are those that are captured; [pcapio.Packet.Interface] is an
// index into them. They do not change.
func (h *Handle) Interfaces() []pcapio.Interface {
	out := make([]pcapio.Interface, len(h.devices))
	for i, d := range h.devices {
		out[i] = d.info
	}
	return out
}

// Stats are the counts of an interface.
func (h *Handle) Stats(i int) Stats {
	d := h.devices[i]
	d.mu.Lock()
	for _, r := range d.rings {
		r.collect()
	}
	d.mu.Unlock()
	return d.stats()
}

// Run gives packets to f until ctx ends or f returns an error, which Run then
// returns; it can be called once. After ctx has ended, what the rings hold is still delivered. With
// [Config.Fanout] above 1, f is called by as many goroutines. The packets
// and their bytes are borrowed until f returns.
func (h *Handle) Run(ctx context.Context, f func([]pcapio.Packet) error) error {
	h.run.Lock()
	defer h.run.Unlock()
	if h.closed || h.ran {
		return errors.New("capture: the handle has run or is closed")
	}
	h.ran = true
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { // seen by all workers, as nobody reads it
		_, _ = unix.Write(h.wake, []byte{1, 0, 0, 0, 0, 0, 0, 1})
	})
	defer stop()
	errs := make([]error, h.cfg.Fanout)
	var wg sync.WaitGroup
	for n := range h.cfg.Fanout {
		w := &worker{h: h, f: f, pkts: make([]pcapio.Packet, 0, batch), first: n == 0}
		for _, d := range h.devices {
			w.rings = append(w.rings, d.rings[n])
		}
		wg.Go(func() {
			if errs[n] = w.run(ctx); errs[n] != nil {
				cancel(errs[n]) // the others end, too
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Close closes the sockets. It waits for Run, whose context must have ended.
func (h *Handle) Close() error {
	h.run.Lock()
	defer h.run.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	for _, d := range h.devices {
		d.mu.Lock()
		for _, r := range d.rings {
			r.collect()
			r.close()
		}
		d.mu.Unlock()
	}
	if h.wake >= 0 {
		return os.NewSyscallError("close", unix.Close(h.wake))
	}
	return nil
}

func (h *Handle) tell(e Event) {
	if h.cfg.Notify == nil {
		return
	}
	h.notify.Lock()
	defer h.notify.Unlock()
	h.cfg.Notify(e)
}

// lookup gives an interface's index.
func lookup(name string) (ifindex int, loopback bool, err error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0, false, plain(err)
	}
	return ifi.Index, ifi.Flags&net.FlagLoopback != 0, nil
}
