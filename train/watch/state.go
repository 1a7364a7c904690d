package watch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/sink"
)

// note is what a state file says beside the flows (flow.Table.Save). It is
// one with them: position and flows never disagree.
type note struct {
	Version    int            `json:"version"` // 1
	Checkpoint int64          `json:"checkpoint"`
	Position   spool.Position `json:"position"`
	Segments   segments       `json:"segments"`
	Scored     scoredState    `json:"scored"`
	Held       []held         `json:"held"`
	Totals     Totals         `json:"totals"`
	Last       int64          `json:"last"` // time of the latest packet
}

// restore makes the flow table: the one that the state file has, if there is
// one, else an empty one at the cursor of an earlier run.
func (w *Watcher) restore() error {
	if w.opt.State == "" {
		w.maker.flows = flow.NewTable(w.maker.cfg)
		return nil
	}
	data, err := os.ReadFile(w.opt.State)
	if errors.Is(err, fs.ErrNotExist) {
		w.maker.flows = flow.NewTable(w.maker.cfg)
		w.note.Position = w.cursor.Position()
		return nil
	} else if err != nil {
		return err
	}
	table, text, err := flow.Restore(bytes.NewReader(data), w.maker.cfg)
	if err != nil {
		return fmt.Errorf("%s: %w", w.opt.State, err)
	}
	w.maker.flows = table
	if err := json.Unmarshal(text, &w.note); err != nil {
		return fmt.Errorf("%s: %w: %w", w.opt.State, flow.ErrState, err)
	}
	if w.note.Version != 1 {
		return fmt.Errorf("%s: %w: version %d is not known", w.opt.State, flow.ErrState, w.note.Version)
	}
	w.segments, w.stats.Totals, w.last, w.lastRead = w.note.Segments, w.note.Totals, w.note.Last, time.Now()
	w.limiter.restore(w.note.Held)
	return nil
}

// checkpoint makes everything that was done so far last. The order matters:
// the table of scores is whole but hidden before the state names it, and
// visible after; the cursor, which lets the spool delete, comes last.
func (w *Watcher) checkpoint() error {
	if err := w.maker.flush(); err != nil {
		return err
	}
	n := &w.note
	var err error
	if n.Position, err = w.tail.Position(); err != nil {
		return err
	}
	if err := w.scored.finish(w.tableMetadata()); err != nil {
		return err
	}
	if w.opt.State != "" {
		if err := w.saveState(); err != nil {
			return err
		}
	}
	if err := w.scored.show(); err != nil {
		return err
	}
	w.stats.Checkpoints++
	if w.opt.State == "" {
		return nil
	}
	if err := w.journal.begin(n.Checkpoint); err != nil {
		return err
	}
	return w.cursor.Advance(n.Position)
}

func (w *Watcher) saveState() error {
	n := &w.note
	n.Version, n.Segments, n.Scored, n.Held, n.Totals = 1, w.segments, w.scored.state, w.limiter.state(), w.stats.Totals
	n.Last = w.last
	n.Checkpoint++
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := w.maker.flows.Save(&b, text); err != nil {
		return err
	}
	return sink.WriteFile(w.opt.State, b.Bytes())
}
