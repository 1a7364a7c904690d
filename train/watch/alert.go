package watch

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform/schema"
)

// Alert is a row whose score reached the threshold, as one line of JSON.
type Alert struct {
	ID        string       `json:"id"`   // of the row: the same whenever it is scored
	Time      string       `json:"time"` // of the row's latest packet, RFC 3339, UTC
	Score     float64      `json:"score"`
	Threshold float64      `json:"threshold"`
	Class     string       `json:"class"`   // the most probable one that is not benign
	Model     string       `json:"model"`   // SHA-256 of its file
	Repeats   int64        `json:"repeats"` // alerts alike that were not sent since the last that was
	Flow      subject      `json:"flow"`
	Capture   capture      `json:"capture"`
	Features  []AlertCause `json:"features"` // those that speak most for it
}

// subject is what an alert is about.
type subject struct {
	Flow        int64  `json:"flow_id"`
	CommunityID string `json:"community_id,omitempty"`
	Source      string `json:"src_ip,omitempty"`
	SourcePort  int64  `json:"src_port,omitempty"`
	Target      string `json:"dst_ip,omitempty"`
	TargetPort  int64  `json:"dst_port,omitempty"`
	Protocol    string `json:"proto,omitempty"`
	Start       string `json:"start"`
	Packets     int64  `json:"packets"`
	Bytes       int64  `json:"bytes"`
	EndReason   string `json:"end_reason,omitempty"` // "early": more of it may follow

	start, end  int64
	first, last place
}

// place is where a packet lies.
type place struct {
	file   int32 // segment, counted from the first
	packet int64
	offset int64 // of its block, -1: not known
}

// capture says where an alert's packets lie in the spool.
type capture struct {
	Segment     string `json:"segment"` // of the first packet
	Offset      int64  `json:"offset"`  // byte at which its block begins; -1: not known
	Packet      int64  `json:"packet"`  // its number in the segment, from 1
	LastSegment string `json:"last_segment"`
	LastPacket  int64  `json:"last_packet"` // of those that were seen
}

// AlertCause is a column that speaks for an attack.
type AlertCause struct {
	train.Contribution
	Value json.RawMessage `json:"value"` // in the row; null where it has none
}

// alertsOf raises alerts for the rows of a batch that was just scored.
func (w *Watcher) alertsOf(b *schema.Batch) error {
	scores := w.scorer.Batch().Column("score").Data().([]float64)
	for row, alert := range w.alertColumn() {
		w.stats.ScoreSum += scores[row]
		w.stats.Scores[min(int(scores[row]*scoreBins), scoreBins-1)]++
		if !alert {
			continue
		}
		w.stats.Alerts++
		key, end := w.maker.key(b, row)
		key.Class = w.scorer.AttackClass(row)
		repeats, why := w.limiter.allow(key, end)
		if why != sent {
			w.stats.Suppressed[why]++
			continue
		}
		a, err := w.alert(b, row, w.maker.subject(b, row))
		if err != nil {
			return err
		}
		a.Score, a.Class, a.Repeats = scores[row], key.Class, repeats
		if err := w.send(a); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watcher) alert(b *schema.Batch, row int, s subject) (*Alert, error) {
	s.Start = stamp(s.start)
	a := &Alert{
		Time: stamp(s.end), Threshold: float64(w.model.Threshold.Value), Model: w.digest, Flow: s,
		Capture: capture{
			Segment: w.segments.name(s.first.file), Offset: s.first.offset, Packet: s.first.packet,
			LastSegment: w.segments.name(s.last.file), LastPacket: s.last.packet,
		},
		Features: []AlertCause{},
	}
	id := fmt.Sprintf("%s/%d/%d/%s/%d", a.Capture.Segment, s.first.packet, s.Flow, a.Capture.LastSegment, s.last.packet)
	a.ID = fmt.Sprintf("%016x", xxhash.Sum64String(id))
	if w.explainer == nil {
		return a, nil
	}
	causes, err := w.explainer.Explain(w.scorer.Features().Row(row), w.opt.Features)
	for _, c := range causes {
		a.Features = append(a.Features, AlertCause{c, valueJSON(b.Column(c.Column), row)})
	}
	return a, err
}

// valueJSON is a column's value in a row: numbers and truth values as such.
func valueJSON(c schema.Column, row int) json.RawMessage {
	v, ok := value(c, row)
	if !ok {
		return json.RawMessage("null")
	}
	if json.Valid([]byte(v)) && c.Field().Kind != schema.String {
		return json.RawMessage(v)
	}
	return json.RawMessage(strconv.Quote(v))
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// send gives an alert to all outputs, unless that happened before the watch
// was stopped. An output that fails costs it no other.
func (w *Watcher) send(a *Alert) error {
	if w.journal.has(a.ID) {
		return nil
	}
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	for _, o := range w.opt.Outputs {
		if err := o.Send(line); err != nil {
			w.stats.OutputErrors++
			w.warn("alert not sent", "output", o.String(), "id", a.ID, "error", err)
		}
	}
	w.stats.Sent++
	w.stats.recent(a)
	if w.opt.Alert != nil {
		w.opt.Alert(*a)
	}
	return w.journal.add(a.ID)
}
