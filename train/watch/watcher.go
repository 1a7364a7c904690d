package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
)

// Watcher scores a spool. It is for one goroutine.
type Watcher struct {
	opt    Options
	model  *train.Model
	digest string      // of its file
	loaded os.FileInfo // what Options.Model was

	tail     *spool.Tail
	cursor   *spool.Cursor // nil without state
	maker    *maker
	segments segments
	file     int32 // of the last packet
	segment  int64 // its segment's number

	scorer    *train.Scorer
	explainer *train.Explainer // nil: nobody asks for causes
	drift     *train.Drift     // nil: the model does not know its training rows
	joined    *schema.Batch
	source    *schema.Batch // that joined is made of

	scored  *scored
	limiter *limiter
	journal *journal
	note    note
	stats   Stats

	last     int64     // time of the last packet
	lastRead time.Time // when it was read
	caughtUp bool
	flushed  time.Time // when rows were scored
	shed     int64     // bytes still to be passed over
	ticked   time.Time
	kept     time.Time   // when the last checkpoint was
	behind   time.Time   // when it was last said
	refused  os.FileInfo // a replacement of the model that could not be taken
}

// Open reads the model and the state, and goes to where the watch was.
func Open(opt Options) (*Watcher, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &Watcher{opt: opt, limiter: newLimiter(opt.Dedup, opt.Rate, opt.Burst), kept: time.Now()}
	w.stats.Suppressed, w.stats.Malformed = map[string]int64{duplicate: 0, overRate: 0}, map[string]int64{}
	if err := w.open(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *Watcher) open() error {
	m, info, err := loadModel(w.opt)
	if err != nil {
		return err
	}
	if w.maker, err = newMaker(m, w.deliver); err != nil {
		return err
	}
	if err := w.use(m, info); err != nil {
		return err
	}
	if w.opt.State != "" {
		if w.cursor, err = spool.OpenCursor(w.opt.Spool, w.opt.Consumer); err != nil {
			return err
		}
	}
	if err := w.restore(); err != nil {
		return err
	}
	joined := schema.Join(schema.FromFields(w.maker.schema()), w.scorer.Batch())
	if w.scored, err = openScored(w.opt.Scored, joined.Schema(), w.opt.ScoredRows, w.note.Scored); err != nil {
		return err
	}
	path := w.opt.State
	if path != "" {
		path += ".sent"
	}
	if w.journal, err = openJournal(path, w.note.Checkpoint); err != nil {
		return err
	}
	w.tail, err = spool.OpenTail(w.opt.Spool, w.note.Position, spool.TailOptions{})
	return err
}

// Run watches until ctx is done, which is how a watch ends, or with
// Options.Once until the spool has no further packet. What was done lasts.
func (w *Watcher) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, w.close()) }()
	for ctx.Err() == nil {
		n, err := w.read()
		if err != nil {
			return err
		}
		if w.caughtUp = n < batchPackets; w.caughtUp && !w.maker.packets && n == 0 {
			w.maker.flows.Advance(w.clock())
		}
		if err := w.score(); err != nil {
			return err
		}
		if err := w.regularly(); err != nil {
			return err
		}
		switch {
		case !w.caughtUp:
		case w.opt.Once && n == 0:
			return w.end()
		case !w.opt.Once:
			w.wait(ctx)
		}
	}
	return w.end()
}

// score scores the rows made so far. Behind, it waits for full batches for a
// while, since small ones cost more for each row.
func (w *Watcher) score() error {
	now := time.Now()
	if !w.caughtUp && !w.maker.packets && now.Sub(w.flushed) < patience {
		return w.maker.flows.Err()
	}
	w.flushed = now
	return w.maker.flush()
}

// read adds packets until there is none or a batch is full.
func (w *Watcher) read() (n int, err error) {
	var p pcapio.Packet
	for n < batchPackets {
		err := w.tail.TryNext(&p)
		if err == io.EOF { //nolint:errorlint // TryNext gives it bare
			break
		} else if err != nil {
			return n, err
		}
		n++
		if err := w.take(&p); err != nil {
			return n, err
		}
	}
	if n > 0 {
		w.lastRead = time.Now()
	}
	for reason, k := range w.maker.decoder.TakeErrors() {
		w.stats.Malformed[reason] += k
	}
	return n, nil
}

