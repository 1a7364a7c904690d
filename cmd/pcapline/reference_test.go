package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/label"
)

// pages are the reference pages that follow from declarations, by their path
// below the repository's root. With -update TestReference writes them.
var pages = map[string]func(t *testing.T) string{
	"docs/commands.md":    commandsPage,
	"docs/packets.md":     func(t *testing.T) string { return columnsPage(t, "packets") },
	"docs/flows.md":       func(t *testing.T) string { return columnsPage(t, "flows") },
	"docs/metadata.md":    metadataPage,
	"docs/label-rules.md": labelRulesPage,
	"docs/pcapline.1":     manPage,
}

func TestReference(t *testing.T) {
	for path, page := range pages {
		path, text := filepath.Join("..", "..", path), page(t)
		if *update {
			ok(t, os.WriteFile(path, []byte(text), 0o644))
			continue
		}
		have, err := os.ReadFile(path)
		ok(t, err)
		if string(have) != text {
			t.Errorf("%s is not what the declarations say: go test ./cmd/pcapline -run Reference -update", path)
		}
	}
}

const generated = "<!-- Made from the program's declarations by its tests; changes here are lost. -->\n\n"

func commandsPage(*testing.T) string {
	var b strings.Builder
	b.WriteString(generated + "# Commands\n\nFlags may stand before or after the arguments; -- ends them. Sizes and durations carry units.\n" + settingsHelp + "\n\n")
	b.WriteString("Flags of all commands:\n\n" + flagTable(globalFlags()))
	b.WriteString("\n| exit status | meaning |\n|---|---|\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.meaning)
	}
	for _, c := range commands() {
		commandSection(&b, c, "pcapline "+c.Name, "##")
	}
	return b.String()
}

func commandSection(b *strings.Builder, c *cli.Command, name, heading string) {
	fmt.Fprintf(b, "\n%s %s\n\n%s.\n", heading, name, upperFirst(c.Usage))
	if c.Description != "" {
		fmt.Fprintf(b, "\n```text\n%s\n```\n", c.Description)
	}
	if c.UsageText != "" {
		fmt.Fprintf(b, "\n```text\n%s\n```\n", c.UsageText)
	}
	if len(c.Flags) > 0 {
		b.WriteString("\n" + flagTable(c.Flags))
	}
	for _, sub := range c.Subcommands {
		commandSection(b, sub, name+" "+sub.Name, heading+"#")
	}
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func flagTable(flags []cli.Flag) string {
	var b strings.Builder
	b.WriteString("| flag | meaning | default |\n|---|---|---|\n")
	for _, f := range flags {
		d := f.(cli.DocGenerationFlag)
		var names []string
		for _, n := range f.Names() {
			names = append(names, "`"+strings.Repeat("-", min(len(n), 2))+n+"`")
		}
		preset := d.GetDefaultText()
		if preset == "" {
			preset = d.GetValue()
		}
		if _, isBool := f.(*cli.BoolFlag); isBool || preset == "[]" {
			preset = ""
		}
		usage := strings.ReplaceAll(d.GetUsage(), "|", `\|`)
		for _, v := range d.GetEnvVars() {
			usage += " [`$" + v + "`]"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(names, ", "), usage, strings.Trim(preset, `"`))
	}
	return b.String()
}

func columnsPage(t *testing.T, table string) string {
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"pcapline", "fields", "--table", table, "--markdown"}, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	return generated + "# Columns of the " + table + " table\n\nEmpty is null: the row has no such header, or the value cannot be known.\n" + out.String()
}

func metadataPage(t *testing.T) string {
	var schema struct {
		Title, Description string
		Properties, Defs   map[string]json.RawMessage
	}
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"pcapline", "prepare", "--schema"}, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	ok(t, json.Unmarshal([]byte(strings.ReplaceAll(out.String(), `"$defs"`, `"defs"`)), &schema))
	var b strings.Builder
	fmt.Fprintf(&b, "%s# Metadata of a dataset\n\n%s. %s\n\n", generated, schema.Title, schema.Description)
	b.WriteString("`pcapline prepare --schema` prints the JSON Schema.\n\n| member | type | meaning |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		var p struct {
			Type        any
			Ref         string `json:"$ref"`
			Description string
		}
		ok(t, json.Unmarshal(schema.Properties[name], &p))
		kind := strings.TrimPrefix(p.Ref, "#/$defs/")
		if p.Type != nil {
			kind = strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Type), " ", " or "), "[]")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, kind, strings.ReplaceAll(p.Description, "|", `\|`))
	}
	return b.String()
}

// labelRulesPage is the comment of the package that knows, with its example.
func labelRulesPage(t *testing.T) string {
	dir := filepath.Join("..", "..", "features", "label")
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, filepath.Join(dir, "doc.go"), nil, parser.ParseComments)
	ok(t, err)
	p, err := doc.NewFromFiles(files, []*ast.File{file}, "label")
	ok(t, err)
	text := strings.ReplaceAll(string(p.Markdown(p.Doc)), "\n## ", "\n### ")
	text = regexp.MustCompile(`\\\[([\w.]+)\]`).ReplaceAllString(text, "`$1`") // links of godoc
	var b strings.Builder
	b.WriteString(generated + "# Label rules\n\nA file of rules with everything that they can say:\n\n```yaml\n" + label.Example + "```\n\n")
	b.WriteString("Forms of truth that `pcapline label` recognises by their content:\n\n| form | what |\n|---|---|\n")
	for _, f := range label.Formats() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", f[0], f[1])
	}
	b.WriteString("\nBuilt-in packs: " + strings.Join(label.Packs(), ", ") + ".\n\n## How rules are applied\n\n" + text)
	return b.String()
}

func manPage(t *testing.T) string {
	app := newApp(io.Discard, io.Discard)
	app.Setup()
	text, err := app.ToManWithSection(1)
	ok(t, err)
	return text
}
