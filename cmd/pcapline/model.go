package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform/sink"
)

func modelCommand() *cli.Command {
	return &cli.Command{
		Name:      "model",
		Usage:     "what a model file holds, and the model in other programs' formats",
		ArgsUsage: "MODEL",
		UsageText: "pcapline model show model.pcapline\npcapline model export -o model.onnx model.pcapline\npcapline model export --format safetensors -o weights.safetensors model.pcapline",
		Subcommands: []*cli.Command{
			{Name: "show", Usage: "print what the model was made of, and how; --json for all of it", ArgsUsage: "MODEL", UsageText: "pcapline model show model.pcapline", Action: modelShow},
			{
				Name: "export", Usage: "write the model as ONNX, or its weights as safetensors", ArgsUsage: "MODEL",
				Description: "The ONNX graph takes features as the dataset's cleaned table has them, scaling is part of it, and gives\n" +
					"score, alert and probabilities. How the columns of a flows or packets table become features is in its\n" +
					"metadata (pcapline.encoding). Safetensors hold the weights, named as PyTorch's Linear names them.",
				UsageText: "pcapline model export -o model.onnx model.pcapline",
				Flags: []cli.Flag{
					outputFlag("write to `FILE`"),
					&cli.StringFlag{Name: "format", Usage: "`FORMAT`: onnx, safetensors (default: by the file's ending)"},
				},
				Action: modelExport,
			},
		},
	}
}

func modelArgument(c *cli.Context) (*train.Model, error) {
	if c.NArg() != 1 {
		return nil, usagef("model %s: name the model's file", c.Command.Name)
	}
	return train.LoadModel(c.Args().First())
}

func modelShow(c *cli.Context) error {
	m, err := modelArgument(c)
	if err != nil {
		return err
	}
	return summarise(c, m.Header, func(w io.Writer) {
		h, t := m.Manifest.History, m.Threshold
		fmt.Fprintf(w, "%s\n", m.Describe())
		fmt.Fprintf(w, "trained by %s, %s, %s, kernel %s, seed %d\n", m.Manifest.Tool, m.Manifest.Go, m.Manifest.Arch, m.Kernel, m.Manifest.Config.Seed)
		fmt.Fprintln(w, chosenEpoch(h))
		fmt.Fprintf(w, "threshold %v, for %g %% false alarms on %s rows\n", t.Value, 100*t.Target, t.Part)
		fmt.Fprintf(w, "table %s, schema %s\n", m.Table, m.Schema)
		for i, class := range m.Classes {
			fmt.Fprintf(w, "class %s: %d training rows, %d validation rows\n", class, m.Manifest.TrainRows[i], m.Manifest.ValidRows[i])
		}
		fmt.Fprintf(w, "features: %s\n", strings.Join(m.Columns, " "))
	})
}

func modelExport(c *cli.Context) error {
	path := c.String("output")
	format := c.String("format")
	if format == "" {
		format = strings.TrimPrefix(filepath.Ext(path), ".")
	}
	if path == "" || c.NArg() != 1 {
		return usagef("model export: name the model's file, and the one to write (-o)")
	}
	if same(path, c.Args().First()) {
		return usagef("model export: %s is an input; it would be overwritten", path)
	}
	m, err := modelArgument(c)
	if err != nil {
		return err
	}
	write := map[string]func() ([]byte, error){"onnx": m.ONNX, "safetensors": m.Safetensors}[format]
	if write == nil {
		return usagef("model export: the format is onnx or safetensors, not %q", format)
	}
	data, err := write()
	if err != nil {
		return err
	}
	if err := sink.WriteFile(path, data); err != nil {
		return err
	}
	return summarise(c, map[string]any{"output": path, "bytes": len(data)}, func(w io.Writer) { fmt.Fprintf(w, "wrote %s, %d bytes\n", path, len(data)) })
}
