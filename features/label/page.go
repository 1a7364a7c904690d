package label

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
)

// ReportFormats are the endings of files that [Report.WriteAs] can write.
var ReportFormats = []string{".json", ".html", ".svg", ".txt"}

// WriteAs writes the report in the format of a file's ending.
func (r *Report) WriteAs(w io.Writer, ending string) error {
	switch ending {
	case ".json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	case ".html":
		return r.WriteHTML(w)
	case ".svg":
		return r.WriteSVG(w)
	case ".txt":
		r.WriteText(w)
		return nil
	}
	return fmt.Errorf("no report has the ending %q; there are %s", ending, strings.Join(ReportFormats, ", "))
}

// page is the report as one file that needs no network.
var page = template.Must(template.New("labels").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Labels</title>
<style>
:root{color-scheme:light dark}
body{font:14px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;margin:1em 0}
th,td{padding:2px 10px;border-bottom:1px solid #8884;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.problem{border-left:4px solid #d55e00;padding-left:1em}
svg{max-width:100%;height:auto}
</style></head><body>
<h1>Labels</h1>
{{with .Problem}}<p class="problem"><b>Do not trust these labels:</b> {{.}}.</p>{{end}}
<pre>{{.Text}}</pre>
<h2>Captures</h2>
<p>In the upper lines stands when the attack rules hold, below them how many rows were seen, on a logarithmic scale. Where bars and rows
do not stand above each other, clocks differ.</p>
{{.Picture}}
<h2>Labels</h2>
<table><tr><th>table</th><th>label</th><th class="n">rows</th></tr>
{{range $t := .Report.Tables}}{{range $l, $n := $t.Labels}}<tr><td>{{$t.Table}}</td><td>{{$l}}</td><td class="n">{{$n}}</td></tr>
{{end}}{{end}}</table>
<h2>Rules</h2>
{{if gt .Report.RulesTotal (len .Report.Rules)}}<p>Of {{.Report.RulesTotal}} rules those that label most:</p>{{end}}
<table><tr><th>rule</th><th>capture</th><th>label</th><th>class</th>{{range .Tables}}<th class="n">{{.}}</th>{{end}}</tr>
{{range $r := .Report.Rules}}<tr><td>{{$r.ID}}</td><td>{{$r.File}}</td><td>{{$r.Label}}</td><td>{{$r.Class}}</td>{{range $.Tables}}<td class="n">{{index $r.Hits .}}</td>{{end}}</tr>
{{end}}</table>
</body></html>
`))

// WriteHTML writes the report as a page with the captures' timelines in it.
func (r *Report) WriteHTML(w io.Writer) error {
	var text, picture strings.Builder
	r.WriteText(&text)
	if err := r.WriteSVG(&picture); err != nil {
		return err
	}
	var tables []string
	for _, name := range tableNames {
		for _, t := range r.Tables {
			if t.Table == name {
				tables = append(tables, name)
				break
			}
		}
	}
	return page.Execute(w, map[string]any{
		"Report": r.Brief(), "Problem": r.Problem(), "Text": text.String(), "Tables": tables,
		"Picture": template.HTML(picture.String()), //nolint:gosec // every name in it is escaped
	})
}
