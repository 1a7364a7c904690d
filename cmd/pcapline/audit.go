package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/audit"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/transform/sink"
)

func auditCommand() *cli.Command {
	return &cli.Command{
		Name:      "audit",
		Usage:     "what gives the labels of a dataset or table away, before a model is trained on it",
		ArgsUsage: "DATASET|TABLE...",
		Description: "A dataset is a folder that prepare wrote; its rules are found on training rows and judged on held-out rows.\n" +
			"Tables (Parquet or CSV, anybody's) are joined as they are, each a recording of its own. Looked for: columns\n" +
			"that tell attacks alone, that name sessions, hosts or moments; rows met in training; classes that cannot be\n" +
			"told from their captures or times; with labels drawn by dice as controls.",
		UsageText: "pcapline audit dataset\n" +
			"pcapline audit --gate --label label_value attack.csv benign.csv",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "gate", Usage: "end with status 4 when a check fails"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the report as JSON to `FILE`"},
			&cli.StringFlag{Name: "label", Usage: "of tables: the `COLUMN` with the class (default: found by the usual names)"},
			&cli.StringSliceFlag{Name: "benign", Usage: "of tables: what the label says of benign rows (`VALUE`, repeatable)"},
			&cli.StringSliceFlag{Name: "ignore", Usage: "of tables: a `COLUMN` that nobody will learn from (repeatable)"},
		},
		Action: auditAction,
	}
}

func auditAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("audit: name a dataset's folder, or tables")
	}
	r, err := auditPaths(c)
	if err != nil {
		return err
	}
	if path := c.String("output"); path != "" {
		if err := writeAudit(path, r); err != nil {
			return err
		}
	}
	if err := summarise(c, r, r.WriteText); err != nil {
		return err
	}
	if c.Bool("gate") && r.Verdict == audit.Fail {
		return gateFailed(errors.New("audit: the dataset gives its labels away, or does not hold what it promises; see the checks that say fail"))
	}
	return nil
}

func auditPaths(c *cli.Context) (*audit.Report, error) {
	paths := c.Args().Slice()
	if st, err := os.Stat(paths[0]); err == nil && st.IsDir() {
		if len(paths) > 1 || c.IsSet("label") || c.IsSet("benign") || c.IsSet("ignore") {
			return nil, usagef("audit: a dataset is judged alone, and knows its labels and features itself")
		}
		return audit.Dataset(c.Context, paths[0])
	}
	return audit.Tables(c.Context, paths, audit.TableOptions{
		Label: c.String("label"), Benign: c.StringSlice("benign"), Ignore: c.StringSlice("ignore"),
	})
}

func writeAudit(path string, r *audit.Report) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return sink.WriteFile(path, append(text, '\n'))
}

// auditPrepared audits a dataset that was just made, and puts what it found
// beside it and on its card.
func auditPrepared(c *cli.Context, dir string, res *prep.Result) (*audit.Report, error) {
	r, err := audit.Dataset(c.Context, dir)
	if errors.Is(err, audit.ErrOneKind) {
		logger(c).Warn("the dataset was not audited", "reason", err)
		return &audit.Report{}, prep.WriteCard(dir, res.Cleaned, res.Files, "Not audited: "+err.Error()+".")
	}
	if err != nil {
		return nil, err
	}
	// The dataset is named in its audit as in its card: a folder's name is no
	// part of its content.
	r.Source = []string{res.Cleaned.Table}
	if err := writeAudit(filepath.Join(dir, prep.AuditFile), r); err != nil {
		return nil, err
	}
	return r, prep.WriteCard(dir, res.Cleaned, res.Files, r.Markdown())
}
