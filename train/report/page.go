// Package report makes the page that a person looks at after a training: one
// HTML file that needs no network, readable in light and in dark, on a desk
// and on a phone.
//
// It shows the model beside the baselines on rows that none of them has seen,
// and says where a baseline does as well; what each attack class's chance of
// being found is, on how many rows that rests, and whether it is found by a
// model that never saw it; what the figures mean at the base rates of real
// networks; how the training went and what the model leans on; and everything
// that is needed to doubt it: split, duplicates, columns that tell the label
// alone, warnings, ledger, inputs by digest.
package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
)

//go:embed page.html
var pageText string

// Input is what a page is made of.
type Input struct {
	Model      *train.Header
	Dataset    *features.Meta
	Evaluation *train.Report
	Matrix     []train.CrossCell // on other datasets; nil: none was judged
}

// page is what the template sees.
type page struct {
	Input
	Own         *train.Result // the model's own result
	Ledgers     []*transform.Ledger
	Charts      []template.HTML
	Counts      []classCount
	Classes     []classRow
	Without     []string                 // classes that have no rows to judge on
	Important   []train.ColumnImportance // the first of them
	Dropped     []droppedColumns
	Conclusions []conclusion
	Manifest    string // JSON
}

// classCount is a class's rows in each part of the split.
type classCount struct {
	Class string
	Parts [len(features.Parts)]int64
}

// important is how many columns the page shows.
const important = 20

// Page renders the report.
func Page(in Input) ([]byte, error) {
	p := page{Input: in, Own: &in.Evaluation.Results[0], Conclusions: conclusions(in.Evaluation)}
	p.Classes, p.Without = classRows(in.Evaluation)
	for _, text := range in.Dataset.Ledger {
		l := new(transform.Ledger)
		if err := json.Unmarshal(text, l); err != nil {
			return nil, fmt.Errorf("report: ledger: %w", err)
		}
		p.Ledgers = append(p.Ledgers, l)
	}
	for _, class := range in.Dataset.Classes {
		c := classCount{Class: class}
		for i, part := range features.Parts {
			c.Parts[i] = in.Dataset.Counts[class][part.String()]
		}
		p.Counts = append(p.Counts, c)
	}
	if i := in.Evaluation.Importance; i != nil {
		p.Important = i.Columns[:min(len(i.Columns), important)]
	}
	p.Dropped = droppedByReason(in.Dataset.Transforms)
	manifest, err := manifestText(in.Model)
	if err != nil {
		return nil, fmt.Errorf("report: manifest: %w", err)
	}
	p.Manifest = manifest
	for _, c := range charts(in) {
		svg, err := c.svg()
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		p.Charts = append(p.Charts, svg)
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

// manifestText is the model's manifest without its history, which is drawn.
func manifestText(h *train.Header) (string, error) {
	m := h.Manifest
	m.History.Epochs = nil
	text, err := json.MarshalIndent(m, "", " ")
	return string(text), err
}
