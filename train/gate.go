package train

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/goccy/go-yaml/ast"

	"github.com/pcapline/pcapline/features/strictyaml"
	"github.com/pcapline/pcapline/train/baseline"
	"github.com/pcapline/pcapline/train/metrics"
)

// DefaultGate is the text of the gate that a detector must pass to be worth
// anything; it shows how a gate is written.
//
//go:embed gate.yaml
var DefaultGate []byte

// Gate is what a report must show for a model to be used. A figure that the
// rows do not determine does not pass.
type Gate struct {
	limits []limit
}

// limit is one line of a gate.
type limit struct {
	kind   string // the section: one of gateSections
	of     string // the baseline of a margin, the class of a recall
	figure string // of gateFigures, or of rows
	value  float64
}

// Verdict is what a gate says of a report.
type Verdict struct {
	Passed bool    `json:"passed"`
	Checks []Check `json:"checks"` // in the order of the gate's file
}

// Check is one limit and what the report has there.
type Check struct {
	What   string        `json:"what"`
	Want   string        `json:"want"`
	Got    metrics.Value `json:"got"`
	Passed bool          `json:"passed"`
}

// gateFigure is a figure that a gate can bound.
type gateFigure struct {
	name  string
	lower bool // is better
	of    func(*Result) metrics.Value
}

// gateFigures are those of every detector; the _low and _high ones are the
// ends of bootstrap intervals. The class_ figures, which only the model has,
// are in classFigures.
var gateFigures = []gateFigure{
	{"accuracy", false, func(r *Result) metrics.Value { return r.AtThreshold.Accuracy }},
	{"balanced_accuracy", false, func(r *Result) metrics.Value { return r.AtThreshold.BalancedAccuracy }},
	{"balanced_accuracy_low", false, func(r *Result) metrics.Value { return r.Intervals.BalancedAccuracy.Low }},
	{"precision", false, func(r *Result) metrics.Value { return r.AtThreshold.Precision }},
	{"recall", false, func(r *Result) metrics.Value { return r.AtThreshold.Recall }},
	{"recall_low", false, func(r *Result) metrics.Value { return r.Intervals.Recall.Low }},
	{"fpr", true, func(r *Result) metrics.Value { return r.AtThreshold.FPR }},
	{"fpr_high", true, func(r *Result) metrics.Value { return r.Intervals.FPR.High }},
	{"f1", false, func(r *Result) metrics.Value { return r.AtThreshold.F1 }},
	{"mcc", false, func(r *Result) metrics.Value { return r.AtThreshold.MCC }},
	{"mcc_low", false, func(r *Result) metrics.Value { return r.Intervals.MCC.Low }},
	{"macro_recall", false, func(r *Result) metrics.Value { return r.MacroRecall }},
	{"macro_recall_low", false, func(r *Result) metrics.Value { return r.Intervals.MacroRecall.Low }},
	{"roc_auc", false, func(r *Result) metrics.Value { return r.ROCAUC }},
	{"roc_auc_low", false, func(r *Result) metrics.Value { return r.Intervals.ROCAUC.Low }},
	{"pr_auc", false, func(r *Result) metrics.Value { return r.PRAUC }},
	{"pr_auc_low", false, func(r *Result) metrics.Value { return r.Intervals.PRAUC.Low }},
	{"recall_at_target_fpr", false, func(r *Result) metrics.Value { return r.RecallAtFPR }},
	{"macro_recall_at_target_fpr", false, func(r *Result) metrics.Value { return r.MacroRecallAtFPR }},
	{"brier", true, func(r *Result) metrics.Value { return r.Calibration.Brier }},
	{"ece", true, func(r *Result) metrics.Value { return r.Calibration.ECE }},
}

// classFigures are of the model's choice of a class.
var classFigures = map[string]func(*Report) metrics.Value{
	"class_accuracy":          func(r *Report) metrics.Value { return r.ClassAccuracy },
	"class_balanced_accuracy": func(r *Report) metrics.Value { return r.ClassBalanced },
	"class_macro_f1":          func(r *Report) metrics.Value { return r.ClassMacroF1 },
	"class_mcc":               func(r *Report) metrics.Value { return r.ClassCorrelation },
}

