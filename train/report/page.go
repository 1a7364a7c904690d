// Package report makes the page that a person looks at after a training: one
// HTML file that needs no network, readable in light and in dark, on a desk
// and on a phone.
//
// It shows the model beside the baselines on rows that none of them has seen,
// what each attack class's chance of being found is and on how many rows that
// rests, what the figures mean at the base rates of real networks, how the
// training went, and everything that is needed to doubt it: split, duplicates,
// columns that tell the label alone, warnings, inputs by digest.
package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/metrics"
	"github.com/pcapline/pcapline/transform"
)

//go:embed page.html
var pageText string

// Input is what a page is made of.
type Input struct {
	Model      *train.Header
	Dataset    *features.Meta
	Evaluation *train.Report
}

// page is what the template sees.
type page struct {
	Input
	Ledger *transform.Ledger
	Curves []template.HTML
	Counts []classCount
	Model1 train.Result // the model's own result
}

// classCount is a class's rows in each part of the split.
type classCount struct {
	Class string
	Parts [len(features.Parts)]int64
}

var funcs = template.FuncMap{
	"pct": func(v metrics.Value) string { return percent(float64(v), 2) },
	"num": func(v metrics.Value) string {
		if !v.Defined() {
			return "–"
		}
		return fmt.Sprintf("%.4f", float64(v))
	},
	"share":   func(v float64) string { return percent(v, 2) },
	"heat":    heat,
	"width":   func(v metrics.Value) string { return fmt.Sprintf("%.0f%%", max(0, 100*float64(v))) },
	"between": between,
	"base":    func(v float64) string { return fmt.Sprintf("1 in %.0f", 1/v) },
	"count":   func(v metrics.Value) string { return fmt.Sprintf("%.0f", float64(v)) },
	"sum": func(m map[string]int64) (n int64) {
		for _, v := range m {
			n += v
		}
		return
	},
}

// Page renders the report.
func Page(in Input) ([]byte, error) {
	p := page{Input: in, Model1: in.Evaluation.Results[0]}
	if len(in.Dataset.Ledger) > 0 {
		p.Ledger = new(transform.Ledger)
		if err := json.Unmarshal(in.Dataset.Ledger[0], p.Ledger); err != nil {
			return nil, fmt.Errorf("report: ledger: %w", err)
		}
	}
	for _, class := range in.Dataset.Classes {
		c := classCount{Class: class}
		for i, part := range features.Parts {
			c.Parts[i] = in.Dataset.Counts[class][part.String()]
		}
		p.Counts = append(p.Counts, c)
	}
	for _, c := range charts(in) {
		svg, err := c.svg()
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		p.Curves = append(p.Curves, svg)
	}
	t, err := template.New("page").Funcs(funcs).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

// charts are the page's pictures: precision-recall and ROC of every detector,
// the score's calibration, and the course of the training.
func charts(in Input) []chart {
	pr := chart{title: "Precision and recall", x: "recall", y: "precision", xmax: 1, ymax: 1}
	roc := chart{title: "ROC, up to 10 % false alarms", x: "share of benign flows called attacks", y: "share of attacks found", xmax: 0.1, ymax: 1}
	for i, r := range in.Evaluation.Results {
		var precision, recall, rocX, rocY []float64
		for _, p := range r.Curve {
			if p.FPR.Defined() && p.Recall.Defined() {
				rocX, rocY = append(rocX, float64(p.FPR)), append(rocY, float64(p.Recall))
			}
			if p.Precision.Defined() && p.Recall.Defined() {
				precision, recall = append(precision, float64(p.Precision)), append(recall, float64(p.Recall))
			}
		}
		pr.lines = append(pr.lines, series{name: r.Name, xs: recall, ys: precision, dashed: i > 0})
		rocX, rocY = upTo(rocX, rocY, roc.xmax)
		roc.lines = append(roc.lines, series{name: r.Name, xs: rocX, ys: rocY, dashed: i > 0})
	}
	return []chart{pr, roc, calibrationChart(in.Evaluation.Results[0]), historyChart(in.Model)}
}

// upTo cuts a rising curve at x = limit, on a straight line.
func upTo(xs, ys []float64, limit float64) ([]float64, []float64) {
	for i, x := range xs {
		if x <= limit || i == 0 {
			continue
		}
		t := (limit - xs[i-1]) / (x - xs[i-1])
		return append(xs[:i:i], limit), append(ys[:i:i], ys[i-1]+t*(ys[i]-ys[i-1]))
	}
	return xs, ys
}

func calibrationChart(r train.Result) chart {
	ideal := series{name: "as it should be", xs: []float64{0, 1}, ys: []float64{0, 1}, dashed: true}
	own := series{name: r.Name}
	for _, b := range r.Calibration.Bins {
		if b.N > 0 {
			own.xs, own.ys = append(own.xs, float64(b.Score)), append(own.ys, float64(b.Rate))
		}
	}
	return chart{title: "Calibration", x: "mean score", y: "share of attacks", xmax: 1, ymax: 1, lines: []series{own, ideal}}
}

func historyChart(m *train.Header) chart {
	loss, valid, ap := series{name: "training loss"}, series{name: "validation loss"}, series{name: "validation PR-AUC"}
	for _, e := range m.Manifest.History.Epochs {
		x := float64(e.Epoch)
		loss.xs, loss.ys = append(loss.xs, x), append(loss.ys, e.TrainLoss)
		if e.ValidLoss.Defined() {
			valid.xs, valid.ys = append(valid.xs, x), append(valid.ys, float64(e.ValidLoss))
		}
		if e.ValidAP.Defined() {
			ap.xs, ap.ys = append(ap.xs, x), append(ap.ys, float64(e.ValidAP))
		}
	}
	return chart{title: "Training", x: "epoch", y: "loss, PR-AUC", lines: []series{loss, valid, ap}}
}

func percent(v float64, digits int) string {
	if v != v {
		return "–"
	}
	return fmt.Sprintf("%.*f %%", digits, 100*v)
}

func between(i metrics.Interval) string {
	if !i.Low.Defined() {
		return ""
	}
	return fmt.Sprintf("%.3f–%.3f", float64(i.Low), float64(i.High))
}

// heat is a cell's shade: the share of its row.
func heat(row []int, i int) template.CSS {
	sum := 0
	for _, n := range row {
		sum += n
	}
	if sum == 0 || row[i] == 0 {
		return ""
	}
	return template.CSS(fmt.Sprintf("background:color-mix(in srgb, var(--accent) %d%%, transparent)", 10+70*row[i]/sum))
}