func (w *Watcher) take(p *pcapio.Packet) error {
	if s := w.tail.Segment(); s.Seq != w.segment {
		w.segment, w.file = s.Seq, w.segments.enter(s.Seq, s.Name)
	}
	w.last = max(w.last, p.Time)
	w.stats.Packets++
	w.stats.Bytes += int64(len(p.Data))
	if w.shed > 0 {
		w.shed -= int64(len(p.Data)) + blockOverhead
		w.stats.Shed++
		return nil
	}
	return w.maker.add(p, w.file)
}

// clock is the time by which silent flows end.
func (w *Watcher) clock() int64 {
	if w.last == 0 {
		return 0
	}
	return w.last + int64(time.Since(w.lastRead)-Grace)
}

// deliver scores the rows of a batch, which maker makes.
func (w *Watcher) deliver(b *schema.Batch) error {
	if w.source != b {
		w.source, w.joined = b, schema.Join(b, w.scorer.Batch())
	}
	w.scorer.Batch().Reset()
	w.scorer.Annotate(b)
	if err := w.scorer.Err(); err != nil {
		return fmt.Errorf("score: %w", err)
	}
	w.joined.Rows = b.Rows
	w.joined.Finish()
	w.stats.Rows += int64(b.Rows)
	if w.drift != nil {
		w.drift.Add(w.scorer.Features().Data)
	}
	if err := w.alertsOf(b); err != nil {
		return err
	}
	return w.scored.write(w.joined)
}

func (w *Watcher) alertColumn() []bool { return w.scorer.Batch().Column("alert").Data().([]bool) }

// regularly does what is due by the clock.
func (w *Watcher) regularly() error {
	now := time.Now()
	if now.Sub(w.ticked) >= tick {
		w.ticked = now
		if err := w.look(); err != nil {
			return err
		}
		if err := w.reload(); err != nil {
			return err
		}
		w.report()
	}
	if now.Sub(w.kept) >= w.opt.Checkpoint || w.scored.full() {
		w.kept = now
		return w.checkpoint()
	}
	return nil
}

// wait returns when there may be packets, or when flows may have ended, but
// not at once.
func (w *Watcher) wait(ctx context.Context) {
	select {
	case <-time.After(pace - time.Since(w.flushed)):
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	_ = w.tail.Wait(ctx) // that time has passed is no error
}

// end keeps what was done, or ends the flows where nothing is kept.
func (w *Watcher) end() error {
	if w.opt.State == "" {
		if err := w.maker.finish(); err != nil {
			return err
		}
	}
	if err := w.checkpoint(); err != nil {
		return err
	}
	if err := w.look(); err != nil {
		return err
	}
	w.report()
	return nil
}

// close lets go of everything. What was not kept is done again by the next run.
func (w *Watcher) close() error {
	var errs []error
	if w.tail != nil {
		errs = append(errs, w.tail.Close())
	}
	if w.scored != nil {
		w.scored.abort()
	}
	if w.journal != nil {
		errs = append(errs, w.journal.close())
	}
	for _, o := range w.opt.Outputs {
		errs = append(errs, o.Close())
	}
	return errors.Join(errs...)
}

// MetaWatch is the key of the metadata by which a table of scores says where
// its rows come from.
const MetaWatch = "pcapline.watch"

// watchMetadata is its value.
type watchMetadata struct {
	Model    string           `json:"model"` // SHA-256 of the file
	Spool    spool.Position   `json:"position"`
	Segments map[int32]string `json:"segments"` // by file_id
}

func (w *Watcher) tableMetadata() [][2]string {
	table := transform.FlowsTable
	if w.maker.packets {
		table = transform.PacketsTable
	}
	about, err := json.Marshal(watchMetadata{w.digest, w.note.Position, w.segments.Names})
	if err != nil {
		panic(err) // strings and numbers have their JSON
	}
	meta := [][2]string{
		{transform.MetaTable, table}, {transform.MetaVersion, transform.Version},
		{transform.MetaSchema, w.scored.schema.Hash()}, {MetaWatch, string(about)},
	}
	if !w.maker.packets {
		meta = append(meta, [2]string{transform.MetaFlow, w.maker.cfg.Settings()})
	}
	return meta
}

func (w *Watcher) warn(msg string, args ...any) { w.opt.Log.Warn(msg, args...) }
