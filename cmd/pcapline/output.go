package main

import (
	"cmp"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
)

// stdoutPath is where - writes to; a table sink writes to a pipe or device as it is.
const stdoutPath = "/dev/stdout"

// outputPath is the file named by -o, which must be none of the inputs. With
// - the table goes to standard output and the summary to standard error.
func outputPath(c *cli.Context, inputs ...string) (string, error) {
	path := c.String("output")
	switch path {
	case "":
		return "", usagef("%s: where to write? Name a file with -o", c.Command.Name)
	case "-":
		if f, err := sink.ByName(c.String("format")); isTerminal(c.App.Writer) && err == nil && !f.Text {
			return "", usagef("%s: a binary table on a terminal? Use --format csv or jsonl, or a file", c.Command.Name)
		}
		if c.String("format") == "" {
			return "", usagef("%s: name the --format to write to standard output", c.Command.Name)
		}
		c.App.Writer = c.App.ErrWriter
		return stdoutPath, nil
	}
	for _, in := range inputs {
		if in != "" && in != "-" && same(path, in) {
			return "", usagef("%s: %s is an input; it would be overwritten", c.Command.Name, path)
		}
	}
	return path, nil
}

// outputOf is the table at path as the table flags want it.
func outputOf(c *cli.Context, path string) transform.Output {
	return transform.Output{
		Path: path, Format: c.String("format"), Columns: c.StringSlice("column"), Compression: c.String("compression"),
		Partition: c.String("partition"), Names: cmp.Or(c.String("names"), c.String("dialect")),
		Bloom: c.StringSlice("bloom"), Headers: c.StringSlice("nprint"), Payload: c.Int("nprint-payload"),
	}
}

// same reports whether two paths are one regular file.
func same(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && fa.Mode().IsRegular() && os.SameFile(fa, fb)
}

// notNegative refuses numbers below zero, which mean nothing for these flags.
func notNegative(c *cli.Context, names ...string) error {
	for _, n := range names {
		if c.Int64(n) < 0 || c.Int(n) < 0 || c.Duration(n) < 0 {
			return usagef("--%s must not be negative", n)
		}
	}
	return nil
}
