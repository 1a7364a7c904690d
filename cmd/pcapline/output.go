package main

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
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
		if isTerminal(c.App.Writer) && c.String("format") != "csv" {
			return "", usagef("%s: a binary table on a terminal? Use --format csv, or a file", c.Command.Name)
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

// same reports whether two paths are one regular file.
func same(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && fa.Mode().IsRegular() && os.SameFile(fa, fb)
}

// isTable reports whether a file is a table rather than a capture, by its
// first bytes, and by its ending for CSV.
func isTable(path string) bool {
	if filepath.Ext(path) == ".csv" {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	n, _ := f.Read(magic[:])
	return bytes.Equal(magic[:n], []byte("PAR1"))
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
