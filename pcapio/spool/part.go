package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// part is a segment that is being written.
type part struct {
	f           *os.File
	name        string // final
	path        string
	start       int64 // in the name: time of the first packet
	first, last int64 // earliest and latest packet
	opened      time.Time
	size        int64 // of its whole blocks
	torn        bool  // something may lie behind them
	packets     int64
	ifaces      int
	perIface    []int64
}

func newPart(dir, name string, header []byte, start int64, ifaces int) (*part, error) {
	p := &part{name: name, path: filepath.Join(dir, partName(name)), start: start, first: start, last: start, opened: time.Now(), ifaces: ifaces}
	var err error
	if p.f, err = os.OpenFile(p.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640); err != nil {
		return nil, fmt.Errorf("begin segment: %w", err)
	}
	err = p.f.Chmod(0o640) // whatever the umask
	if err == nil {
		_, err = p.append(header)
	}
	if err != nil {
		p.f.Close()
		_ = os.Remove(p.path) // else a recovery does it
		return nil, fmt.Errorf("begin segment: %w", err)
	}
	return p, nil
}

// append writes blocks and gives the length of those that are whole in the file.
func (p *part) append(b []byte) (int, error) {
	n, err := p.f.WriteAt(b, p.size)
	if err != nil {
		n = wholeBlocks(b, n)
		p.torn = p.f.Truncate(p.size+int64(n)) != nil
		err = fmt.Errorf("write segment: %w", err)
	}
	p.size += int64(n)
	return n, err
}

func (p *part) count(iface int, t int64) {
	for len(p.perIface) <= iface {
		p.perIface = append(p.perIface, 0)
	}
	p.perIface[iface]++
	p.packets++
	p.first, p.last = min(p.first, t), max(p.last, t)
}

func (p *part) delivered(iface int) int64 {
	if iface < len(p.perIface) {
		return p.perIface[iface]
	}
	return 0
}

// publish gives a segment its final name once it is safely on disk.
func (p *part) publish(dir string, durable bool, names sync.Locker) error {
	var err error
	if p.torn {
		err = p.f.Truncate(p.size)
	}
	if err == nil && durable {
		err = p.f.Sync()
	}
	if cerr := p.f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		names.Lock()
		err = rename(dir, p.path, p.name, durable)
		names.Unlock()
	}
	if err != nil {
		return fmt.Errorf("finish segment: %w", err)
	}
	return nil
}

// rename gives a file its final name and never overwrites: the directory is
// locked, so nobody else makes segments between the two calls.
func rename(dir, path, name string, durable bool) error {
	final := filepath.Join(dir, name)
	if _, err := os.Lstat(final); err == nil {
		return fmt.Errorf("%s: %w", final, os.ErrExist)
	}
	if err := os.Rename(path, final); err != nil {
		return err
	}
	if durable {
		return syncDir(dir)
	}
	return nil
}
