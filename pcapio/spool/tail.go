package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/pcapline/pcapline/pcapio"
)

// TailOptions say how a spool is followed.
type TailOptions struct {
	Finished  bool          // leave out the segment being written
	Rescan    time.Duration // how often to look without having been told, since events get lost; 0: 1 s
	MaxPacket int           // as in [pcapio.Options]
}

// TailStats counts what a Tail has come across.
type TailStats struct {
	Packets int64 `json:"packets"`
	// Missing counts segments that were not there when their turn came: by
	// their numbers, deleted before they were read.
	Missing int64 `json:"missing"`
	// Damaged counts segments, not being written any more, that ended in
	// something unreadable, and Skipped the bytes of it.
	Damaged int64 `json:"damaged"`
	Skipped int64 `json:"skipped"`
	// Dropped counts packets that the segments' statistics say were lost before
	// they could be written.
	Dropped int64 `json:"dropped"`
}

// Tail reads the packets of a spool in the order of its segments, and waits
// for more. A spool has no end: where there is no other packet, there is
// none yet. An open segment is read to its end also when it is renamed or
// deleted meanwhile. It is for one goroutine.
type Tail struct {
	dir   string
	opt   TailOptions
	seg   Segment
	f     *os.File
	t     *pcapio.Tail
	last  int64 // number of the segment that was read last
	over  bool  // the open segment does not grow any more
	stale bool  // the directory may have changed since it was read
	stats TailStats
	at    Position // while no segment is open

	digest      string // of the open segment
	digestBytes int64

	watch   *fsnotify.Watcher
	changed chan struct{} // the directory's names have
	grown   chan struct{} // a file has
	looked  time.Time
}

const digestMax = 4096

// OpenTail begins at a position; the zero Position is before the oldest
// segment. The error wraps [ErrChanged] when the segment at that position is
// another than the one that was read. A segment that is gone is passed over.
func OpenTail(dir string, from Position, opt TailOptions) (*Tail, error) {
	if opt.Rescan <= 0 {
		opt.Rescan = time.Second
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("tail spool: %w", err)
	}
	t := &Tail{dir: dir, opt: opt, stale: true, changed: make(chan struct{}, 1), grown: make(chan struct{}, 1)}
	t.startWatch()
	if err := t.resume(from); err != nil {
		_ = t.Close()
		return nil, err
	}
	return t, nil
}

// startWatch asks to be told of changes. Without, as when the system's
// watches are used up, Rescan finds them.
func (t *Tail) startWatch() {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return
	}
	if w.Add(t.dir) != nil {
		_ = w.Close()
		return
	}
	t.watch = w
	go func() { // ends with Close
		for {
			select {
			case e, ok := <-w.Events:
				if !ok {
					return
				}
				if e.Op == fsnotify.Write { // no name is another
					signal(t.grown)
					continue
				}
			case _, ok := <-w.Errors: // also: events were lost
				if !ok {
					return
				}
			}
			signal(t.changed)
		}
	}()
}

// signal wakes who waits for c, once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// resume opens the segment of a position and passes over what was read.
func (t *Tail) resume(from Position) error {
	if from.Segment == "" {
		return nil
	}
	at, ok := ParseName(from.Segment)
	if !ok {
		return fmt.Errorf("tail spool: position in %q, which is no segment", from.Segment)
	}
	list, err := List(t.dir)
	if err != nil {
		return err
	}
	t.last, t.at = at.Seq, from
	for _, s := range list {
		if s.Name != from.Segment || t.opt.Finished && s.Part {
			continue
		}
		err := t.open(s)
		if errors.Is(err, fs.ErrNotExist) {
			break // deleted since
		} else if err != nil {
			return err
		}
		return t.pass(from)
	}
	return nil
}

// pass reads up to a position, after making sure that it is of this segment.
func (t *Tail) pass(from Position) error {
	if from.DigestBytes < 0 || from.DigestBytes > digestMax {
		return fmt.Errorf("tail spool: %s: a digest of %d bytes", t.seg.Name, from.DigestBytes)
	}
	if from.DigestBytes > 0 {
		sum, err := digestOf(t.f, from.DigestBytes)
		if err != nil || sum != from.Digest {
			return errors.Join(fmt.Errorf("tail spool: %s: %w", t.seg.Name, ErrChanged), err)
		}
	}
	var p pcapio.Packet
	for t.t.Packets() < from.Packet {
		if err := t.t.Next(&p); err != nil {
			return nil // cut meanwhile; what was read is not read again
		}
	}
	if t.t.Offset() > from.Offset {
		return fmt.Errorf("tail spool: %s: %w: packet %d ends at byte %d, not %d",
			t.seg.Name, ErrChanged, from.Packet, t.t.Offset(), from.Offset)
	}
	return nil
}

