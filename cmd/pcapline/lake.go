package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/transform/lake"
)

func shardCommand() *cli.Command {
	return &cli.Command{
		Name:      "shard",
		Usage:     "shards of a plan, on this machine",
		ArgsUsage: "PLAN N...|-",
		Description: "Does the shards named, or those whose numbers come on standard input, one a line, and writes their receipts,\n" +
			"one JSON line each, to standard output. A shard that has its receipt is not done again; any number of machines\n" +
			"may do the same shard at once. Status 0 says that all receipts are written, also where captures are damaged:\n" +
			"pcapline commit tells. Status 2: the plan does not fit this program, its rules or its captures, and never will.",
		UsageText: "PLAN=$(pcapline plan --corpus captures/ --out nightly) && pcapline shard \"$PLAN\" 1\n" +
			"PLAN=$(pcapline plan --corpus captures/ --out nightly) && seq 1 | pcapline shard \"$PLAN\" -",
		Flags: []cli.Flag{workersFlag(),
			&cli.BoolFlag{Name: "from-zero", Usage: "numbers count from 0, as Kubernetes' JOB_COMPLETION_INDEX does"}},
		Action: shardAction,
	}
}

func shardAction(c *cli.Context) error {
	if c.NArg() < 2 {
		return usagef("shard: name the plan and the numbers of shards, or - for standard input")
	}
	if err := notNegative(c, "workers"); err != nil {
		return err
	}
	p, err := lake.ReadPlan(c.Args().First())
	if err != nil {
		return usage(err)
	}
	w, err := lake.NewWorker(p, labeller(c))
	if err != nil {
		return usage(err)
	}
	w.Workers = c.Int("workers")
	out := json.NewEncoder(c.App.Writer)
	first := 1
	if c.Bool("from-zero") {
		first = 0
	}
	return eachShard(c.Args().Tail(), c.App.Reader, first, len(p.Shards), func(n int) error {
		r, err := w.Run(c.Context, n)
		if errors.Is(err, lake.ErrChanged) {
			return usage(err)
		}
		if err != nil {
			return interrupted(c, err)
		}
		for _, d := range r.Ledger.Damaged {
			logger(c).Warn("damaged input", "error", d.Error, "packets_kept", d.Packets)
		}
		return out.Encode(r)
	})
}

// eachShard calls do with the numbers, from 1, that the arguments are, or that
// stand on in, one a line, counted from first.
func eachShard(args []string, in io.Reader, first, of int, do func(n int) error) error {
	one := func(text string) error {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < first || n >= first+of {
			return usagef("shard: %q is no number of %d to %d", text, first, first+of-1)
		}
		return do(n - first + 1)
	}
	for _, a := range args {
		if a != "-" {
			if err := one(a); err != nil {
				return err
			}
			continue
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			if strings.TrimSpace(lines.Text()) == "" {
				continue
			}
			if err := one(lines.Text()); err != nil {
				return err
			}
		}
		if err := lines.Err(); err != nil {
			return err
		}
	}
	return nil
}

func commitCommand() *cli.Command {
	return &cli.Command{
		Name:      "commit",
		Usage:     "publish the run of a plan whose shards are all done",
		ArgsUsage: "PLAN",
		Description: "Checks that every shard has its receipt and that its outputs are what the receipt says, joins flows across\n" +
			"shards, checks the ledger, and shows the run at once. Where shards are missing nothing happens and the status\n" +
			"is 1. A plan that was committed before is no error.",
		UsageText: "PLAN=$(pcapline plan --corpus captures/ --out nightly) && seq 1 | pcapline shard \"$PLAN\" - && pcapline commit \"$PLAN\"",
		Flags:     []cli.Flag{workersFlag()},
		Action:    commitAction,
	}
}

func commitAction(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("commit: name the plan")
	}
	m, err := commitPlan(c, c.Args().First())
	if err != nil {
		return interrupted(c, err)
	}
	if err := summarise(c, m, m.WriteText); err != nil {
		return err
	}
	return damagedRuns([]*lake.Manifest{m})
}

// commitPlan commits a plan, or finds that it was committed.
func commitPlan(c *cli.Context, path string) (*lake.Manifest, error) {
	work := filepath.Dir(path)
	l, err := lake.Open(filepath.Dir(filepath.Dir(work)))
	if err != nil {
		return nil, usage(err)
	}
	p, err := lake.ReadPlan(path)
	if errors.Is(err, os.ErrNotExist) {
		if m, merr := lake.ReadManifest(filepath.Join(l.Dir(filepath.Base(work)), lake.ManifestName)); merr == nil {
			return m, nil
		}
	}
	if err != nil {
		return nil, usage(err)
	}
	w, err := lake.NewWorker(p, labeller(c))
	if err != nil {
		return nil, usage(err)
	}
	w.Workers = c.Int("workers")
	return l.Commit(c.Context, w)
}

