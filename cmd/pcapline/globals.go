package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/lmittmann/tint"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print the summary as JSON on stdout", EnvVars: []string{"PCAPLINE_JSON"}},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress and no log below warnings"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "log what is done in detail"},
		&cli.StringFlag{Name: "log-format", Usage: "`FORMAT` of the log on stderr: text or json", Value: "text", EnvVars: []string{"PCAPLINE_LOG_FORMAT"}},
		&cli.StringFlag{Name: "cpuprofile", Usage: "write a CPU profile to `FILE`"},
		&cli.StringFlag{Name: "memprofile", Usage: "write a heap profile to `FILE`"},
	}
}

// setUp prepares settings, logging and profiling.
func setUp(c *cli.Context) error {
	from, err := readSettings(c.App.Commands, c.App.Flags)
	if err != nil {
		return err
	}
	if err := from.apply(c, "", c.App.Flags); err != nil {
		return err
	}
	log, err := newLogger(c)
	if err != nil {
		return err
	}
	c.App.Metadata = map[string]any{"log": log, "settings": from, "json": c.Bool("json")}
	if path := c.String("memprofile"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		c.App.Metadata["memprofile"] = f
	}
	if path := c.String("cpuprofile"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		c.App.Metadata["cpuprofile"] = f
		return pprof.StartCPUProfile(f)
	}
	return nil
}

func tearDown(c *cli.Context) error {
	if f, ok := c.App.Metadata["cpuprofile"].(*os.File); ok {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			return err
		}
	}
	f, ok := c.App.Metadata["memprofile"].(*os.File)
	if !ok {
		return nil
	}
	runtime.GC()
	if err := pprof.WriteHeapProfile(f); err != nil {
		return err
	}
	return f.Close()
}

func newLogger(c *cli.Context) (*slog.Logger, error) {
	level := slog.LevelInfo
	switch {
	case c.Bool("quiet"):
		level = slog.LevelWarn
	case c.Bool("verbose"):
		level = slog.LevelDebug
	}
	w := c.App.ErrWriter
	switch format := c.String("log-format"); format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})), nil
	case "text":
		colour := isTerminal(w) && os.Getenv("NO_COLOR") == ""
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, NoColor: !colour, TimeFormat: "15:04:05"})), nil
	default:
		return nil, usagef("--log-format is text or json, not %q", format)
	}
}

func logger(c *cli.Context) *slog.Logger {
	if l, ok := c.App.Metadata["log"].(*slog.Logger); ok {
		return l
	}
	return slog.Default()
}

func settingsOf(app *cli.App) *settings {
	if s, ok := app.Metadata["settings"].(*settings); ok {
		return s
	}
	return &settings{}
}

func wantsJSON(app *cli.App) bool {
	v, _ := app.Metadata["json"].(bool)
	return v
}

// summarise prints what a command did: as JSON when asked, else by text.
func summarise(c *cli.Context, summary any, text func(w io.Writer)) error {
	if !wantsJSON(c.App) {
		w := &errWriter{w: c.App.Writer}
		text(w)
		if w.err != nil {
			return fmt.Errorf("write summary: %w", w.err)
		}
		return nil
	}
	enc := json.NewEncoder(c.App.Writer)
	enc.SetIndent("", "  ")
	if err := enc.Encode(summary); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// errWriter keeps the first error, so that text can be printed line by line.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.w.Write(p)
	e.err = err
	return n, err
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
