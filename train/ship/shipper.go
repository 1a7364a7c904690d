package ship

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"time"

	"filippo.io/age"
	"github.com/cenkalti/backoff/v5"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/pcapio/store"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/watch"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/slice"
)

// Options say what is shipped, from where, and to whom.
type Options struct {
	Sensor     string          // letters, digits, '.', '_', '-'; part of the shipments' names
	Tables     []string        // files and folders of what watch --scored or score wrote
	Spool      string          // of the segments that the tables are of; "": see Captures
	Captures   []string        // that the tables are of, found by their SHA-256
	Consumer   string          // name of the cursor in the spool ("ship")
	State      string          // folder
	To         store.Store     // place
	Recipients []age.Recipient // who can read it
	Select     Selection
	Model      *train.Model // for Selection.Unseen
	PerRow     int64        // packets of a row at most, the first ones (200); negative: all
	NoPackets  bool         // rows only
	Outbox     int64        // bytes on their way above which no further shipment is made (1 GiB)
	Delete     bool         // delete tables that are done
	Tries      uint         // of an upload (5)
	First      time.Duration
	Retry      func(err error, wait time.Duration) // called before each wait
}

// Counts are what was done.
type Counts struct {
	Tables  int64            `json:"tables"` // looked at
	Empty   int64            `json:"tables_as_expected"`
	Waiting int64            `json:"tables_waiting"` // for a segment to be finished, or for room in the outbox
	Rows    int64            `json:"rows_looked_at"`
	Reasons map[string]int64 `json:"rows_by_reason"`
	Packets int64            `json:"packets"`
	Left    int64            `json:"packets_left"`
	Missing int64            `json:"packets_missing"`
	Built   int64            `json:"shipments_made"`
	Shipped int64            `json:"shipments_arrived"`
	Again   int64            `json:"shipments_found"` // that had arrived before
	Bytes   int64            `json:"bytes_shipped"`
	Outbox  int              `json:"outbox"`
}

// Shipper ships. It is for one goroutine.
type Shipper struct {
	opt     Options
	state   *state
	digests map[string]string // captures by SHA-256
	counts  Counts
}

var sensorName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Open opens or makes the state folder, which one process at a time has.
func Open(opt Options) (*Shipper, error) {
	if !sensorName.MatchString(opt.Sensor) {
		return nil, &transform.OptionError{Err: fmt.Errorf("sensor %q: want letters, digits, '.', '_', '-'", opt.Sensor)}
	}
	if len(opt.Recipients) == 0 || opt.To == nil || opt.State == "" {
		return nil, &transform.OptionError{Err: errors.New("a place, a recipient and a state folder are needed")}
	}
	setDefault(&opt.PerRow, 200)
	setDefault(&opt.Outbox, 1<<30)
	setDefault(&opt.Tries, 5)
	setDefault(&opt.First, time.Second)
	setDefault(&opt.Consumer, "ship")
	s := &Shipper{opt: opt, counts: Counts{Reasons: map[string]int64{}}}
	var err error
	s.state, err = openState(opt.State)
	return s, err
}

func setDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Close leaves the state folder to others.
func (s *Shipper) Close() error { return s.state.lock.Unlock() }

// Counts are what was done so far.
func (s *Shipper) Counts() Counts {
	s.counts.Outbox = len(s.state.outbox)
	return s.counts
}

// Run makes shipments of the tables that are not done, in the order of their
// names, and uploads what is in the outbox. What cannot be uploaded now stays
// there for the next call.
func (s *Shipper) Run(ctx context.Context) error {
	tables, err := tablesIn(s.opt.Tables)
	if err != nil {
		return err
	}
	cursor, err := s.openCursor()
	if err != nil {
		return err
	}
	s.counts.Waiting = 0
	for i, table := range tables {
		err := s.look(ctx, table)
		if errors.Is(err, errWaits) || errors.Is(err, errRoom) {
			s.counts.Waiting = int64(len(tables) - i)
			break
		}
		if err != nil {
			return err
		}
	}
	if err := s.upload(ctx); err != nil {
		return err
	}
	if cursor != nil && s.state.Position.Segment != "" {
		return cursor.Advance(s.state.Position)
	}
	return nil
}

// openCursor registers with the spool before anything is read, so that its
// quota spares what is to be shipped.
func (s *Shipper) openCursor() (*spool.Cursor, error) {
	if s.opt.Spool == "" {
		return nil, nil
	}
	return spool.OpenCursor(s.opt.Spool, s.opt.Consumer)
}

// tablesIn lists tables: a file stands for itself, a folder for the Parquet
// files in it by their names.
func tablesIn(paths []string) (tables []string, err error) {
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		found := []string{p}
		if st.IsDir() {
			if found, err = filepath.Glob(filepath.Join(p, "[^.]*.parquet")); err != nil {
				return nil, err
			}
		}
		for _, f := range found {
			if f, err = filepath.Abs(f); err != nil {
				return nil, err
			}
			tables = append(tables, f)
		}
	}
	return tables, nil
}

var errRoom = errors.New("the outbox is full")

