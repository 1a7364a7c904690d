package spool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pcapline/pcapline/pcapio"
)

// Recovery is what became of a segment that a crash had left.
type Recovery struct {
	Name    string `json:"name"`
	Packets int64  `json:"packets"` // that it has
	Size    int64  `json:"size"`    // of its whole blocks
	Cut     int64  `json:"cut"`     // bytes behind them
	Reason  string `json:"reason"`  // why they were cut; "" where nothing was
	Removed bool   `json:"removed"` // there was no packet in it
}

func (r Recovery) err() error {
	if r.Cut == 0 {
		return nil
	}
	return fmt.Errorf("%d bytes cut: %s", r.Cut, r.Reason)
}

// Recover makes segments of what a crash left: it cuts the torn block at the
// end, appends the statistics that follow from the packets, and renames. One
// without a packet is removed. It may be called again at any time, also after
// a crash of its own. The error wraps [ErrLocked] while a Writer is at work.
func Recover(dir string) ([]Recovery, error) {
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	return recoverDir(dir)
}

func recoverDir(dir string) ([]Recovery, error) {
	list, err := List(dir)
	if err != nil {
		return nil, err
	}
	var done []Recovery
	var failed []error
	for _, s := range list {
		if !s.Part {
			continue
		}
		r, err := recoverPart(dir, s)
		if err != nil {
			failed = append(failed, fmt.Errorf("recover %s: %w", s.Path, err))
			continue
		}
		done = append(done, r)
	}
	return done, errors.Join(failed...)
}

// unreadable is how large a segment without a readable packet may be to be removed.
const unreadable = 1 << 20

func recoverPart(dir string, s Segment) (Recovery, error) {
	r := Recovery{Name: s.Name}
	f, err := os.OpenFile(s.Path, os.O_RDWR, 0)
	if err != nil {
		return r, err
	}
	defer f.Close()
	e, err := scan(f, s.Name)
	if err != nil {
		return r, err
	}
	info, err := f.Stat()
	if err != nil {
		return r, err
	}
	r.Packets, r.Size, r.Cut, r.Reason = e.packets, e.size, info.Size()-e.size, e.reason
	if r.Cut == 0 {
		r.Reason = ""
	}
	if r.Packets == 0 {
		if r.Cut > unreadable {
			return r, fmt.Errorf("nothing in its %d bytes can be read: %s; move it away", info.Size(), r.Reason)
		}
		r.Removed = true
		f.Close()
		return r, os.Remove(s.Path)
	}
	if err := f.Truncate(e.size); err != nil {
		return r, err
	}
	if _, err := f.WriteAt(e.statistics(r), e.size); err != nil {
		return r, err
	}
	if err := f.Sync(); err != nil {
		return r, err
	}
	if err := f.Close(); err != nil {
		return r, err
	}
	return r, rename(dir, s.Path, s.Name, true)
}

// extent is what can be read of a segment.
type extent struct {
	size        int64 // of the whole blocks
	packets     int64
	perIface    []int64
	first, last int64
	file        *pcapio.File
	ended       bool
	reason      string // why nothing more can be read
}

// scan reads a segment up to its last whole block. An error is one of the
// operating system's.
func scan(f *os.File, name string) (*extent, error) {
	t := pcapio.NewTail(f, name, pcapio.Options{})
	e := new(extent)
	var p pcapio.Packet
	err := t.Next(&p)
	for ; err == nil; err = t.Next(&p) {
		for len(e.perIface) <= int(p.Interface) {
			e.perIface = append(e.perIface, 0)
		}
		e.perIface[p.Interface]++
		if e.packets == 0 {
			e.first, e.last = p.Time, p.Time
		}
		e.first, e.last = min(e.first, p.Time), max(e.last, p.Time)
		e.packets++
	}
	e.size, e.file, e.ended = t.Offset(), t.File(), t.Ended()
	var damage *pcapio.FormatError
	switch {
	case err == io.EOF: //nolint:errorlint // Tail gives it bare
		e.reason = "a torn block"
	case errors.As(err, &damage) && isDamage(damage.Err):
		e.reason = damage.Err.Error()
	default:
		return nil, err
	}
	return e, nil
}

// isDamage tells what the bytes say from what the disk says.
func isDamage(err error) bool {
	for _, d := range []error{pcapio.ErrCorrupt, pcapio.ErrNotCapture, pcapio.ErrTruncated, pcapio.ErrUnsupported, pcapio.ErrEmpty} {
		if errors.Is(err, d) {
			return true
		}
	}
	return false
}

// statistics are the blocks that a crash kept from being written. A segment
// that has them, or that no Writer of ours can have written, gets none.
func (e *extent) statistics(r Recovery) []byte {
	f := e.file
	if e.ended || len(f.Sections) != 1 || f.ByteOrder != "little" {
		return nil
	}
	var b []byte
	for i := range f.Interfaces {
		if f.Interfaces[i].TicksPerSecond != 1e9 || f.Interfaces[i].TimeOffset != 0 {
			return nil
		}
		var delivered int64
		if i < len(e.perIface) {
			delivered = e.perIface[i]
		}
		s := pcapio.InterfaceStats{Time: e.last, Start: e.first, End: e.last, Delivered: &delivered}
		if lost := f.Interfaces[i].Lost; lost > 0 {
			s.Dropped = &lost
		}
		comment := ""
		if i == 0 && r.Cut > 0 {
			comment = fmt.Sprintf("recovered: %d bytes behind the last whole block were cut", r.Cut)
		} else if i == 0 {
			comment = "recovered"
		}
		b = pcapio.AppendStatistics(b, i, &s, comment)
	}
	return b
}
