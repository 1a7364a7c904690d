package report

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train"
)

// hostile is a name that would be markup if nobody escaped it.
const hostile = `<script>alert("x")</script>_&amp;.pcap`

// input is a small training, judged, with everything that a page can show.
func input(t *testing.T) Input {
	t.Helper()
	const n = 600
	r := rand.New(rand.NewPCG(1, 2))
	d := &train.Data{
		X: features.NewMatrix(n, []string{"a", "b"}), Class: make([]int32, n), Part: make([]features.Part, n),
		Classes: []string{"benign", "flood", "scan", "rare"}, Capture: make([]int32, n), Captures: []string{hostile}, Start: make([]int64, n),
	}
	for i := range n {
		d.Class[i] = int32(i % 3)
		d.Part[i] = []features.Part{features.Train, features.Train, features.Valid, features.Test}[i/3%4]
		d.Start[i] = int64(i) * 1e9
		copy(d.X.Row(i), []float32{float32(r.NormFloat64()) + float32(2*d.Class[i]), float32(r.NormFloat64())})
		if i%24 == 1 { // a flood in a training row
			d.Class[i] = 3
		}
	}
	ctx := context.Background()
	config := train.Config{Hidden: []int{8}, Epochs: 40, Batch: 16}
	m, _, err := train.Fit(ctx, d, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Model: &m.Header}
	if in.Evaluation, err = train.Evaluate(ctx, m, d, train.EvalConfig{Importance: 1}); err != nil {
		t.Fatal(err)
	}
	if in.Evaluation.LeaveOneOut, err = train.LeaveOneClassOut(ctx, d, features.None, config, train.EvalConfig{Baselines: []string{"stump"}}, nil); err != nil {
		t.Fatal(err)
	}
	gate, err := train.ParseGate("gate", []byte("minimum: {mcc: 2}\nmaximum: {fpr: 1}"))
	if err != nil {
		t.Fatal(err)
	}
	in.Evaluation.Gate = gate.Judge(in.Evaluation)
	in.Matrix = []train.CrossCell{{Model: "m.pcapline", Dataset: hostile, Relation: train.SharesCaptures, Rows: 12345, Results: in.Evaluation.Results[:2]}}
	in.Dataset = &features.Meta{
		Table: "flows", Classes: d.Classes, Counts: map[string]map[string]int64{"scan": {"train": 100}}, Split: &features.Split{Warnings: []string{"look out: " + hostile}},
		Transforms: &features.Encoding{Dropped: []features.Dropped{{Column: "src_ip", Reason: "role address"}, {Column: "dst_ip", Reason: "role address"}}},
		Ledger:     []json.RawMessage{json.RawMessage(`{"packets_in": 1234567, "rows": 1234566, "skipped": {"filter": 1}, "damaged": [{"file": "x", "error": "cut at byte 7"}]}`)},
	}
	return in
}

func TestPageShowsEverything(t *testing.T) {
	page, err := Page(input(t))
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, want := range []string{
		"Not passed: 1 of 2 checks failed", "boosted_<wbr>trees", "Attacks that were never shown", "What the model leans on", "On other datasets",
		"shares captures", "12\u2009345", "1\u2009234\u2009567 packets in", "cut at byte 7", "Over time", "Calibration", "PR-AUC in training",
		"nothing can be said of them: rare", "role address: <code>src_ip</code> <code>dst_ip</code>", "By PR-AUC the network beats majority", "Model file SHA-256 <code>",
		"prefers-color-scheme: dark", "width=device-width", "look out: &lt;script&gt;",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "TRAINING") {
		t.Error("held-out rows are called training rows")
	}
	if again, err := Page(input(t)); err != nil || string(again) != text {
		t.Errorf("two pages of one training differ, or %v", err)
	}
}

// The page asks nothing of a network, runs nothing, and is whole.
func TestPageIsSelfContained(t *testing.T) {
	page, err := Page(input(t))
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?i)<script|<link|<iframe|<img|@import|url\(|src=|href="[^#]`).Find(page); found != nil {
		t.Errorf("the page has %q", found)
	}
	ids := make(map[string]bool)
	var links, open []string
	void := map[string]bool{"meta": true, "wbr": true, "br": true}
	z := html.NewTokenizer(strings.NewReader(string(page)))
	for z.Next() != html.ErrorToken {
		tok := z.Token()
		for _, a := range tok.Attr {
			switch {
			case tok.Type != html.StartTagToken:
			case a.Key == "id" && (tok.Data == "section"):
				ids[a.Val] = true
			case a.Key == "href" && tok.Data == "a":
				links = append(links, a.Val)
			}
		}
		switch {
		case tok.Type == html.StartTagToken && !void[tok.Data]:
			open = append(open, tok.Data)
		case tok.Type == html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tok.Data {
				t.Fatalf("</%s> closes %v", tok.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 || len(links) < 10 {
		t.Errorf("left open: %v; %d links", open, len(links))
	}
	for _, l := range links {
		if !ids[strings.TrimPrefix(l, "#")] {
			t.Errorf("the link %s leads nowhere", l)
		}
	}
}

// Training rows are called so, in capitals.
func TestPageOfTrainingRows(t *testing.T) {
	in := input(t)
	in.Evaluation.SeenInTraining = true
	page, err := Page(in)
	if err != nil || !strings.Contains(string(page), "seen in TRAINING") {
		t.Errorf("not said; %v", err)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		from, to float64
		want     string
	}{{0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"}, {0, 0.1, "0.00 0.02 0.04 0.06 0.08 0.10"}, {1, 18, "5 10 15"}, {0.9, 1, "0.90 0.92 0.94 0.96 0.98 1.00"}, {3, 3, "3"}, {0, 250, "0 50 100 150 200 250"}} {
		var labels []string
		for _, tick := range (ticks{}).Ticks(c.from, c.to) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%v to %v: %s, want %s", c.from, c.to, got, c.want)
		}
	}
}
