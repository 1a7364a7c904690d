package flow

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unsafe"

	"github.com/klauspost/compress/zstd"
)

// snapshotMagic begins a saved table; the number is that of the format. A
// SHA-256 of the rest follows, then the rest, compressed with zstd.
const snapshotMagic = "pcapline flow table 1\n"

// ErrState is wrapped by every error that says that a saved table cannot be
// gone on with.
var ErrState = errors.New("saved flow state")

// Save delivers the rows made so far and writes all that the table knows, so
// that another one, made by [Restore], goes on as this one would: a run may
// stop after any packet. note is the caller's; Restore gives it back. The
// table can be used further.
func (t *Table) Save(w io.Writer, note []byte) error {
	t.Flush()
	if t.err != nil {
		return t.err
	}
	var p packer
	p.text(t.layouts())
	p.text(string(note))
	p.text(t.cfg.settings())
	t.pack(&p)
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	body := z.EncodeAll(p.buf, nil)
	sum := sha256.Sum256(body)
	for _, b := range [][]byte{[]byte(snapshotMagic), sum[:], body} {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// Restore makes the table that Save wrote. cfg must have the same settings;
// only who receives rows, and how many at a time, may differ. Errors that are
// not the reader's wrap [ErrState].
func Restore(r io.Reader, cfg Config) (t *Table, note []byte, err error) {
	u, err := openSnapshot(r)
	if err != nil {
		return nil, nil, err
	}
	t = NewTable(cfg)
	if u.text() != t.layouts() {
		return nil, nil, fmt.Errorf("%w: of another version of the program", ErrState)
	}
	note = []byte(u.text())
	if was, now := u.text(), t.cfg.settings(); was != now {
		return nil, nil, fmt.Errorf("%w: made with other settings: %s", ErrState, differences(was, now))
	}
	t.unpack(u)
	if u.err == nil && len(u.buf) > 0 {
		u.fail()
	}
	if u.err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrState, u.err)
	}
	return t, note, nil
}

// ReadNote gives the note of a saved table.
func ReadNote(r io.Reader) ([]byte, error) {
	u, err := openSnapshot(r)
	if err != nil {
		return nil, err
	}
	u.text()
	note := []byte(u.text())
	if u.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, u.err)
	}
	return note, nil
}

// openSnapshot checks a saved table and gives what it holds.
func openSnapshot(r io.Reader) (*unpacker, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, []byte(snapshotMagic)) {
		return nil, fmt.Errorf("%w: not a flow table, or one of another version", ErrState)
	}
	data = data[len(snapshotMagic):]
	if len(data) < sha256.Size {
		return nil, fmt.Errorf("%w: cut off", ErrState)
	}
	if sha256.Sum256(data[sha256.Size:]) != [sha256.Size]byte(data) {
		return nil, fmt.Errorf("%w: damaged: its checksum is another", ErrState)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	body, err := z.DecodeAll(data[sha256.Size:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	return &unpacker{buf: body}, nil
}

// settings lists what of a Config changes flows, one "Name=value" a line.
func (c *Config) settings() string {
	var b strings.Builder
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).Kind() == reflect.Func || name == "BatchRows" {
			continue
		}
		fmt.Fprintf(&b, "%s=%v\n", name, v.Field(i))
	}
	return b.String()
}

// differences says which settings were others.
func differences(was, now string) string {
	var out []string
	a, b := strings.Split(was, "\n"), strings.Split(now, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			out = append(out, a[i]+", now "+b[i])
		}
	}
	return strings.Join(out, "; ")
}

// scalars is what of a table is not in a store.
type scalars struct {
	Stats                                           Stats
	Now                                             int64
	File                                            int32
	Started                                         bool
	Begun                                           int64
	ForgottenHosts, ForgottenEvents, ForgottenPairs int64
	ForgottenServices, ForgottenClaims              int64
	RingHead                                        int64
	RingTail                                        [windowCount]int64
	Duplicates                                      int64
	ReorderNewest                                   int64
	Early, Events, Sightings, Waiting               int
}

var (
	scalarsLayout  = layoutOf[scalars]()
	eventLayout    = layoutOf[event]()
	sightingLayout = layoutOf[sighting]()
	digestLayout   = layoutOf[Digest]()
	dueLayout      = layoutOf[earlyDue]()

	flowLayouts     = nodeLayout[Key, flowState]()
	fragmentLayouts = nodeLayout[fragmentKey, fragmentState]()
	claimLayouts    = nodeLayout[hostKey, claimState]()
	serviceLayouts  = nodeLayout[serviceKey, serviceState]()
	hostLayouts     = nodeLayout[hostKey, hostState]()
	pairLayouts     = nodeLayout[pairKey, pairState]()
)

// layouts identifies the types of all that is saved.
func (t *Table) layouts() string {
	h := sha256.New()
	for _, l := range []*layout{scalarsLayout, eventLayout, sightingLayout, digestLayout, dueLayout} {
		fmt.Fprintln(h, l.text)
	}
	for _, l := range [][2]*layout{flowLayouts, fragmentLayouts, claimLayouts, serviceLayouts, hostLayouts, pairLayouts} {
		fmt.Fprintln(h, l[0].text, l[1].text)
	}
	return string(h.Sum(nil))
}

