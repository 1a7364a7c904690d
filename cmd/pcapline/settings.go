package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/strictyaml"
)

// A flag's value comes from the first of: the command line, the flag's
// environment variable, the settings file, the default. [settings] is the file
// and the environment; settingsHelp says so to users.

const settingsHelp = "A flag that is not given is taken from the environment (PCAPLINE_FLOWS_IDLE_TIMEOUT, PCAPLINE_WORKERS), then from\n" +
	"the settings file, then has its default; pcapline config show lists them."

// settings are the values of flags that a file gives.
type settings struct {
	path   string // "" without a file
	values []setting
}

// setting is one key of the file.
type setting struct {
	command string // the command and its subcommand as they are typed; "": every command that has the flag
	flag    string
	values  []string
	line    int
}

// settingsPath is the file named by PCAPLINE_CONFIG, or the one in the user's
// folder for configuration.
func settingsPath() (path string, named bool) {
	if path, named = os.LookupEnv("PCAPLINE_CONFIG"); named {
		return path, true
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", false // no home, no file
	}
	return filepath.Join(dir, "pcapline", "config.yaml"), false
}

// readSettings reads the settings file, if there is one. A key that is no
// command and no flag is an error.
func readSettings(cmds []*cli.Command, global []cli.Flag) (*settings, error) {
	path, named := settingsPath()
	if path == "" {
		return &settings{}, nil
	}
	text, err := os.ReadFile(path)
	if !named && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return &settings{}, nil // a service may have the home of somebody else
	}
	if err != nil {
		return nil, usagef("settings: %v", err)
	}
	s := &settings{path: path}
	if err := s.parse(text, cmds, global); err != nil {
		var at *strictyaml.Error
		if errors.As(err, &at) && at.Line > 0 {
			return nil, usagef("%s:%d: %v", path, at.Line, at.Err)
		}
		return nil, usagef("%s: %v", path, err)
	}
	return s, nil
}

func (s *settings) parse(text []byte, cmds []*cli.Command, global []cli.Flag) error {
	file, err := strictyaml.Parse(text)
	if err != nil {
		return err
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if err := s.mapping(doc.Body, "", cmds, slices.Concat(global, flagsOfAll(cmds))); err != nil {
			return err
		}
	}
	return nil
}

// mapping takes the keys that stand under a command, or at the top.
func (s *settings) mapping(n ast.Node, command string, cmds []*cli.Command, flags []cli.Flag) error {
	m, ok := n.(ast.MapNode)
	if !ok {
		return &strictyaml.Error{Line: n.GetToken().Position.Line, Err: errors.New("flags and their values are wanted, as in workers: 4")}
	}
	for it := m.MapRange(); it.Next(); {
		key, line := it.Key().String(), it.Key().GetToken().Position.Line
		fail := func(err error) error { return &strictyaml.Error{Line: line, Err: err} }
		if _, nested := it.Value().(ast.MapNode); nested {
			i := slices.IndexFunc(cmds, func(c *cli.Command) bool { return c.Name == key })
			if i < 0 {
				return fail(fmt.Errorf("there is no command %q here", key))
			}
			path := strings.TrimSpace(command + " " + key)
			if err := s.mapping(it.Value(), path, cmds[i].Subcommands, cmds[i].Flags); err != nil {
				return err
			}
			continue
		}
		f := lookup(flags, key)
		if f == nil || f == cli.HelpFlag {
			return fail(fmt.Errorf("there is no flag %q here", key))
		}
		values, err := valuesOf(it.Value())
		if err != nil {
			return fail(fmt.Errorf("%s: %w", key, err))
		}
		s.values = append(s.values, setting{command, f.Names()[0], values, line})
	}
	return nil
}

// valuesOf gives a scalar or a list of scalars as text.
func valuesOf(n ast.Node) ([]string, error) {
	var v any
	if err := strictyaml.Decode(n, &v); err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var values []string
	for _, v := range list {
		switch v.(type) {
		case nil, map[string]any, []any:
			return nil, errors.New("a value or a list of values is wanted")
		}
		values = append(values, fmt.Sprint(v))
	}
	return values, nil
}

// of gives the file's values for a flag of a command: what stands under the
// command comes before what stands at the top.
func (s *settings) of(command string, f cli.Flag) (setting, bool) {
	for _, under := range []string{command, ""} {
		for _, v := range slices.Backward(s.values) {
			if v.command == under && v.flag == f.Names()[0] {
				return v, true
			}
		}
	}
	return setting{}, false
}

// secretVariables hold secrets, not the values of the flags that they would be
// named after.
var secretVariables = []string{keyVariable}

// environment gives the value that the environment has for a flag of a
// command, and the variable's name.
func environment(command string, f cli.Flag) (value, name string, ok bool) {
	var names []string
	if own := variable(command + " " + f.Names()[0]); !slices.Contains(secretVariables, own) {
		names = append(names, own)
	}
	if d, ok := f.(cli.DocGenerationFlag); ok {
		names = append(names, d.GetEnvVars()...)
	}
	for _, name := range names {
		if value, ok = os.LookupEnv(name); ok && value != "" {
			return value, name, true
		}
	}
	return "", "", false
}

// variable is PCAPLINE_SPOOL_GC_QUOTA for "spool gc quota".
func variable(words string) string {
	return "PCAPLINE_" + strings.ToUpper(strings.NewReplacer(" ", "_", "-", "_").Replace(strings.TrimSpace(words)))
}

// apply sets the flags that the command line does not.
func (s *settings) apply(c *cli.Context, command string, flags []cli.Flag) error {
	for _, f := range flags {
		name := f.Names()[0]
		if c.IsSet(name) { // also by a variable that the flag declares
			continue
		}
		values, from := []string(nil), ""
		if value, variable, ok := environment(command, f); ok {
			values, from = []string{value}, variable
		} else if v, ok := s.of(command, f); ok {
			values, from = v.values, fmt.Sprintf("%s:%d", s.path, v.line)
		}
		if !isSlice(f) && len(values) > 1 {
			values = []string{strings.Join(values, ",")}
		}
		for _, v := range values {
			if err := c.Set(name, v); err != nil {
				return usagef("%s: %s: %v", from, name, err)
			}
		}
	}
	return nil
}

func isSlice(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationSliceFlag)
	return ok && d.IsSliceFlag()
}

// flagsOfAll gives the flags of all commands and their subcommands.
func flagsOfAll(cmds []*cli.Command) []cli.Flag {
	var flags []cli.Flag
	for _, c := range cmds {
		flags = append(append(flags, c.Flags...), flagsOfAll(c.Subcommands)...)
	}
	return flags
}
