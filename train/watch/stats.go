package watch

import (
	"maps"
	"slices"
	"time"

	"github.com/pcapline/pcapline/pcapio/spool"
)

// Totals are counted over all runs with the same state.
type Totals struct {
	Packets int64 `json:"packets"` // read from the spool = decoded + shed
	Bytes   int64 `json:"bytes"`   // captured, of them
	Shed    int64 `json:"shed"`    // passed over undecoded, see Options.MaxLag
	Rows    int64 `json:"rows"`    // scored

	Alerts     int64            `json:"alerts"` // rows that reached the threshold = sent + suppressed
	Sent       int64            `json:"alerts_sent"`
	Suppressed map[string]int64 `json:"alerts_suppressed"` // by reason: duplicate, rate
}

const (
	scoreBins   = 20
	keptRecents = 64
)

// Stats is how a watch fares.
type Stats struct {
	Totals
	Malformed    map[string]int64 `json:"malformed"` // packets decoded in part, by layer and reason
	NotInFlow    int64            `json:"packets_not_in_flow"`
	OpenFlows    int64            `json:"flows_open"`
	Tail         spool.TailStats  `json:"tail"`
	Segment      string           `json:"segment"`     // being read
	LagBytes     int64            `json:"lag_bytes"`   // of the spool, not read yet
	LagSeconds   float64          `json:"lag_seconds"` // from the last packet to the begin of the newest segment, by the packets' time
	OutputErrors int64            `json:"output_errors"`
	Checkpoints  int64            `json:"checkpoints"`

	Model          string  `json:"model"` // SHA-256
	Threshold      float64 `json:"threshold"`
	Reloads        int64   `json:"model_reloads"`
	ReloadsRefused int64   `json:"model_reloads_refused"`

	Scores   [scoreBins]int64 `json:"scores"` // rows by score, in twentieths
	ScoreSum float64          `json:"-"`
	Columns  []string         `json:"-"`       // features that PSI is of
	PSI      []float64        `json:"-"`       // see train.Drift; nil: too few rows so far, or not known
	Drifted  int              `json:"drifted"` // features with a PSI of more than 0.25
	Recent   []Alert          `json:"-"`       // the alerts sent last, the newest last
	Time     time.Time        `json:"-"`       // when this was counted
	Last     time.Time        `json:"-"`       // time of the latest packet
}

// muchDrift is the customary limit; see train.Drift.
const muchDrift = 0.25

func (s *Stats) recent(a *Alert) {
	if len(s.Recent) == keptRecents {
		s.Recent = slices.Delete(s.Recent, 0, 1)
	}
	s.Recent = append(s.Recent, *a)
}

// Stats gives the counts so far, as the last report had them.
func (w *Watcher) Stats() *Stats {
	s := w.stats
	s.Suppressed, s.Malformed = maps.Clone(s.Suppressed), maps.Clone(s.Malformed)
	s.PSI, s.Recent = slices.Clone(s.PSI), slices.Clone(s.Recent)
	return &s
}

// report brings the counts up to date and tells them.
func (w *Watcher) report() {
	s := &w.stats
	f := w.maker.flows.Stats()
	s.OpenFlows, s.NotInFlow = f.OpenFlows, 0
	for _, n := range f.NonFlow {
		s.NotInFlow += n
	}
	s.Tail = w.tail.Stats()
	s.Time, s.Last = time.Now(), time.Unix(0, w.last)
	if w.drift != nil {
		psi := make([]float64, len(s.Columns))
		if w.drift.PSI(psi) {
			s.PSI, s.Drifted = psi, 0
			for _, v := range psi {
				if v > muchDrift {
					s.Drifted++
				}
			}
		}
	}
	if w.opt.Stats != nil {
		w.opt.Stats(w.Stats())
	}
}
