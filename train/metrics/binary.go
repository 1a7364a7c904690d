package metrics

// Binary is a detector at one threshold.
type Binary struct {
	TP int `json:"tp"`
	FP int `json:"fp"`
	TN int `json:"tn"`
	FN int `json:"fn"`

	Accuracy         Value `json:"accuracy"`
	BalancedAccuracy Value `json:"balanced_accuracy"`
	Precision        Value `json:"precision"`
	Recall           Value `json:"recall"`
	FPR              Value `json:"fpr"`
	F1               Value `json:"f1"`
	MCC              Value `json:"mcc"`

	AccuracyInterval  Interval `json:"accuracy_interval"`
	PrecisionInterval Interval `json:"precision_interval"`
	RecallInterval    Interval `json:"recall_interval"`
	FPRInterval       Interval `json:"fpr_interval"`
}

// At judges decisions at a threshold.
func At(threshold float32, scores []float32, attack []bool) Binary {
	var b Binary
	for i, a := range attack {
		switch called := scores[i] >= threshold; {
		case a && called:
			b.TP++
		case a:
			b.FN++
		case called:
			b.FP++
		default:
			b.TN++
		}
	}
	c := Confusion{Classes: []string{"benign", "attack"}, Count: [][]int{{b.TN, b.FP}, {b.FN, b.TP}}}
	b.Accuracy, b.BalancedAccuracy, b.MCC = c.Accuracy(), c.BalancedAccuracy(), c.MCC()
	s := c.PerClass()[1]
	b.Precision, b.Recall, b.F1 = s.Precision, s.Recall, s.F1
	b.FPR = Ratio(b.FP, b.FP+b.TN)
	b.AccuracyInterval = Wilson(b.TP+b.TN, len(attack))
	b.PrecisionInterval = Wilson(b.TP, b.TP+b.FP)
	b.RecallInterval = Wilson(b.TP, b.TP+b.FN)
	b.FPRInterval = Wilson(b.FP, b.FP+b.TN)
	return b
}

// Detection is the share of a class's rows that are called attacks. For the
// benign class that is the false-positive rate.
type Detection struct {
	Class    string   `json:"class"`
	N        int      `json:"n"`
	Detected int      `json:"detected"`
	Recall   Value    `json:"recall"`
	Interval Interval `json:"interval"`
}

// Detections counts by true class at a threshold.
func Detections(classes []string, truth []int32, threshold float32, scores []float32) []Detection {
	out := make([]Detection, len(classes))
	for i, t := range truth {
		out[t].N++
		if scores[i] >= threshold {
			out[t].Detected++
		}
	}
	for i := range out {
		d := &out[i]
		d.Class, d.Recall, d.Interval = classes[i], Ratio(d.Detected, d.N), Wilson(d.Detected, d.N)
	}
	return out
}

// MacroRecall is the mean recall of the classes but benign that have rows.
func MacroRecall(ds []Detection, benign int) Value {
	var rs []Value
	for i, d := range ds {
		if i != benign {
			rs = append(rs, d.Recall)
		}
	}
	return mean(rs)
}

// Operation says what a detector would mean where the share BaseRate of the
// rows are attacks.
type Operation struct {
	BaseRate          float64 `json:"base_rate"`
	RowsPerDay        float64 `json:"rows_per_day"`
	Precision         Value   `json:"precision"`
	AlertsPerDay      Value   `json:"alerts_per_day"`
	FalseAlertsPerDay Value   `json:"false_alerts_per_day"`
}

// Operate computes the precision at a base rate by Bayes' rule, from recall
// and false-positive rate (Axelsson, "The base-rate fallacy", 2000).
func Operate(recall, fpr Value, baseRate, rowsPerDay float64) Operation {
	hit, wrong := float64(recall)*baseRate, float64(fpr)*(1-baseRate)
	o := Operation{
		BaseRate: baseRate, RowsPerDay: rowsPerDay, Precision: Undefined(),
		AlertsPerDay: Value((hit + wrong) * rowsPerDay), FalseAlertsPerDay: Value(wrong * rowsPerDay),
	}
	if hit+wrong > 0 {
		o.Precision = Value(hit / (hit + wrong))
	}
	return o
}

// Calibration says whether scores are probabilities.
type Calibration struct {
	Brier Value `json:"brier"`                      // mean squared difference of score and truth
	ECE   Value `json:"expected_calibration_error"` // mean |score − rate| over the bins, by rows
	Bins  []Bin `json:"bins"`
}

// Bin is the rows with a score in [Low, High), the last one with its end.
type Bin struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	N     int     `json:"n"`
	Score Value   `json:"mean_score"`
	Rate  Value   `json:"attack_rate"`
}

// Calibrate sorts scores in [0, 1] into bins of equal width.
func Calibrate(scores []float32, attack []bool, bins int) Calibration {
	sum, hits, n := make([]float64, bins), make([]int, bins), make([]int, bins)
	brier := 0.0
	for i, s := range scores {
		v := min(max(float64(s), 0), 1)
		b := min(int(v*float64(bins)), bins-1)
		sum[b] += v
		n[b]++
		if attack[i] {
			hits[b]++
			v--
		}
		brier += v * v
	}
	c := Calibration{Brier: Undefined(), ECE: Undefined()}
	ece := 0.0
	for b := range bins {
		bin := Bin{Low: float64(b) / float64(bins), High: float64(b+1) / float64(bins), N: n[b], Score: Undefined(), Rate: Ratio(hits[b], n[b])}
		if n[b] > 0 {
			bin.Score = Value(sum[b] / float64(n[b]))
			ece += max(float64(bin.Score-bin.Rate), float64(bin.Rate-bin.Score)) * float64(n[b])
		}
		c.Bins = append(c.Bins, bin)
	}
	if len(scores) > 0 {
		c.Brier, c.ECE = Value(brier/float64(len(scores))), Value(ece/float64(len(scores)))
	}
	return c
}
