package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
	"github.com/pcapline/pcapline/transform/source"
)

// QueueOptions say how rows are queued and sent. Zero fields take defaults.
type QueueOptions struct {
	Dir     string        // the queue's folder
	Batch   int           // rows of a request (100, as the original's snapshots)
	Limit   int64         // bytes that wait at most (1 GiB); above, AddTable gives ErrQueueFull
	Tries   int           // answers of 5xx to a batch before it is put aside (8)
	First   time.Duration // wait before the second try (500 ms); it doubles
	Longest time.Duration // wait between tries (1 min)
	Results string        // folder for the records of results; "": nobody waits for them
	Poll    time.Duration // wait between questions for a result (5 s)
	Again   bool          // a table with other rows than were queued of it is queued from its start

	// Retry is called before each wait, from the goroutine that sends.
	Retry func(err error, wait time.Duration)
}

// Counts are what a publisher did.
type Counts struct {
	Queued   int64 `json:"rows_queued"`
	Known    int64 `json:"rows_queued_before"` // of the tables that were added
	Batches  int64 `json:"batches_sent"`
	Sent     int64 `json:"rows_sent"`
	Found    int64 `json:"batches_found"` // that the server had, sent before a crash or a lost answer
	Rejected int64 `json:"batches_rejected"`
	Results  int64 `json:"results"`
	Failed   int64 `json:"jobs_failed"`
}

// Publisher queues rows and sends them. One goroutine may add while another
// sends.
type Publisher struct {
	client   *Client
	settings Settings
	opt      QueueOptions
	template *template
	news     chan struct{} // something was added

	mu     sync.Mutex
	queue  *queue
	counts Counts
}

// OpenPublisher opens or makes a queue, which one process at a time has.
func OpenPublisher(c *Client, s Settings, opt QueueOptions) (*Publisher, error) {
	setDefault(&opt.Batch, 100)
	setDefault(&opt.Limit, 1<<30)
	setDefault(&opt.Tries, 8)
	setDefault(&opt.First, 500*time.Millisecond)
	setDefault(&opt.Longest, time.Minute)
	setDefault(&opt.Poll, 5*time.Second)
	p := &Publisher{client: c, settings: s, opt: opt, news: make(chan struct{}, 1)}
	var err error
	if p.template, err = s.newTemplate(); err != nil {
		return nil, err
	}
	if p.queue, err = openQueue(opt.Dir, opt.Limit); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return p, nil
}

func setDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Close leaves the queue to others. What waits stays in it.
func (p *Publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.queue.saveTables(), p.queue.close())
}

// Counts are what was done so far.
func (p *Publisher) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Waiting counts the batches that the server does not have yet.
func (p *Publisher) Waiting() (int, error) {
	names, err := p.queue.names("")
	n := 0
	for _, name := range names {
		if stateOf(name) != sent {
			n++
		}
	}
	return n, err
}

// AddTable queues the rows of a table that were not queued before. When it
// returns they survive a crash. It gives [ErrReplaced] for a table that does
// not continue the one that was queued, and [ErrQueueFull] when only some of
// the rows found room; the others are taken next time.
func (p *Publisher) AddTable(ctx context.Context, path string) (queued int64, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.counts.Queued
	if err = p.addTable(ctx, path); errors.Is(err, ErrReplaced) && p.opt.Again {
		delete(p.queue.tables, path)
		err = p.addTable(ctx, path)
	}
	queued = p.counts.Queued - before
	if queued > 0 {
		err = errors.Join(err, p.queue.saveTables())
		select {
		case p.news <- struct{}{}:
		default:
		}
	}
	return queued, err
}

