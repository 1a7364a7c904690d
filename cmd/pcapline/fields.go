package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/names"
	"github.com/pcapline/pcapline/transform/schema"
)

func fieldsCommand() *cli.Command {
	return &cli.Command{
		Name:      "fields",
		Usage:     "list every column: type, unit, meaning, source, Wireshark's and AntiNex's names",
		ArgsUsage: "[LAYER...]",
		UsageText: "pcapline fields udp dns\npcapline fields --table flows --markdown\n" +
			"pcapline fields --names cicflowmeter",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "table", Value: transform.PacketsTable, Usage: "which `TABLE`: packets or flows"},
			namesFlag(),
			&cli.BoolFlag{Name: "markdown", Usage: "as the Markdown reference"},
		},
		Action: func(c *cli.Context) error {
			s, err := fieldsSchema(c)
			if err != nil {
				return err
			}
			if s, err = onlyLayers(s, c.Args().Slice()); err != nil {
				return err
			}
			switch {
			case wantsJSON(c.App):
				return writeFieldsJSON(c.App.Writer, s)
			case c.Bool("markdown"):
				return s.WriteMarkdown(c.App.Writer)
			}
			return writeFieldsText(c.App.Writer, s)
		},
	}
}

// fieldsSchema is the schema of the table, or of the flows table under
// another tool's names, whose meanings say what each column is made of and
// how it differs from the tool's.
func fieldsSchema(c *cli.Context) (schema.Schema, error) {
	d, err := names.ByName(c.String("names"))
	if err != nil {
		return nil, usagef("fields: %v", err)
	}
	if d == nil {
		return tableSchema(c.String("table"))
	}
	if c.IsSet("table") && c.String("table") != transform.FlowsTable {
		return nil, usagef("fields: --names %s are of the flows table", d.Name)
	}
	s, err := tableSchema(transform.FlowsTable)
	if err != nil {
		return nil, err
	}
	return d.Schema(s)
}

// tableSchema is the declared schema of a table with label columns.
func tableSchema(table string) (schema.Schema, error) {
	labels := schema.Of(new(label.Columns)).Schema()
	switch table {
	case transform.PacketsTable:
		return append(layer.Schema(), labels...), nil
	case transform.FlowsTable:
		return append(flow.Schema(), labels...), nil
	}
	return nil, usagef("fields: no table %q; there are packets and flows", table)
}

func onlyLayers(s schema.Schema, layers []string) (schema.Schema, error) {
	if len(layers) == 0 {
		return s, nil
	}
	var out schema.Schema
	for _, l := range layers {
		before := len(out)
		for _, f := range s {
			if f.Layer == l {
				out = append(out, f)
			}
		}
		if len(out) == before {
			return nil, usagef("fields: no layer %q", l)
		}
	}
	return out, nil
}

func writeFieldsText(w io.Writer, s schema.Schema) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "COLUMN\tTYPE\tUNIT\tWIRESHARK\tANTINEX\tMEANING")
	for _, f := range s {
		typ := f.Type()
		if f.Nullable {
			typ += "?"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, typ, f.Unit, f.Wireshark, f.AntiNex, f.Doc)
	}
	return tw.Flush()
}

func writeFieldsJSON(w io.Writer, s schema.Schema) error {
	type field struct {
		Name      string `json:"name"`
		Layer     string `json:"layer"`
		Type      string `json:"type"`
		Nullable  bool   `json:"nullable"`
		Unit      string `json:"unit,omitempty"`
		Doc       string `json:"doc"`
		Source    string `json:"source,omitempty"`
		Wireshark string `json:"wireshark,omitempty"`
		AntiNex   string `json:"antinex,omitempty"`
		Role      string `json:"role,omitempty"`
	}
	enc := json.NewEncoder(w)
	for _, f := range s {
		err := enc.Encode(field{f.Name, f.Layer, f.Type(), f.Nullable, f.Unit, f.Doc, f.Source, f.Wireshark, f.AntiNex, string(f.Role)})
		if err != nil {
			return err
		}
	}
	return nil
}
