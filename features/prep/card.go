package prep

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/sink"
)

// WriteCard writes the dataset's README.md: a page for people, with the front
// matter by which the Hugging Face hub and its library datasets find the parts.
// audit is the section on the audit in Markdown; "": the dataset was not audited.
func WriteCard(dir string, m *features.Meta, files []DataFile, audit string) error {
	var b bytes.Buffer
	frontMatter(&b, m, files)
	fmt.Fprintf(&b, "\n# %s\n\n%s\n", datasetName(m), summary(m))
	cardFiles(&b, files)
	cardCounts(&b, m)
	cardSplit(&b, m)
	cardFeatures(&b, m)
	cardRows(&b, m)
	cardSources(&b, m)
	b.WriteString("\n## Audit\n\n")
	if audit == "" {
		audit = "Not audited: `pcapline audit` judges this folder."
	}
	fmt.Fprintf(&b, "%s\n", strings.TrimSpace(audit))
	cardLimits(&b, m)
	if err := sink.WriteFile(filepath.Join(dir, CardFile), b.Bytes()); err != nil {
		return fmt.Errorf("dataset card: %w", err)
	}
	return nil
}

// frontMatter is the YAML that the hub reads.
// Source: https://huggingface.co/docs/hub/datasets-manual-configuration
func frontMatter(w io.Writer, m *features.Meta, files []DataFile) {
	fmt.Fprintf(w, "---\npretty_name: %s\nlicense: unknown\ntask_categories:\n- tabular-classification\n", datasetName(m))
	fmt.Fprintf(w, "tags:\n- network-traffic\n- intrusion-detection\n- pcapline\nsize_categories:\n- %s\n", sizeCategory(m.Rows.Used()))
	fmt.Fprint(w, "configs:\n- config_name: cleaned\n  default: true\n  data_files:\n")
	format := files[0].Format
	for _, f := range files {
		if f.Part != "" && f.Format == format {
			fmt.Fprintf(w, "  - split: %s\n    path: %s\n", f.Part, f.Path)
		}
	}
	fmt.Fprintf(w, "- config_name: fulldata\n  data_files:\n  - split: full\n    path: %s\n---\n", files[0].Path)
}

// sizeCategory is the hub's word for a number of rows.
func sizeCategory(rows int64) string {
	names := []string{"n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B"}
	i := 0
	for limit := int64(1000); rows >= limit && i < len(names)-1; limit *= 10 {
		i++
	}
	return names[i]
}

func datasetName(m *features.Meta) string {
	if len(m.Captures) == 1 {
		return "pcapline " + m.Table + " of one capture"
	}
	return fmt.Sprintf("pcapline %s of %d captures", m.Table, len(m.Captures))
}

func summary(m *features.Meta) string {
	return fmt.Sprintf("%d rows of network traffic (%s), each labelled as one of %d classes, with %d features. Made by %s from captures up to %s UTC.",
		m.Rows.Used(), m.Table, len(m.Classes), len(m.Transforms.Names()), m.Tool, m.Created)
}

func cardFiles(w io.Writer, files []DataFile) {
	fmt.Fprint(w, "\n## Files\n\n| file | rows | bytes | SHA-256 |\n|---|---|---|---|\n")
	for _, f := range files {
		fmt.Fprintf(w, "| `%s` | %d | %d | `%s` |\n", f.Path, f.Rows, f.Bytes, f.SHA256)
	}
	fmt.Fprintf(w, "\n`%s` and `%s` say how they were made; `%s` describes them for catalogues.\n", CleanedMetaFile, FullMetaFile, CroissantFile)
	fmt.Fprintf(w, "\n```python\nimport pandas\ntrain = pandas.read_%s(\"%s.%s\")\n```\n", files[0].Format, partBase(features.Train), files[0].Format)
}

func cardCounts(w io.Writer, m *features.Meta) {
	fmt.Fprint(w, "\n## Rows by class\n\n| class | train | validation | test | not used | weight |\n|---|---|---|---|---|---|\n")
	for _, c := range m.Classes {
		n := m.Counts[c]
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %.4g |\n", c, n[features.Train.String()], n[features.Valid.String()],
			n[features.Test.String()], n[features.Purged.String()], m.Weights[c])
	}
	fmt.Fprint(w, "\nThe weight is that at which all classes count the same in training.\n")
}

