package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio/simulate/lab"
	"github.com/pcapline/pcapline/transform/sink"
)

func simulateLab() *cli.Command {
	return &cli.Command{
		Name: "lab", Usage: "record an office network with real servers, users and attacks, and its truth",
		Description: "Everything happens in namespaces of its own, which end with the command; nothing leaves them. Servers and\n" +
			"attack tools are Debian's; what is missing is named. The folder -o gets spool/ with the capture, truth.csv with\n" +
			"label rules, hosts.csv, plan.json and logs/ of the attack tools. The same seed gives the same plan. Needs root.",
		UsageText: "pcapline simulate lab --dry-run\n" +
			"pcapline simulate lab -o lab --seed 7 --attack scan_syn --attack brute_ssh\n" +
			"pcapline run -o out --truth lab/truth.csv lab/spool",
		Flags:  labFlags(),
		Action: func(c *cli.Context) error { return labAction(c, lab.Network()) },
	}
}

func labFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write into the folder `DIR`"},
		&cli.Uint64Flag{Name: "seed", Value: 42, Usage: "`SEED` of everything that is drawn", EnvVars: []string{"PCAPLINE_SEED"}},
		&cli.StringSliceFlag{Name: "attack", Usage: "only the attack `LABEL` (repeatable; default: all, as --dry-run lists them)"},
		&cli.DurationFlag{Name: "attack-time", Usage: "end each attack after `TIME`", Value: lab.DefaultAttackTime},
		&cli.DurationFlag{Name: "lead", Usage: "users alone for `TIME` before the first attack and behind the last", Value: lab.DefaultLead},
		&cli.DurationFlag{Name: "pause", Usage: "a user's mean `TIME` between two errands", Value: lab.DefaultPause},
		&cli.Int64Flag{Name: "max-packets", Usage: "give up at `N` packets", Value: lab.DefaultMaxPackets},
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print the plan, and do nothing"},
	}
}

func labAction(c *cli.Context, s lab.Scenario) error {
	if c.NArg() > 0 {
		return usagef("%s: %q is no flag; the folder is named by -o", c.Command.HelpName, c.Args().First())
	}
	plan, err := lab.NewPlan(s, lab.Config{
		Seed: c.Uint64("seed"), Attacks: c.StringSlice("attack"), AttackTime: c.Duration("attack-time"),
		Lead: c.Duration("lead"), Pause: c.Duration("pause"), MaxPackets: c.Int64("max-packets"),
	})
	if err != nil {
		return usage(err)
	}
	if c.Bool("dry-run") {
		var text error
		err := summarise(c, plan, func(w io.Writer) { text = plan.WriteText(w) })
		return errors.Join(err, text)
	}
	dir, err := labFolder(c)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if lab.Isolated() {
		return runLab(c, plan, lab.Options{Dir: dir, Program: program, Notify: func(e lab.Event) {
			logger(c).Info(e.Kind, "host", e.Host, "name", e.Name, "took", e.Took.Round(time.Millisecond))
		}})
	}
	if err := lab.MissingTools(plan.Scenario); err != nil {
		return err
	}
	err = lab.Isolate(c.Context, program, os.Args, c.App.Writer, c.App.ErrWriter)
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() > 0 { // it has said why
		return &codedError{ended.ExitCode(), fmt.Errorf("the lab ended with status %d", ended.ExitCode())}
	}
	return err
}

// labFolder makes the output folder, which must not hold a lab yet.
func labFolder(c *cli.Context) (string, error) {
	dir := c.String("output")
	if dir == "" {
		return "", usagef("%s: name the output folder (-o)", c.Command.HelpName)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(dir+"/", "/run/") {
		return "", usagef("-o %s: the lab has a /run of its own, which ends with it", dir)
	}
	if _, err := os.Lstat(filepath.Join(dir, "truth.csv")); err == nil {
		return "", fmt.Errorf("%s holds a lab already", dir)
	}
	return dir, os.MkdirAll(filepath.Join(dir, "logs"), 0o750)
}

// runLab is the part that runs in the namespaces.
func runLab(c *cli.Context, plan *lab.Plan, opt lab.Options) error {
	result, err := lab.Run(c.Context, plan, opt)
	if err != nil {
		return err
	}
	planJSON, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return err
	}
	truth, err := result.Truth.CSV(plan)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"plan.json", append(planJSON, '\n')}, {"hosts.csv", plan.HostsCSV()}, {"truth.csv", truth}} {
		if err := sink.WriteFile(filepath.Join(opt.Dir, f.name), f.data); err != nil {
			return err
		}
	}
	type attack struct {
		Label   string  `json:"label"`
		Seconds float64 `json:"seconds"`
	}
	sum := struct {
		Packets int64    `json:"packets"`
		Errands int      `json:"errands"`
		Failed  int      `json:"errands_failed"`
		Attacks []attack `json:"attacks"`
		Output  string   `json:"output"`
	}{result.Packets, result.Errands, result.Failed, []attack{}, c.String("output")}
	for _, i := range result.Truth.Attacks {
		sum.Attacks = append(sum.Attacks, attack{i.Strike.Label, i.End.Sub(i.Start).Seconds()})
	}
	return summarise(c, sum, func(w io.Writer) {
		fmt.Fprintf(w, "captured %d packets, none lost; %d attacks, %d errands of users, %d of which failed\n",
			sum.Packets, len(sum.Attacks), sum.Errands, sum.Failed)
		for _, a := range sum.Attacks {
			fmt.Fprintf(w, "  %-16s %5.1f s\n", a.Label, a.Seconds)
		}
		fmt.Fprintf(w, "wrote %s; next: pcapline run -o out --truth %[1]s/truth.csv %[1]s/spool\n", sum.Output)
	})
}