func gateFigureOf(name string) *gateFigure {
	for i := range gateFigures {
		if gateFigures[i].name == name {
			return &gateFigures[i]
		}
	}
	return nil
}

// A GateError says what is wrong with a gate's file, and where.
type GateError struct {
	File string
	Line int // 0: of the whole file
	Err  error
}

func (e *GateError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

func (e *GateError) Unwrap() error { return e.Err }

func gateError(file string, err error) error {
	var e *strictyaml.Error
	if errors.As(err, &e) {
		return &GateError{file, e.Line, e.Err}
	}
	return &GateError{File: file, Err: err}
}

// ParseGate reads a gate in YAML, or in JSON, which is YAML too:
//
//	rows: {benign: 100, attacks: 100}  # fewer say too little
//	minimum:
//	  balanced_accuracy: 0.8
//	  pr_auc_low: 0.9                  # the lower end of the 95 % interval
//	maximum:
//	  fpr: 0.02
//	margin:                            # by how much the model must be better than a baseline
//	  majority: {mcc: 0.3}
//	  boosted_trees: {pr_auc: -0.01}   # or may be worse
//	recall:                            # of attack classes, at the threshold
//	  scan_udp: 0.9
//	  "*": 0.5                         # of every other class that has rows
//
// Keys that it does not know are errors. file is for messages only.
func ParseGate(file string, text []byte) (*Gate, error) {
	doc, err := strictyaml.Parse(text)
	if err != nil {
		return nil, gateError(file, err)
	}
	if len(doc.Docs) != 1 || doc.Docs[0].Body == nil {
		return nil, &GateError{File: file, Err: errors.New("there must be one document, and something in it")}
	}
	p := &gateParser{file: file}
	if err := p.each(doc.Docs[0].Body, p.section); err != nil {
		return nil, err
	}
	if len(p.limits) == 0 {
		return nil, &GateError{File: file, Err: errors.New("nothing is asked for: everything would pass")}
	}
	return &Gate{p.limits}, nil
}

// gateParser collects limits.
type gateParser struct {
	file   string
	limits []limit
}

func (p *gateParser) errorf(n ast.Node, format string, a ...any) error {
	return &GateError{p.file, n.GetToken().Position.Line, fmt.Errorf(format, a...)}
}

// each calls f with every key of a mapping and its value.
func (p *gateParser) each(n ast.Node, f func(key ast.Node, name string, value ast.Node) error) error {
	m, ok := n.(ast.MapNode)
	if !ok {
		return p.errorf(n, "keys with values are wanted here, not a %s", n.Type())
	}
	for it := m.MapRange(); it.Next(); {
		key := it.KeyValue().Key
		if err := f(key, key.GetToken().Value, it.Value()); err != nil {
			return err
		}
	}
	return nil
}

// section reads a key of the top and what is below it.
func (p *gateParser) section(key ast.Node, kind string, value ast.Node) error {
	switch kind {
	case "rows", "minimum", "maximum", "recall":
		return p.each(value, p.limit(kind, ""))
	case "margin":
		return p.each(value, func(key ast.Node, name string, value ast.Node) error {
			if !slices.ContainsFunc(baseline.Kinds(), func(k baseline.Kind) bool { return k.Name == name }) {
				return p.errorf(key, "unknown baseline %q", name)
			}
			return p.each(value, p.limit(kind, name))
		})
	}
	return p.errorf(key, "unknown key %q; known are rows, minimum, maximum, margin and recall", kind)
}

// limit reads a figure and its bound.
func (p *gateParser) limit(kind, of string) func(ast.Node, string, ast.Node) error {
	return func(key ast.Node, figure string, value ast.Node) error {
		known := gateFigureOf(figure) != nil
		switch kind {
		case "rows":
			known = figure == "benign" || figure == "attacks"
		case "recall":
			known = figure != ""
		case "minimum", "maximum":
			known = known || classFigures[figure] != nil
		}
		if !known {
			return p.errorf(key, "unknown figure %q in %s", figure, kind)
		}
		v, err := strconv.ParseFloat(value.GetToken().Value, 64)
		if _, scalar := value.(ast.ScalarNode); !scalar || err != nil || v != v {
			return p.errorf(value, "%s: a number is wanted", figure)
		}
		p.limits = append(p.limits, limit{kind, of, figure, v})
		return nil
	}
}

// Judge holds a report against the gate. A report on rows seen in training
// never passes.
func (g *Gate) Judge(r *Report) *Verdict {
	v := &Verdict{Passed: true}
	if r.SeenInTraining {
		v.Checks = append(v.Checks, Check{What: "rows", Want: "not seen in TRAINING", Got: metrics.Value(r.Rows)})
	}
	for _, l := range g.limits {
		v.Checks = append(v.Checks, g.judge(l, r)...)
	}
	for _, c := range v.Checks {
		v.Passed = v.Passed && c.Passed
	}
	return v
}

func (g *Gate) judge(l limit, r *Report) []Check {
	model := &r.Results[0]
	switch l.kind {
	case "rows":
		n, what := r.Attacks, "attack rows"
		if l.figure == "benign" {
			n, what = r.Rows-r.Attacks, "benign rows"
		}
		return []Check{l.check(what, ">=", metrics.Value(n), false)}
	case "recall":
		return g.recalls(l, r)
	case "margin":
		f := gateFigureOf(l.figure)
		got := metrics.Undefined()
		for i := range r.Results[1:] {
			if b := &r.Results[i+1]; b.Name == l.of {
				if got = f.of(model) - f.of(b); f.lower {
					got = -got
				}
			}
		}
		return []Check{l.check(l.figure+", better than "+l.of+" by", ">=", got, false)}
	}
	var got metrics.Value
	if of := classFigures[l.figure]; of != nil {
		got = of(r)
	} else {
		got = gateFigureOf(l.figure).of(model)
	}
	if l.kind == "maximum" {
		return []Check{l.check(l.figure, "<=", got, true)}
	}
	return []Check{l.check(l.figure, ">=", got, false)}
}

// recalls checks one class, or every class that has rows and no limit of its
// own.
func (g *Gate) recalls(l limit, r *Report) []Check {
	own := func(class string) bool {
		return slices.ContainsFunc(g.limits, func(o limit) bool { return o.kind == "recall" && o.figure == class })
	}
	var out []Check
	for i, d := range r.Results[0].Detections {
		if i != r.Benign && (d.Class == l.figure || l.figure == "*" && d.N > 0 && !own(d.Class)) {
			out = append(out, l.check("recall of "+d.Class, ">=", d.Recall, false))
		}
	}
	if out == nil && l.figure != "*" {
		return []Check{l.check("recall of "+l.figure, ">=", metrics.Undefined(), false)}
	}
	return out
}

func (l limit) check(what, sign string, got metrics.Value, most bool) Check {
	passed := float64(got) >= l.value
	if most {
		passed = float64(got) <= l.value
	}
	return Check{What: what, Want: sign + " " + strconv.FormatFloat(l.value, 'g', -1, 64), Got: got, Passed: passed}
}

// Failed lists the checks that did not pass.
func (v *Verdict) Failed() []Check {
	return slices.DeleteFunc(slices.Clone(v.Checks), func(c Check) bool { return c.Passed })
}

// WriteText writes a table of the checks that failed, or one line.
func (v *Verdict) WriteText(w io.Writer) {
	failed := v.Failed()
	if len(failed) == 0 {
		fmt.Fprintf(w, "gate: passed, %d checks\n", len(v.Checks))
		return
	}
	fmt.Fprintf(w, "gate: FAILED, %d of %d checks\n", len(failed), len(v.Checks))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "failed\twanted\tgot")
	for _, c := range failed {
		got := "undefined"
		if c.Got.Defined() {
			got = strconv.FormatFloat(float64(c.Got), 'g', 4, 64)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", c.What, c.Want, got)
	}
	_ = tw.Flush() // w keeps its own errors
}