// look makes a shipment of a table, if it is new and has unexpected rows.
func (s *Shipper) look(ctx context.Context, table string) error {
	now, err := stampOf(table)
	if err != nil || s.state.taken(table, now) {
		return err
	}
	if len(s.state.outbox) > 0 && s.state.bytes() >= s.opt.Outbox {
		return errRoom
	}
	if err := s.state.clean(); err != nil {
		return err
	}
	p, err := pick(ctx, table, filepath.Join(s.state.build(), RowsFile), s.opt.Select, s.opt.Model, max(s.opt.PerRow, 0))
	if err != nil {
		return err
	}
	if p.unexpected() > 0 {
		if err := s.make(ctx, p, table, now); err != nil {
			return err
		}
	}
	s.counts.Tables++
	s.counts.Rows += p.Rows
	for reason, n := range p.Reasons {
		s.counts.Reasons[reason] += n
	}
	if origin, err := watch.OriginOf(p.Metadata); err != nil {
		return err
	} else if origin != nil {
		s.state.Position = origin.Spool
	}
	if p.unexpected() > 0 {
		return s.state.save()
	}
	s.counts.Empty++
	return s.finishTable(table, now, s.state.done)
}

// finishTable counts a table as done, and deletes it if that is wanted.
func (s *Shipper) finishTable(table string, as stamp, done func(string, stamp) error) error {
	if err := done(table, as); err != nil {
		return err
	}
	now, err := stampOf(table)
	if !s.opt.Delete || err != nil || now != as {
		return nil // it is gone, or another one by now
	}
	return os.Remove(table)
}

// make puts a shipment into the outbox.
func (s *Shipper) make(ctx context.Context, p *picked, table string, now stamp) error {
	m := &Manifest{
		Version: manifestVersion, Tool: "pcapline " + transform.Version, Sensor: s.opt.Sensor, Number: s.state.Next,
		Table: p.Kind, Source: filepath.Base(table), Select: s.opt.Select, Looked: p.Rows, Rows: p.unexpected(), Reasons: p.Reasons,
		Expected: p.packets,
	}
	var err error
	if m.SHA256, _, err = pcapio.Digest(table); err != nil {
		return err
	}
	if origin, err := watch.OriginOf(p.Metadata); err == nil && origin != nil {
		m.Model = origin.Model
	}
	if !s.opt.NoPackets {
		if err := s.cut(ctx, p, m); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	if err := m.describe(s.state.build()); err != nil {
		return err
	}
	sealed := filepath.Join(s.state.build(), "sealed")
	sum, size, err := m.seal(s.state.build(), sealed, s.opt.Recipients)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s_%010d_%s%s", s.opt.Sensor, m.Number, sum[:8], objectSuffix)
	to := filepath.Join(s.state.dir, "outbox", name)
	if err := os.Rename(sealed, to); err != nil {
		return err
	}
	if err := s.state.add(parcel{Number: m.Number, Object: path.Join(s.opt.Sensor, p.day(), name), SHA256: sum, Size: size, Table: table, Stamp: now, path: to}); err != nil {
		return err
	}
	s.counts.Built++
	s.counts.Packets += m.Packets
	s.counts.Left += m.Left
	s.counts.Missing += m.Missing
	return s.state.clean() // the plain parts
}

const objectSuffix = ".tar.age"

// cut writes the rows' packets.
func (s *Shipper) cut(ctx context.Context, p *picked, m *Manifest) error {
	f, err := s.captures(p)
	if err != nil {
		return err
	}
	m.Gone = len(f.gone)
	inputs, spans := p.onto(f)
	if len(inputs) == 0 {
		m.Missing = p.packets
		return nil
	}
	res, err := slice.Run(ctx, slice.Options{
		Inputs: inputs, Flow: flow.Config{}, Select: slice.Selection{Spans: spans}, Output: filepath.Join(s.state.build(), PacketsFile),
	})
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return err
	}
	m.Packets = res.Out
	var met int64
	for i, n := range res.Spans {
		met += n
		if most := spans[i].Most; most > 0 {
			m.Left += max(n-most, 0)
		}
	}
	m.Missing = max(p.packets-met, 0)
	for _, d := range res.Damaged {
		m.Damaged = append(m.Damaged, filepath.Base(d))
	}
	return nil
}

// upload brings what is in the outbox to its place, in order.
func (s *Shipper) upload(ctx context.Context) error {
	for len(s.state.outbox) > 0 {
		p := s.state.outbox[0]
		if err := s.deliver(ctx, p); err != nil {
			return fmt.Errorf("%s: %w; it stays in the outbox", p.Object, err)
		}
		s.counts.Shipped++
		s.counts.Bytes += p.Size
		if err := s.finishTable(p.Table, p.Stamp, func(string, stamp) error { return s.state.arrived() }); err != nil {
			return err
		}
	}
	return nil
}

// deliver uploads a shipment. It has arrived when the store says so, or when
// it is there already, which only happens if it arrived and nobody noted it.
func (s *Shipper) deliver(ctx context.Context, p parcel) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = s.opt.First
	notify := func(err error, d time.Duration) {
		if s.opt.Retry != nil {
			s.opt.Retry(err, d)
		}
	}
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := store.PutFile(ctx, s.opt.To, p.Object, p.path, store.PutOptions{IfAbsent: true})
		if errors.Is(err, fs.ErrExist) {
			if err = s.same(ctx, p); err == nil {
				s.counts.Again++
			}
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(s.opt.Tries), backoff.WithNotify(notify))
	return err
}

// same compares what is at the place with the shipment.
func (s *Shipper) same(ctx context.Context, p parcel) error {
	sum, size, err := digestObject(ctx, s.opt.To, p.Object)
	if err != nil {
		return err
	}
	if sum != p.SHA256 || size != p.Size {
		return backoff.Permanent(fmt.Errorf("another object of that name is there"))
	}
	return nil
}
