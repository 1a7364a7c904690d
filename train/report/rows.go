package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/metrics"
)

// classRow is what the page says of a class in one line.
type classRow struct {
	metrics.Detection
	Attack bool
	Score  *metrics.ClassScore // of the model's choice of a class; nil where it does not know the class
}

// classRows gives a line for each class that has rows, and names the others.
func classRows(r *train.Report) (out []classRow, without []string) {
	for i, d := range r.Results[0].Detections {
		if d.N == 0 {
			without = append(without, d.Class)
			continue
		}
		row := classRow{Detection: d, Attack: i != r.Benign}
		for k := range r.PerClass {
			if r.PerClass[k].Class == d.Class {
				row.Score = &r.PerClass[k]
			}
		}
		out = append(out, row)
	}
	return out, without
}

// conclusion is a sentence on a baseline; Bad where the network loses.
type conclusion struct {
	Text string
	Bad  bool
}

func conclusions(r *train.Report) []conclusion {
	var out []conclusion
	for i, text := range r.Conclusions() {
		out = append(out, conclusion{text, r.Comparisons[i].Verdict == "behind"})
	}
	return out
}

// droppedColumns are columns that are no features for one reason.
type droppedColumns struct {
	Reason  string
	Columns []string
}

func droppedByReason(e *features.Encoding) []droppedColumns {
	var out []droppedColumns
	if e == nil {
		return nil
	}
	for _, d := range e.Dropped {
		i := slices.IndexFunc(out, func(o droppedColumns) bool { return o.Reason == d.Reason })
		if i < 0 {
			i = len(out)
			out = append(out, droppedColumns{Reason: d.Reason})
		}
		out[i].Columns = append(out[i].Columns, d.Column)
	}
	slices.SortStableFunc(out, func(a, b droppedColumns) int { return cmp.Compare(len(b.Columns), len(a.Columns)) })
	return out
}

var funcs = template.FuncMap{
	"pct":     func(v metrics.Value) string { return percent(float64(v), 2) },
	"num":     func(v metrics.Value) string { return decimals(v, 4) },
	"share":   func(v float64) string { return percent(v, 2) },
	"heat":    heat,
	"width":   width,
	"of":      func(v, most metrics.Value) metrics.Value { return v / most },
	"between": between,
	"base":    func(v float64) string { return "1 in " + thousands(fmt.Sprintf("%.0f", 1/v)) },
	"short": func(v metrics.Value) string {
		if !v.Defined() {
			return "–"
		}
		return strconv.FormatFloat(float64(v), 'g', 5, 64)
	},
	"count":    count,
	"thousand": func(v any) string { return thousands(fmt.Sprint(v)) },
	// wrap lets a name break behind its underscores and slashes.
	"wrap": func(name string) template.HTML {
		return template.HTML(strings.NewReplacer("_", "_<wbr>", "/", "/<wbr>").Replace(template.HTMLEscapeString(name)))
	},
	"stamp": func(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05") },
	"join":  strings.Join,
	"mostRise": func(cs []train.ColumnImportance) (most metrics.Value) {
		for _, c := range cs {
			most = max(most, c.LossRise)
		}
		return
	},
	"figure": func(name string) string { return strings.ReplaceAll(name, "_", " ") },
	"sum": func(m map[string]int64) (n int64) {
		for _, v := range m {
			n += v
		}
		return
	},
}

// width is a bar's, of a share.
func width(v metrics.Value) string {
	if !v.Defined() {
		return "0%"
	}
	return fmt.Sprintf("%.0f%%", min(100, max(0, 100*float64(v))))
}

func decimals(v metrics.Value, digits int) string {
	if !v.Defined() {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, float64(v))
}

// count is a number of things, which may be undefined.
func count(v metrics.Value) string {
	if !v.Defined() {
		return "–"
	}
	return thousands(fmt.Sprintf("%.0f", float64(v)))
}

// thousands puts a thin space before every three digits of a whole number.
func thousands(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if rest := len(digits) - i; i > 0 && rest%3 == 0 && digits[i-1] != '-' {
			b.WriteRune('\u2009')
		}
		b.WriteRune(d)
	}
	return b.String()
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
