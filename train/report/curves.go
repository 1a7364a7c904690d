package report

import (
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/metrics"
)

// charts are the page's pictures: precision-recall and ROC of every detector,
// the score's calibration, the figures over time, and the course of the
// training.
func charts(in Input) []chart {
	pr := chart{title: "Precision and recall", x: "recall", y: "precision", xmax: 1, ymax: 1}
	roc := chart{title: "ROC, up to 10 % false alarms", x: "share of benign rows called attacks", y: "share of attacks found", xmax: 0.1, ymax: 1, legend: lowerRight}
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
	own := in.Evaluation.Results[0]
	loss, areas := historyCharts(in.Model)
	out := []chart{pr, roc, calibrationChart(own)}
	if len(own.OverTime) > 1 {
		out = append(out, timeChart(own.OverTime))
	}
	return append(out, loss, areas)
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
	return chart{title: "Calibration", x: "mean score", y: "share of attacks", xmax: 1, ymax: 1, lines: []series{own, ideal}, legend: upperLeft}
}

// timeChart shows recall and false alarms from the first rows to the last.
func timeChart(slots []metrics.Slot) chart {
	recall, alarms := series{name: "attacks found"}, series{name: "false alarms", dashed: true}
	for i, s := range slots {
		if s.Recall.Defined() {
			recall.xs, recall.ys = append(recall.xs, float64(i+1)), append(recall.ys, float64(s.Recall))
		}
		if s.FPR.Defined() {
			alarms.xs, alarms.ys = append(alarms.xs, float64(i+1)), append(alarms.ys, float64(s.FPR))
		}
	}
	return chart{title: "Over time", x: "stretch of rows, in order of time", y: "share", xmin: 1, xmax: float64(len(slots)), ymax: 1.02, lines: []series{recall, alarms}, legend: middle}
}

// historyCharts are the losses, and the area on the validation rows.
func historyCharts(m *train.Header) (chart, chart) {
	loss, valid, ap := series{name: "training"}, series{name: "validation", dashed: true}, series{name: "validation rows"}
	lowest := 1.0
	for _, e := range m.Manifest.History.Epochs {
		x := float64(e.Epoch)
		loss.xs, loss.ys = append(loss.xs, x), append(loss.ys, e.TrainLoss)
		if e.ValidLoss.Defined() {
			valid.xs, valid.ys = append(valid.xs, x), append(valid.ys, float64(e.ValidLoss))
		}
		if e.ValidAP.Defined() {
			lowest = min(lowest, float64(e.ValidAP))
			ap.xs, ap.ys = append(ap.xs, x), append(ap.ys, float64(e.ValidAP))
		}
	}
	return chart{title: "Loss", x: "epoch", y: "loss", lines: []series{loss, valid}, legend: upperRight},
		chart{title: "PR-AUC in training", x: "epoch", y: "PR-AUC", ymin: min(0.9, lowest), ymax: 1, lines: []series{ap}, legend: lowerRight}
}
