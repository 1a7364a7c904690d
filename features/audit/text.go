package audit

import (
	"fmt"
	"io"
	"strings"
)

// WriteText prints the report for people.
func (r *Report) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%s: %d rows, %d of them looked at closely\n", strings.Join(r.Source, ", "), r.Rows, r.Sampled)
	for _, c := range r.Checks {
		fmt.Fprintf(w, "\n%-4s  %s\n", c.Verdict, c.Name)
		for _, f := range c.Findings {
			fmt.Fprintf(w, "      %s\n", f)
		}
	}
	fmt.Fprintf(w, "\n%-4s  in all\n", r.Verdict)
}

// Markdown is the report as a section of a dataset's card.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Verdict: **%s**, of %d rows. A pass says that no check below found fault, not that there is none.\n\n| check | verdict | findings |\n|---|---|---|\n", r.Verdict, r.Rows)
	cell := strings.NewReplacer("|", "\\|", "\n", " ")
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Name, c.Verdict, cell.Replace(strings.Join(c.Findings, "<br>")))
	}
	b.WriteString("\nThe columns that tell the most alone:\n\n| column | AUC | balanced accuracy held out | rule | tells captures apart | grows |\n|---|---|---|---|---|---|\n")
	for _, c := range r.Columns[:min(10, len(r.Columns))] {
		fmt.Fprintf(&b, "| %s | %.4f | %.4f | %s | %.2f | %.2f |\n", cell.Replace(c.Name), c.AUC, c.Balanced, cell.Replace(c.Rule), c.Captures, c.Grows)
	}
	return b.String()
}
