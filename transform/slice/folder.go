package slice

import (
	"container/list"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/pcapline/pcapline/transform/sink"
)

const (
	defaultMaxFiles = 100_000
	maxOpen         = 256     // files of a split that are open at a time
	splitBuffer     = 4 << 10 // bytes that a file of a split holds back
)

// folder is a file for each flow or label. It is hidden beside its final name
// until it is whole. Few of its files are open at a time.
type folder struct {
	pending *sink.PendingFolder
	name    func(t *taken) string
	files   map[string]*piece
	names   map[flowLabel]string
	open    *list.List // of *piece, the one written to last in front
	max     int
}

// piece is a file of a folder.
type piece struct {
	*capture
	folder  *folder
	path    string
	file    *os.File // nil while it is not open
	element *list.Element
}

func newFolder(path string, max int, by Split) (*folder, error) {
	if max <= 0 {
		max = defaultMaxFiles
	}
	pending, err := sink.NewPendingFolder(path)
	if err != nil {
		return nil, err
	}
	f := &folder{pending: pending, files: map[string]*piece{}, names: map[flowLabel]string{}, open: list.New(), max: max}
	f.name = f.flowName
	if by == ByLabel {
		f.name = func(t *taken) string { return safe(t.label) + ending }
	}
	return f, nil
}

// flowLabel is what has a file in a split by flow. By a packets table packets
// of one flow may have several labels.
type flowLabel struct {
	flow  int64
	label string
}

// flowName names a flow's file by its first packet that was taken.
func (f *folder) flowName(t *taken) string {
	key := flowLabel{t.flow, t.label}
	name, known := f.names[key]
	if !known {
		name = flowFile(t)
		f.names[key] = name
	}
	return name
}

func (f *folder) write(t *taken) error {
	name := f.name(t)
	p := f.files[name]
	if p == nil {
		if len(f.files) >= f.max {
			return fmt.Errorf("the split makes more than %d files", f.max)
		}
		var err error
		if p, err = f.add(name); err != nil {
			return err
		}
	}
	return p.write(t)
}

func (f *folder) add(name string) (*piece, error) {
	p := &piece{folder: f, path: filepath.Join(f.pending.Hidden(), filepath.FromSlash(name))}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o750); err != nil {
		return nil, err
	}
	c, err := newCapture(p, splitBuffer)
	p.capture = c
	f.files[name] = p
	return p, err
}

// Write opens the file if need be, at the cost of the one unused longest.
func (p *piece) Write(b []byte) (int, error) {
	if p.file != nil {
		p.folder.open.MoveToFront(p.element)
		return p.file.Write(b)
	}
	if p.folder.open.Len() >= maxOpen {
		if err := p.folder.open.Back().Value.(*piece).shut(); err != nil {
			return 0, err
		}
	}
	var err error
	if p.file, err = os.OpenFile(p.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640); err != nil {
		return 0, err
	}
	p.element = p.folder.open.PushFront(p)
	return p.file.Write(b)
}

func (p *piece) shut() error {
	p.folder.open.Remove(p.element)
	err := p.file.Close()
	p.file = nil
	return err
}

// finish writes what the file holds back.
func (p *piece) finish() error {
	err := p.w.Flush()
	if p.file != nil {
		err = errors.Join(err, p.shut())
	}
	return err
}

func (f *folder) close() (written []File, err error) {
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		p := f.files[name]
		if err := p.finish(); err != nil {
			return nil, err
		}
		written = append(written, File{filepath.Join(f.pending.Path(), filepath.FromSlash(name)), p.packets})
	}
	return written, f.pending.Close()
}

func (f *folder) abort() {
	for e := f.open.Front(); e != nil; e = f.open.Front() {
		_ = e.Value.(*piece).shut() // it is removed anyway
	}
	f.pending.Abort()
}
