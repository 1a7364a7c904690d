package capture

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

// worker reads one ring of every interface.
type worker struct {
	h     *Handle
	f     func([]pcapio.Packet) error
	rings []*ring
	pkts  []pcapio.Packet
	first bool // tells about interfaces, so that it is told once
	anew  time.Time
}

// turn is how many blocks of a ring are read before the next ring has its turn.
const turn = 16

// run reads until ctx ends, then what is left.
func (w *worker) run(ctx context.Context) error {
	fds := make([]unix.PollFd, len(w.rings)+1)
	for ctx.Err() == nil {
		if err := w.wait(fds); err != nil {
			return err
		}
		for i, r := range w.rings {
			if fds[i].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
				w.lost(r)
			}
		}
		if _, err := w.read(turn); err != nil {
			return err
		}
		if now := time.Now(); now.Sub(w.anew) >= checkEvery {
			w.anew = now
			for _, r := range w.rings {
				if r.down {
					w.check(r)
				}
			}
		}
	}
	return w.drain()
}

// wait until a ring has a block, an interface changes, or Run is to end.
func (w *worker) wait(fds []unix.PollFd) error {
	for i, r := range w.rings {
		fds[i] = unix.PollFd{Fd: int32(r.fd), Events: unix.POLLIN} // a negative one is passed over
	}
	fds[len(w.rings)] = unix.PollFd{Fd: int32(w.h.wake), Events: unix.POLLIN}
	timeout := -1
	for _, r := range w.rings {
		if r.down {
			timeout = int(checkEvery.Milliseconds())
		}
	}
	for {
		_, err := unix.Poll(fds, timeout)
		if err == nil || !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("poll", err)
		}
	}
}

// read takes at most max blocks from each ring, and says how many there were.
func (w *worker) read(most int) (int, error) {
	n := 0
	for _, r := range w.rings {
		for range most {
			h := r.block()
			if h == nil {
				break
			}
			if err := r.deliver(h, w.pkts, w.f); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// drain lets nothing more in and reads on until the kernel has handed over the
// blocks that were not full, which it does when their time is up.
func (w *worker) drain() error {
	for _, r := range w.rings {
		if err := r.refuseAll(); err != nil {
			return os.NewSyscallError("filter that ends the capture", err)
		}
	}
	const pause = 2 * time.Millisecond
	until := time.Now().Add(2*w.h.cfg.BlockTimeout + 50*time.Millisecond)
	for before := false; ; {
		n, err := w.read(turn)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		now := w.settled()
		if now && before || time.Now().After(until) {
			return nil
		}
		before = now // twice, for a packet that was being let in when the filter changed
		time.Sleep(pause)
	}
}

// settled says whether all that the kernel counted has been delivered.
func (w *worker) settled() bool {
	for _, r := range w.rings {
		r.collect()
		if r.received.Load() != r.delivered.Load()+r.dropped.Load() {
			return false
		}
	}
	return true
}

// lost notes that an interface went down, and takes the error off the socket.
func (w *worker) lost(r *ring) {
	code, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if !r.down {
		r.down = true
		w.tell(r, Down, err)
	}
}

func (w *worker) tell(r *ring, kind EventKind, err error) {
	if w.first {
		w.h.tell(Event{Kind: kind, Interface: r.dev.name, Err: err})
	}
}

// check looks whether an interface is back. The kernel joins the socket to one
// that was only down; to one that was made anew it must be bound.
func (w *worker) check(r *ring) {
	ifi, err := net.InterfaceByName(r.dev.name)
	if err != nil || ifi.Flags&net.FlagUp == 0 {
		return
	}
	if r.fd < 0 || boundTo(r.fd) != ifi.Index {
		if err := w.rejoin(r); err != nil {
			w.tell(r, Failed, err)
			return
		}
	}
	r.down = false
	if w.first {
		r.dev.mu.Lock()
		r.dev.restarts++
		r.dev.mu.Unlock()
	}
	w.tell(r, Up, nil)
}

// boundTo is the index of the interface that a socket is bound to.
func boundTo(fd int) int {
	if sa, err := unix.Getsockname(fd); err == nil {
		if ll, ok := sa.(*unix.SockaddrLinklayer); ok {
			return ll.Ifindex
		}
	}
	return -1
}

// rejoin binds a socket to an interface's successor. A socket in a fan-out
// group cannot be bound again: it is replaced.
func (w *worker) rejoin(r *ring) error {
	link, err := linkType(r.dev.name)
	if err != nil {
		return err
	}
	if link != r.dev.info.LinkType {
		return errors.New("capture: " + r.dev.name + " came back as another kind of interface")
	}
	if w.h.cfg.Fanout == 1 {
		return r.join(w.h.cfg)
	}
	if _, err := w.read(1 << 20); err != nil { // what the old ring still holds
		return err
	}
	r.collect()
	fresh, err := openRing(r.dev, int(r.index), w.h.cfg, w.h.programs[r.index])
	if err != nil {
		return err
	}
	r.close()
	r.mu.Lock()
	r.fd, r.mem, r.next, r.loopback = fresh.fd, fresh.mem, 0, fresh.loopback
	r.mu.Unlock()
	return nil
}