func (p *Publisher) addTable(ctx context.Context, path string) error {
	t, err := source.Open(path)
	if err != nil {
		return err
	}
	defer t.Close()
	b := schema.FromFields(t.Schema())
	maker, err := p.settings.newRowMaker(b, p.template.features)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	a := &adder{p: p, path: path, known: p.queue.tables[path], digest: sha256.New()}
	err = source.Each(ctx, t, b, func() error {
		maker.begin()
		for row := range b.Rows {
			text, err := maker.row(row)
			if err != nil {
				return err
			}
			if err := a.add(text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if a.rows < a.known.Rows {
		return a.replaced()
	}
	return a.flush()
}

// adder cuts a table's rows into batches.
type adder struct {
	p       *Publisher
	path    string
	known   progress
	rows    int64
	digest  hash.Hash
	pending []json.RawMessage
}

func (a *adder) add(text json.RawMessage) error {
	a.digest.Write(text)
	a.rows++
	if a.rows <= a.known.Rows {
		a.p.counts.Known++
		if a.rows == a.known.Rows && a.sum() != a.known.Digest {
			return a.replaced()
		}
		return nil
	}
	a.pending = append(a.pending, text)
	if len(a.pending) < a.p.opt.Batch {
		return nil
	}
	return a.flush()
}

func (a *adder) sum() string { return hex.EncodeToString(a.digest.Sum(nil)) }

func (a *adder) replaced() error {
	return fmt.Errorf("%s: %w (or its rows are made by other settings now)", a.path, ErrReplaced)
}

func (a *adder) flush() error {
	if len(a.pending) == 0 {
		return nil
	}
	b := &batch{ID: newID(), Table: a.path, Progress: progress{a.rows, a.sum()}, Rows: a.pending}
	if err := a.p.queue.add(b); err != nil {
		return err
	}
	a.p.counts.Queued += int64(len(a.pending))
	a.pending = nil
	return nil
}

// newID is text that no other job's description holds.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // it never fails
	return "pcapline-" + hex.EncodeToString(b[:])
}

// Run sends until ctx ends.
func (p *Publisher) Run(ctx context.Context) error {
	for {
		if err := p.Send(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.news:
		}
	}
}

// Send sends the batches that wait, the oldest first, and returns when there
// are none. A server that cannot be reached is tried until ctx ends. What the
// server refuses as such is put aside and counted; a password that it does not
// take ends Send with a [LoginError], and everything stays in the queue.
func (p *Publisher) Send(ctx context.Context) error {
	for {
		names, err := p.queue.names("")
		if err != nil || len(names) == 0 {
			return err
		}
		for _, name := range names {
			if err := p.one(ctx, name); err != nil {
				return err
			}
		}
	}
}

// one brings a batch through all of its states.
func (p *Publisher) one(ctx context.Context, name string) error {
	b, _, err := p.queue.read(name)
	if err != nil {
		return err
	}
	if stateOf(name) != sent {
		var started *Started
		if started, name, err = p.deliver(ctx, name, b); err != nil || started == nil {
			return err
		}
		b.Job, b.Result = started.Job.ID, started.Result.ID
		p.count(func(c *Counts) { c.Batches++; c.Sent += int64(len(b.Rows)) })
		if p.opt.Results != "" {
			if err := p.queue.store(name, sent, b); err != nil {
				return err
			}
			name = name[:10] + sent + ".json"
		}
	}
	if p.opt.Results != "" {
		if err := p.fetchResult(ctx, b); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.done(name)
}

func (p *Publisher) count(f func(*Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.counts)
}

// deliver posts a batch until the server has it; nil when it was put aside.
func (p *Publisher) deliver(ctx context.Context, name string, b *batch) (*Started, string, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = p.opt.First, p.opt.Longest
	answers := 0
	try := func() (started *Started, err error) {
		// A batch that was on its way before may have arrived.
		if stateOf(name) == sending {
			if started, err = p.find(ctx, b.ID); err != nil {
				return nil, p.permanent(err, &answers)
			}
			if started != nil {
				return started, nil
			}
		}
		if name, err = p.queue.move(name, sending); err != nil {
			return nil, backoff.Permanent(err)
		}
		started, err = p.client.Start(ctx, p.template.request(b.ID, b.Rows))
		return started, p.permanent(err, &answers)
	}
	started, err := backoff.Retry(ctx, try, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0), backoff.WithNotify(p.opt.notify))
	var refused *StatusError
	if errors.As(err, &refused) && ctx.Err() == nil && !errors.As(err, new(*LoginError)) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.counts.Rejected++
		return nil, name, p.queue.reject(name, err)
	}
	return started, name, err
}

func (o *QueueOptions) notify(err error, wait time.Duration) {
	if o.Retry != nil {
		o.Retry(err, wait)
	}
}

// permanent marks an error after which trying again is of no use: what the
// server refuses, and what it failed at so many times.
func (p *Publisher) permanent(err error, answers *int) error {
	var status *StatusError
	if errors.As(err, &status) {
		*answers++
	}
	if err != nil && (!passing(err) || *answers >= p.opt.Tries) {
		return backoff.Permanent(err)
	}
	return err
}

// passing reports whether an error may go away by itself: no connection, an
// answer cut short, a server that fails or is busy.
func passing(err error) bool {
	var status *StatusError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, new(*LoginError)), errors.As(err, new(*JobError)):
		return false
	case errors.As(err, &status):
		return status.Status >= 500 || status.Status == 408 || status.Status == 425 || status.Status == 429
	case errors.As(err, &syntax):
		return true
	}
	return !strings.Contains(err.Error(), "certificate") // nobody will vouch for the server later
}

// find looks for a batch among the newest jobs.
func (p *Publisher) find(ctx context.Context, id string) (*Started, error) {
	jobs, err := p.client.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		if strings.Contains(j.Desc, id) {
			p.count(func(c *Counts) { c.Found++ })
			return p.withResult(ctx, j)
		}
	}
	return nil, nil
}

// withResult finds the result of a job, where results are wanted.
func (p *Publisher) withResult(ctx context.Context, j Job) (*Started, error) {
	s := &Started{Job: j}
	if p.opt.Results == "" {
		return s, nil
	}
	results, err := p.client.Results(ctx)
	for _, r := range results {
		if r.Job == j.ID {
			s.Result = r
		}
	}
	if err == nil && s.Result.ID == 0 {
		err = fmt.Errorf("the server lists job %d without a result", j.ID)
	}
	return s, err
}

// fetchResult waits for a batch's result and keeps its record.
func (p *Publisher) fetchResult(ctx context.Context, b *batch) error {
	r, err := p.client.Wait(ctx, &Started{Job: Job{ID: b.Job}, Result: Result{ID: b.Result}}, p.opt.Poll)
	if errors.As(err, new(*JobError)) {
		p.count(func(c *Counts) { c.Failed++ })
		return sink.WriteFile(filepath.Join(p.opt.Results, b.ID+".error"), []byte(err.Error()+"\n"))
	}
	if err != nil {
		return err
	}
	p.count(func(c *Counts) { c.Results++ })
	return sink.WriteStream(filepath.Join(p.opt.Results, b.ID+".json"), func(w io.Writer) error {
		_, err := w.Write(append(r.Raw, '\n'))
		return err
	})
}