func lakeCommand() *cli.Command {
	return &cli.Command{
		Name:  "lake",
		Usage: "ls, gc, compact: the runs that batch or commit published",
		Subcommands: []*cli.Command{
			{
				Name: "ls", Usage: "the runs of a lake", ArgsUsage: "LAKE",
				UsageText: "pcapline lake ls lake\npcapline lake ls --json lake",
				Action:    lakeLs,
			},
			{
				Name: "gc", Usage: "delete old runs, and what killed ones left", ArgsUsage: "LAKE",
				Description: "The manifests of deleted runs are kept, so that their captures are not taken again.",
				UsageText:   "pcapline lake gc --keep 90 lake",
				Flags: []cli.Flag{
					&cli.IntFlag{Name: "keep", Usage: "the last `N` runs stay; 0: all"},
					&cli.BoolFlag{Name: "dry-run", Usage: "only say what would be deleted"},
				},
				Action: lakeGC,
			},
			{
				Name: "compact", Usage: "join the packets files of runs, of which each shard wrote its own", ArgsUsage: "LAKE [RUN]...",
				Description: "Without a RUN, all runs. The rows, their order and their row groups stay.",
				UsageText:   "pcapline lake compact lake",
				Action:      lakeCompact,
			},
		},
	}
}

// openLake opens the lake that is the first argument.
func openLake(c *cli.Context) (*lake.Lake, error) {
	if c.NArg() == 0 {
		return nil, usagef("lake %s: name the lake", c.Command.Name)
	}
	l, err := lake.Open(c.Args().First())
	if err != nil {
		return nil, usage(err)
	}
	return l, nil
}

func lakeLs(c *cli.Context) error {
	l, err := openLake(c)
	if err != nil {
		return err
	}
	list, err := l.Manifests()
	if err != nil {
		return err
	}
	type entry struct {
		Expired bool `json:"expired"`
		*lake.Manifest
	}
	all := []entry{}
	for _, m := range list {
		all = append(all, entry{m.Expired, m})
	}
	return summarise(c, all, func(w io.Writer) { writeRuns(w, list) })
}

func writeRuns(w io.Writer, list []*lake.Manifest) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "run\tsensors\tcaptures\tpackets\tflows\tfiles\tbytes\tdamaged\tquarantined\t")
	for _, m := range list {
		captures, bytes := 0, int64(0)
		for _, s := range m.Sensors {
			captures += len(s.Inputs)
		}
		for _, f := range m.Outputs {
			bytes += f.Bytes
		}
		state := ""
		if m.Expired {
			state = "deleted"
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", m.Run, len(m.Sensors), captures, m.Ledger.PacketsIn, m.Ledger.Flows,
			len(m.Outputs), bytes, len(m.Ledger.Damaged), len(m.Quarantined), state)
	}
	_ = tw.Flush() // w keeps its own errors
}

func lakeGC(c *cli.Context) error {
	l, err := openLake(c)
	if err != nil {
		return err
	}
	if err := notNegative(c, "keep"); err != nil {
		return err
	}
	old, err := l.GC(lake.Retention{Keep: c.Int("keep"), Dry: c.Bool("dry-run")})
	if err != nil {
		return err
	}
	return summarise(c, map[string]any{"deleted": append([]string{}, old...), "dry_run": c.Bool("dry-run")}, func(w io.Writer) {
		for _, run := range old {
			fmt.Fprintf(w, "deleted %s\n", run)
		}
		fmt.Fprintf(w, "%d runs\n", len(old))
	})
}

func lakeCompact(c *cli.Context) error {
	l, err := openLake(c)
	if err != nil {
		return err
	}
	runs := c.Args().Tail()
	if len(runs) == 0 {
		if runs, err = l.Runs(); err != nil {
			return err
		}
	}
	type compacted struct {
		Run   string `json:"run"`
		Files int    `json:"files"`
	}
	done := []compacted{}
	for _, run := range runs {
		m, err := l.Compact(c.Context, run)
		if err != nil {
			return interrupted(c, err)
		}
		done = append(done, compacted{run, len(m.Outputs)})
	}
	return summarise(c, done, func(w io.Writer) {
		for _, d := range done {
			fmt.Fprintf(w, "%s: %d files\n", d.Run, d.Files)
		}
	})
}