func (t *Table) pack(p *packer) {
	w := t.windows
	s := scalars{
		Stats: t.stats, Now: t.now, File: t.file, Started: t.started, Begun: t.begun,
		ForgottenHosts: w.forgottenHosts, ForgottenEvents: w.forgottenEvents, ForgottenPairs: w.forgottenPairs,
		ForgottenServices: t.services.forgotten, ForgottenClaims: t.claims.forgotten,
		RingHead: w.head, RingTail: w.tail, Events: len(w.ring),
	}
	due := t.earlyQueue.due[t.earlyQueue.first:]
	s.Early = len(due)
	if t.dups != nil {
		s.Duplicates, s.Sightings = t.dups.n, int(min(t.dups.n, int64(len(t.dups.ring))))
	}
	if t.reorder != nil {
		s.ReorderNewest, s.Waiting = t.reorder.newest, t.reorder.len()
	}
	p.put(scalarsLayout, unsafe.Pointer(&s))
	packStore(p, &t.flows, flowLayouts, t.open, t.closed)
	packStore(p, &t.frags.store, fragmentLayouts, t.frags.order)
	packStore(p, &t.claims.store, claimLayouts, t.claims.order)
	packStore(p, &t.services.store, serviceLayouts, t.services.order)
	packStore(p, &w.hosts, hostLayouts, w.hostOrder)
	packStore(p, &w.pairs, pairLayouts, w.levels[:]...)
	for n := w.tail[windowCount-1]; n < w.head; n++ {
		p.put(eventLayout, unsafe.Pointer(w.event(n)))
	}
	for n := s.Duplicates - int64(s.Sightings) + 1; n <= s.Duplicates; n++ {
		p.put(sightingLayout, unsafe.Pointer(t.dups.at(n)))
	}
	for i := range due {
		p.put(dueLayout, unsafe.Pointer(&due[i]))
	}
	for i := range s.Waiting {
		p.put(digestLayout, unsafe.Pointer(&t.reorder.slab[t.reorder.heap[i]]))
	}
}

func (t *Table) unpack(u *unpacker) {
	w := t.windows
	var s scalars
	u.get(scalarsLayout, unsafe.Pointer(&s))
	t.stats, t.now, t.file, t.started, t.begun = s.Stats, s.Now, s.File, s.Started, s.Begun
	w.forgottenHosts, w.forgottenEvents, w.forgottenPairs = s.ForgottenHosts, s.ForgottenEvents, s.ForgottenPairs
	t.services.forgotten, t.claims.forgotten = s.ForgottenServices, s.ForgottenClaims
	unpackStore(u, &t.flows, flowLayouts, &t.open, &t.closed)
	unpackStore(u, &t.frags.store, fragmentLayouts, &t.frags.order)
	unpackStore(u, &t.claims.store, claimLayouts, &t.claims.order)
	unpackStore(u, &t.services.store, serviceLayouts, &t.services.order)
	unpackStore(u, &w.hosts, hostLayouts, &w.hostOrder)
	unpackStore(u, &w.pairs, pairLayouts, &w.levels[0], &w.levels[1], &w.levels[2])
	if s.Events < 0 || s.Events > w.maxRing || s.RingHead-s.RingTail[windowCount-1] > int64(s.Events) || u.err != nil {
		u.fail()
		return
	}
	w.head, w.tail, w.ring = s.RingHead, s.RingTail, make([]event, s.Events)
	for n := w.tail[windowCount-1]; n < w.head; n++ {
		u.get(eventLayout, unsafe.Pointer(w.event(n)))
	}
	if t.dups != nil {
		t.dups.n = s.Duplicates
		for n := s.Duplicates - int64(s.Sightings) + 1; n <= s.Duplicates; n++ {
			u.get(sightingLayout, unsafe.Pointer(t.dups.at(n)))
			*t.dups.head(t.dups.at(n).hash) = n
		}
	}
	for range s.Early {
		var e earlyDue
		u.get(dueLayout, unsafe.Pointer(&e))
		t.earlyQueue.due = append(t.earlyQueue.due, e)
	}
	for range s.Waiting {
		var d Digest
		u.get(digestLayout, unsafe.Pointer(&d))
		t.reorder.push(&d)
	}
	if s.Waiting > 0 {
		t.reorder.newest = s.ReorderNewest
	}
}

// nodeLayout is the layouts of a store's keys and values.
func nodeLayout[K comparable, V any]() [2]*layout { return [2]*layout{layoutOf[K](), layoutOf[V]()} }

// packStore writes a store's nodes at their places, so that refs stay what
// they are, and its lists.
func packStore[K comparable, V any](p *packer, s *store[K, V], l [2]*layout, lists ...list) {
	p.uint(uint64(s.made))
	for i := int32(1); i <= s.made; i++ {
		n := s.at(i)
		p.uint(uint64(n.gen))
		if n.gen&1 == 1 {
			p.put(l[0], unsafe.Pointer(&n.key))
			p.put(l[1], unsafe.Pointer(&n.val))
		}
	}
	for _, of := range lists {
		for i := of.oldest; i != 0; i = s.at(i).newer {
			p.uint(uint64(i))
		}
		p.uint(0)
	}
}

// unpackStore fills a new store with what packStore wrote.
func unpackStore[K comparable, V any](u *unpacker, s *store[K, V], l [2]*layout, lists ...*list) {
	made := int32(u.count())
	for i := int32(1); i <= made && u.err == nil; i++ {
		s.extend()
		n := s.at(i)
		n.gen = uint32(u.uint())
		if n.gen&1 == 1 {
			u.get(l[0], unsafe.Pointer(&n.key))
			u.get(l[1], unsafe.Pointer(&n.val))
			s.hash(i)
		}
	}
	for i := s.made; i > 0; i-- {
		if n := s.at(i); n.gen&1 == 0 {
			n.next, s.free = s.free, i
		}
	}
	for _, of := range lists {
		for i := u.uint(); i != 0; i = u.uint() {
			if i > uint64(s.made) || s.at(int32(i)).gen&1 == 0 {
				u.fail()
				return
			}
			s.push(of, int32(i))
		}
	}
}