func digestOf(r io.ReaderAt, n int64) (string, error) {
	b := make([]byte, n)
	if _, err := r.ReadAt(b, 0); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func (t *Tail) open(s Segment) error {
	f, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	t.seg, t.f, t.over = s, f, !s.Part
	t.t = pcapio.NewTail(f, s.Name, pcapio.Options{MaxPacket: t.opt.MaxPacket})
	t.last, t.digest, t.digestBytes = s.Seq, "", 0
	return nil
}

// TryNext reads the next packet into p. Its bytes are valid until the next
// call; Offset and Number are those in the segment, see Segment. The error is io.EOF when
// there is no other packet yet. Any other error is the operating system's;
// the next call tries again.
func (t *Tail) TryNext(p *pcapio.Packet) error {
	looked := false
	for {
		if t.f == nil {
			if err := t.openNext(); err != nil {
				return err
			}
		}
		err := t.t.Next(p)
		if err == nil {
			t.stats.Packets++
			return nil
		}
		var damage *pcapio.FormatError
		if err != io.EOF && (!errors.As(err, &damage) || !isDamage(damage.Err)) { //nolint:errorlint // Next gives it bare
			return fmt.Errorf("tail spool: %w", err)
		}
		if t.over {
			if err := t.leave(); err != nil {
				return err
			}
			looked = false
			continue
		}
		if looked || !t.look() {
			return io.EOF
		}
		looked = true
		// What came between Next and now is still to be read, in any case.
		if t.over, err = t.isOver(); err != nil {
			return err
		}
	}
}

// isOver says whether the open segment is not written to any more: it has
// another name, or a later one has been begun.
func (t *Tail) isOver() (bool, error) {
	list, err := List(t.dir)
	if err != nil {
		return false, err
	}
	over := true
	for _, s := range list {
		if s.Seq > t.seg.Seq {
			return true, nil
		}
		if s.Path == t.seg.Path {
			over = false
		}
	}
	return over, nil
}

// look says whether the directory is worth reading.
func (t *Tail) look() bool {
	select {
	case <-t.changed:
		t.stale = true
	default:
	}
	if !t.stale && time.Since(t.looked) < t.opt.Rescan {
		return false
	}
	t.stale, t.looked = false, time.Now()
	return true
}

// leave closes a segment that was read to its end.
func (t *Tail) leave() error {
	info, err := t.f.Stat()
	if err != nil {
		return fmt.Errorf("tail spool: %w", err)
	}
	if t.at, err = t.Position(); err != nil {
		return err
	}
	t.stats.Dropped += t.t.File().Dropped
	if t.t.Packets() == 0 && t.gone() {
		t.last = t.seg.Seq - 1 // its number goes to another
	} else if left := info.Size() - t.t.Offset(); left > 0 {
		t.stats.Damaged++
		t.stats.Skipped += left
	}
	t.f.Close()
	t.f, t.t, t.stale = nil, nil, true
	return nil
}

// gone says whether the open segment was removed, as recovery and writer do
// with one that has no packet.
func (t *Tail) gone() bool {
	for _, name := range []string{t.seg.Name, partName(t.seg.Name)} {
		if _, err := os.Lstat(filepath.Join(t.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// openNext opens the segment behind the last one.
func (t *Tail) openNext() error {
	if !t.look() {
		return io.EOF
	}
	list, err := t.following()
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].Part && t.opt.Finished {
		return io.EOF
	}
	before, s := t.last, list[0]
	switch err := t.open(s); {
	case errors.Is(err, fs.ErrNotExist): // renamed or deleted since
		t.stale = true
		return t.openNext()
	case err != nil:
		return fmt.Errorf("tail spool: %w", err)
	}
	if before != 0 {
		t.stats.Missing += s.Seq - before - 1
	}
	return nil
}

// following lists the segments behind the last one. A file that is renamed
// while the directory is read may show under neither name, so a gap counts
// only when it is seen twice.
func (t *Tail) following() ([]Segment, error) {
	for again := false; ; again = true {
		list, err := List(t.dir)
		if err != nil {
			return nil, err
		}
		i := 0
		for i < len(list) && list[i].Seq <= t.last {
			i++
		}
		if list = list[i:]; again || len(list) == 0 || list[0].Seq == t.last+1 {
			return list, nil
		}
	}
}

// Next is TryNext that waits for a packet, or for ctx to be done.
func (t *Tail) Next(ctx context.Context, p *pcapio.Packet) error {
	for {
		err := t.TryNext(p)
		if err != io.EOF { //nolint:errorlint // TryNext gives it bare
			return err
		}
		if err := t.Wait(ctx); err != nil {
			return err
		}
	}
}

// Wait returns when there may be something new, or with ctx's error.
func (t *Tail) Wait(ctx context.Context) error {
	if t.stale {
		return ctx.Err()
	}
	timer := time.NewTimer(t.opt.Rescan)
	defer timer.Stop()
	select {
	case <-t.changed:
		t.stale = true
	case <-timer.C:
		t.stale = true
	case <-t.grown: // reading a directory of thousands of segments each time would cost more than the packets
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// Segment is the one that the last packet came from.
func (t *Tail) Segment() Segment { return t.seg }

// File gives what is known of the open segment: its interfaces, above all. It
// is nil before the first.
func (t *Tail) File() *pcapio.File {
	if t.t == nil {
		return nil
	}
	return t.t.File()
}

// Position is behind the last packet: where another Tail goes on.
func (t *Tail) Position() (Position, error) {
	if t.t == nil {
		return t.at, nil
	}
	p := Position{Segment: t.seg.Name, Offset: t.t.Offset(), Packet: t.t.Packets()}
	if n := min(p.Offset, digestMax); n > t.digestBytes {
		sum, err := digestOf(t.f, n)
		if err != nil {
			return Position{}, fmt.Errorf("tail spool: %w", err)
		}
		t.digest, t.digestBytes = sum, n
	}
	p.Digest, p.DigestBytes = t.digest, t.digestBytes
	return p, nil
}

// Stats gives the counts so far.
func (t *Tail) Stats() TailStats { return t.stats }

// Close lets go of the spool.
func (t *Tail) Close() error {
	var err error
	if t.watch != nil {
		err = t.watch.Close()
		t.watch = nil
	}
	if t.f != nil {
		t.f.Close()
		t.f, t.t = nil, nil
	}
	return err
}
