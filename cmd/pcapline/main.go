// Command pcapline turns captured network traffic into honest, reproducible
// machine-learning datasets and models.
//
// This file is the only place where the program ends. Each command has a file
// of its own; what a command does lies in the packages above it, and is as
// usable from Go as from the shell.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the exit, and what the tests call.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	args, err := permute(app, args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	return explain(app, ctx, err)
}

// commands lists every command, in the order of the data's way.
func commands() []*cli.Command {
	return []*cli.Command{
		runCommand(),
		captureCommand(),
		replayCommand(),
		simulateCommand(),
		spoolCommand(),
		infoCommand(),
		flattenCommand(),
		flowsCommand(),
		sliceCommand(),
		anonymizeCommand(),
		fieldsCommand(),
		labelCommand(),
		prepareCommand(),
		auditCommand(),
		exportCommand(),
		trainCommand(),
		evalCommand(),
		reportCommand(),
		modelCommand(),
		verifyCommand(),
		scoreCommand(),
		watchCommand(),
		publishCommand(),
		antinexCommand(),
		shipCommand(),
		pullCommand(),
		batchCommand(),
		planCommand(),
		shardCommand(),
		commitCommand(),
		lakeCommand(),
		configCommand(),
		completionCommand(),
		versionCommand(),
	}
}

func newApp(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:                   "pcapline",
		Usage:                  "captured network traffic in, datasets and detectors out",
		Description:            "Flags may stand before or after the arguments; -- ends them.\nSizes and durations carry units. Data goes to stdout, everything else to stderr.\n" + settingsHelp + "\n\n" + exitStatusHelp(),
		HideVersion:            true,
		Suggest:                true,
		EnableBashCompletion:   true,
		UseShortOptionHandling: false,
		Writer:                 stdout,
		ErrWriter:              stderr,
		ExitErrHandler:         func(*cli.Context, error) {}, // main exits, nobody else
		OnUsageError:           func(_ *cli.Context, err error, _ bool) error { return usage(err) },
		Flags:                  globalFlags(),
		Before:                 setUp,
		After:                  tearDown,
		Commands:               prepared(commands(), ""),
		CommandNotFound:        nil,
		Action:                 rootAction,
	}
}

// prepared gives every command what all commands have.
func prepared(cmds []*cli.Command, under string) []*cli.Command {
	for _, c := range cmds {
		path := strings.TrimSpace(under + " " + c.Name)
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return usage(err) }
		c.HideHelpCommand = true
		c.CustomHelpTemplate = commandHelp
		c.Before = func(ctx *cli.Context) error { return settingsOf(ctx.App).apply(ctx, path, c.Flags) }
		prepared(c.Subcommands, path)
	}
	return cmds
}

// rootAction runs when no command was named, or one that there is not.
func rootAction(c *cli.Context) error {
	name := c.Args().First()
	if name == "" {
		return cli.ShowAppHelp(c)
	}
	return usagef("unknown command %q. %s", name, cli.SuggestCommand(c.App.Commands, name))
}
