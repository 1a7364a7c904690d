package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "where the values of flags come from, and the settings file",
		Description: settingsHelp + "\n\n" +
			"The file is YAML: flags at the top are for every command that has them, flags under a command's name for that one:\n\n" +
			"  workers: 4\n  flows:\n    idle-timeout: 60s\n  spool:\n    gc: {quota: 10GB}",
		Subcommands: []*cli.Command{
			{
				Name: "show", Usage: "print the flags that have not their default, and why",
				ArgsUsage: "[COMMAND...]",
				UsageText: "pcapline config show\n" +
					"PCAPLINE_FLOWS_IDLE_TIMEOUT=60s pcapline config show flows",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "print those with their default too"}},
				Action: configShow,
			},
			{
				Name: "path", Usage: "print the settings file's path",
				UsageText: "pcapline config path",
				Action: func(c *cli.Context) error {
					path, _ := settingsPath()
					_, err := fmt.Fprintln(c.App.Writer, path)
					return err
				},
			},
		},
	}
}

// flagValue is a flag's value as a command would see it.
type flagValue struct {
	Command string `json:"command"` // "" for flags of all commands
	Flag    string `json:"flag"`
	Value   string `json:"value"`
	From    string `json:"from"`
}

func configShow(c *cli.Context) error {
	s := settingsOf(c.App)
	values := s.valuesOf("", c.App.Flags, c.Bool("all"))
	wanted := c.Args().Slice()
	for _, name := range wanted {
		if c.App.Command(name) == nil {
			return usagef("config show: there is no command %q", name)
		}
	}
	for _, cmd := range c.App.Commands {
		if len(wanted) == 0 || slices.Contains(wanted, cmd.Name) {
			values = append(values, s.below(cmd, "", c.Bool("all"))...)
		}
	}
	return summarise(c, values, func(w io.Writer) {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, v := range values {
			fmt.Fprintf(table, "%s\t--%s\t%s\t%s\n", strings.TrimSpace("pcapline "+v.Command), v.Flag, v.Value, v.From)
		}
		_ = table.Flush() // summarise asks w
	})
}

func (s *settings) below(cmd *cli.Command, under string, all bool) []flagValue {
	path := strings.TrimSpace(under + " " + cmd.Name)
	values := s.valuesOf(path, cmd.Flags, all)
	for _, sub := range cmd.Subcommands {
		values = append(values, s.below(sub, path, all)...)
	}
	return values
}

func (s *settings) valuesOf(command string, flags []cli.Flag, all bool) []flagValue {
	values := []flagValue{}
	for _, f := range flags {
		if f.Names()[0] == cli.HelpFlag.Names()[0] {
			continue
		}
		v := flagValue{Command: command, Flag: f.Names()[0]}
		if value, name, ok := environment(command, f); ok {
			v.Value, v.From = value, "$"+name
		} else if found, ok := s.of(command, f); ok {
			v.Value, v.From = strings.Join(found.values, ","), fmt.Sprintf("%s:%d", s.path, found.line)
		} else if !all {
			continue
		} else if d, ok := f.(cli.DocGenerationFlag); ok {
			v.Value, v.From = d.GetDefaultText(), "default"
		}
		values = append(values, v)
	}
	return values
}
