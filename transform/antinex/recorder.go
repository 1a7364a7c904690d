package antinex

import (
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"

	"github.com/pcapline/pcapline/pcapio"
)

// Config says what a [Recorder] writes.
type Config struct {
	CSV      string // the table; "" for none
	Archive  string // JSON as the original's processor keeps it; "" for none
	Messages string // JSON as its capture tools send it: no id, no time of receipt; "" for none
	Dataset  string // name in the JSON files; "" is netdata
	Source   string // name of the sensor in messages; "" is localdev
	Created  string // time in every message and archive; "" is each packet's own
	Every    int64  // bring the files up to date after so many packets; 0: at the end
}

// The defaults of the original's environment (DS_NAME, SOURCE_HOST).
const (
	DefaultDataset = "netdata"
	DefaultSource  = "localdev"
)

// Recorder writes messages to a table and to archives in the dialect
// antinex-v1. With Every it does so as the original's processor does, whose
// files are whole after every so many packets; here they are added to rather
// than written anew, unless a new column appears or the look of one changes,
// which ends once all kinds of packets have been seen. It belongs to one
// goroutine.
type Recorder struct {
	cfg       Config
	dissector Dissector
	table     *table    // nil: none
	archive   *jsonFile // nil: none
	messages  *jsonFile // nil: none
	rows      int64
	created   string // of the last message
	dropped   map[string]int64
}

// NoColumns is the reason of a message that has nothing a table has a place for.
const NoColumns = "no layer that has columns"

// NewRecorder begins a run. Nothing is visible before the first snapshot.
func NewRecorder(cfg Config) (r *Recorder, err error) {
	if cfg.Dataset == "" {
		cfg.Dataset = DefaultDataset
	}
	if cfg.Source == "" {
		cfg.Source = DefaultSource
	}
	r = &Recorder{cfg: cfg, dropped: make(map[string]int64)}
	defer func() {
		if err != nil {
			r.Abort()
			r, err = nil, fmt.Errorf("create table: %w", err)
		}
	}()
	if cfg.CSV != "" {
		if r.table, err = newTable(cfg.CSV); err != nil {
			return r, err
		}
	}
	if cfg.Archive != "" {
		const step = "    "
		r.archive, err = newJSONFile(cfg.Archive, step, func(n int64) []byte { return archiveHead(step, r.created, cfg.Dataset, n) })
		if err != nil {
			return r, err
		}
	}
	if cfg.Messages != "" {
		const step = " "
		r.messages, err = newJSONFile(cfg.Messages, step, func(n int64) []byte { return archiveHead(step, "", cfg.Dataset, n) })
	}
	return r, err
}

// Packet records a packet, or says why there is no row for it. The packet may
// be released afterwards.
func (r *Recorder) Packet(p *pcapio.Packet) (reason string, err error) {
	layers, reason := r.dissector.Dissect(p)
	if reason != "" {
		return reason, nil
	}
	for _, name := range r.dissector.Dropped() {
		r.dropped[name]++
	}
	created := r.cfg.Created
	if created == "" {
		created = Time(p.Time)
	}
	return r.Message(&Message{Created: created, Source: r.cfg.Source, Received: created, Layers: layers})
}

// Message records a message, or says why there is no row for it. A message
// without an id is given one that follows from what it says and where it
// stands.
func (r *Recorder) Message(m *Message) (reason string, err error) {
	if r.table != nil {
		some, err := r.table.add(m.Layers)
		if err != nil || !some {
			return NoColumns, err
		}
	} else if !hasColumns(m.Layers) {
		return NoColumns, nil
	}
	r.created = max(m.Received, m.Created)
	if r.messages != nil {
		sent := *m
		sent.ID = ""
		if err := r.messages.add(&sent); err != nil {
			return "", err
		}
	}
	if r.archive != nil {
		if m.ID == "" {
			m.ID = r.id(m)
		}
		if err := r.archive.add(m); err != nil {
			return "", err
		}
	}
	r.rows++
	if r.cfg.Every > 0 && r.rows%r.cfg.Every == 0 {
		return "", r.Snapshot()
	}
	return "", nil
}

func hasColumns(layers []Layer) (some bool) {
	flatten(layers, func([]byte, *Value) { some = true })
	return some
}

// id makes a UUID of a name (RFC 9562, 5.5) where the original draws one.
func (r *Recorder) id(m *Message) string {
	name := fmt.Appendf(nil, "pcapline antinex-v1 %s %d ", r.cfg.Dataset, r.rows)
	return uuid.NewSHA1(uuid.NameSpaceOID, m.appendJSON(name, 0, "")).String()
}

// Rows is the number of packets recorded.
func (r *Recorder) Rows() int64 { return r.rows }

// Dropped counts the layers that were met and have no columns, by name.
func (r *Recorder) Dropped() map[string]int64 { return r.dropped }

// Snapshot brings the files up to date.
func (r *Recorder) Snapshot() error {
	if r.archive != nil {
		if err := r.archive.snapshot(); err != nil {
			return fmt.Errorf("%s: %w", r.cfg.Archive, err)
		}
	}
	if r.messages != nil {
		if err := r.messages.snapshot(); err != nil {
			return fmt.Errorf("%s: %w", r.cfg.Messages, err)
		}
	}
	if r.table != nil {
		if err := r.table.snapshot(); err != nil {
			return fmt.Errorf("%s: %w", r.cfg.CSV, err)
		}
	}
	return nil
}

// Close brings the files up to date and to the disk, and ends the run.
func (r *Recorder) Close() error {
	err := r.Snapshot()
	r.Abort()
	for _, path := range []string{r.cfg.Archive, r.cfg.Messages, r.cfg.CSV} {
		if path != "" && err == nil && sizeOf(path) >= 0 {
			err = syncFile(path)
		}
	}
	return err
}

// syncFile brings to the disk what was added to a file.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Abort ends the run with the files as the last snapshot left them.
func (r *Recorder) Abort() {
	if r.table != nil {
		r.table.spool.remove()
	}
	for _, j := range []*jsonFile{r.archive, r.messages} {
		if j != nil {
			j.spool.remove()
		}
	}
}
