package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/transform"
)

// An exitCode is what a scheduler reads. This table is the only one: help,
// README and tests follow it.
type exitCode struct {
	code    int
	meaning string
}

const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDamaged     = 3
	exitGate        = 4
	exitInterrupted = 130
)

var exitCodes = []exitCode{
	{exitDone, "done"},
	{exitFailed, "failed; the step that failed left no output behind"},
	{exitUsage, "the command line is wrong"},
	{exitDamaged, "done, but some input was damaged or skipped; what was readable was kept"},
	{exitGate, "a quality gate failed"},
	{exitInterrupted, "interrupted; nothing half-written is visible"},
}

func exitStatusHelp() string {
	var b strings.Builder
	b.WriteString("Exit status:")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "\n%5d  %s", e.code, e.meaning)
	}
	return b.String()
}

// A codedError ends the program with a code other than 1.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func usage(err error) error                { return &codedError{exitUsage, err} }
func usagef(format string, a ...any) error { return usage(fmt.Errorf(format, a...)) }

// gateFailed says that a result is not good enough to go on with.
func gateFailed(err error) error { return &codedError{exitGate, err} }

// damaged says that the work was done though err happened to some input.
func damaged(err error) error {
	if err == nil {
		return nil
	}
	return &codedError{exitDamaged, err}
}

func codeOf(ctx context.Context, err error) int {
	var coded *codedError
	var option *transform.OptionError
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &option):
		return exitUsage
	case errors.As(err, &coded):
		return coded.code
	case ctx.Err() != nil:
		return exitInterrupted
	}
	return exitFailed
}

// explain tells the user what went wrong and returns the exit code.
func explain(app *cli.App, ctx context.Context, err error) int {
	code := codeOf(ctx, err)
	if err == nil {
		return code
	}
	if wantsJSON(app) {
		_ = json.NewEncoder(app.ErrWriter).Encode( // there is nobody else to tell
			map[string]any{"error": err.Error(), "exit_code": code})
		return code
	}
	for line := range strings.SplitSeq(strings.TrimSpace(err.Error()), "\n") {
		fmt.Fprintf(app.ErrWriter, "pcapline: %s\n", line)
	}
	if code == exitUsage {
		fmt.Fprintln(app.ErrWriter, "pcapline: see pcapline COMMAND --help")
	}
	return code
}