func cardSplit(w io.Writer, m *features.Meta) {
	s := m.Split.Spec
	fmt.Fprintf(w, "\n## Split\n\nBy %s", s.Kind)
	switch s.Kind {
	case features.KFold:
		fmt.Fprintf(w, ": %d folds of whole groups (%s), fold %d is the test; the column `fold` has all of them", s.Folds, s.Group, s.Fold)
	default:
		fmt.Fprintf(w, ": %g/%g/%g for training, validation and test", s.Train, s.Valid, s.Test)
	}
	if len(m.Split.Cuts) > 0 {
		fmt.Fprintf(w, ", with a gap of %s after each cut", s.Gap)
	}
	fmt.Fprintf(w, "; seed %d. No flow lies on two sides.\n", s.Seed)
	if warnings := m.Warnings(); len(warnings) > 0 {
		fmt.Fprint(w, "\nKnow before use:\n\n")
		for _, x := range warnings {
			fmt.Fprintf(w, "- %s\n", x)
		}
	}
}

func cardFeatures(w io.Writer, m *features.Meta) {
	fmt.Fprintf(w, "\n## Features\n\n%d features of %d columns; all that was fitted was fitted on training rows.\n", len(m.Transforms.Names()), len(m.Transforms.Columns))
	byReason := map[string][]string{}
	var reasons []string
	for _, d := range m.Transforms.Dropped {
		if byReason[d.Reason] == nil {
			reasons = append(reasons, d.Reason)
		}
		byReason[d.Reason] = append(byReason[d.Reason], "`"+d.Column+"`")
	}
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(a, b) })
	fmt.Fprint(w, "\n| left out because | columns |\n|---|---|\n")
	for _, r := range reasons {
		fmt.Fprintf(w, "| %s | %s |\n", r, strings.Join(byReason[r], ", "))
	}
	fmt.Fprintf(w, "\nNaN values filled: %d, infinite ones: %d.\n", m.Broken["nan"], m.Broken["inf"])
}

func cardRows(w io.Writer, m *features.Meta) {
	r, d := m.Rows, m.Duplicates
	fmt.Fprintf(w, "\n## Every row\n\n%d rows read = %d training + %d validation + %d test + %d on a border of the split + %d without a label + %d attacks that came to nothing + %d duplicates left out + %d loopback twins left out + %d sampled out.\n",
		r.In, r.Train, r.Valid, r.Test, r.Purged, r.Unknown, r.Attempted, r.DuplicatesDropped, r.TwinsDropped, r.SampledOut)
	fmt.Fprintf(w, "\nRows with the same features as an earlier one (policy %s): %d within training; %d of validation and %d of the test equal a row of an earlier part. %d rows equal one of another class.\n",
		d.Policy, d.Train, d.Valid, d.Test, d.Conflicting)
}

func cardSources(w io.Writer, m *features.Meta) {
	fmt.Fprint(w, "\n## Sources\n\n| file | SHA-256 |\n|---|---|\n")
	for _, s := range m.Sources {
		fmt.Fprintf(w, "| %s (table) | `%s` |\n", s.File, s.SHA256)
	}
	for _, in := range m.Inputs {
		fmt.Fprintf(w, "| %s | `%s` |\n", in.File, in.SHA256)
	}
}

func cardLimits(w io.Writer, m *features.Meta) {
	fmt.Fprint(w, "\n## Limits\n\n")
	fmt.Fprint(w, "- The shares of attacks here are those of the recordings, not of a network in operation: judge precision at the base rate of your own.\n")
	fmt.Fprint(w, "- A label is what the rules say of a time, addresses and ports; a benign host that does what the rule describes is labelled an attack.\n")
	if m.Rows.Unknown > 0 {
		fmt.Fprintf(w, "- %d rows that no rule covers are in neither table: unknown is not benign.\n", m.Rows.Unknown)
	}
	fmt.Fprint(w, "- Say which licence the captures are under before you publish this folder.\n")
}
