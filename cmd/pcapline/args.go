package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// permute puts the arguments into the order that urfave/cli needs: global
// flags, command, its flags, its arguments. Without it the library takes a
// flag after the first argument for another argument, in silence. A value may
// also be attached to a one-letter flag, as in -j4.
func permute(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 {
		return args, nil
	}
	// The flags of help and completion are the library's own, everywhere.
	for _, a := range args[1:] {
		if a == "--generate-bash-completion" {
			return args, nil
		}
	}
	p := permuter{global: append(app.Flags, cli.HelpFlag), cmds: app.Commands}
	if err := p.walk(args[1:]); err != nil {
		return nil, err
	}
	out := append([]string{args[0]}, p.globals...)
	out = append(append(out, p.path...), p.flags...)
	if p.ended || len(p.rest) > 0 && len(p.path) > 0 {
		out = append(out, "--")
	}
	return append(out, p.rest...), nil
}

type permuter struct {
	global  []cli.Flag
	cmds    []*cli.Command // those that may come next
	current *cli.Command
	globals []string
	path    []string
	flags   []string
	rest    []string
	ended   bool // -- was seen
}

func (p *permuter) walk(args []string) error {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case p.ended || a == "-" || !strings.HasPrefix(a, "-"):
			p.positional(a)
		case a == "--":
			p.ended = true
		default:
			n, err := p.flag(a, args[i+1:])
			if err != nil {
				return err
			}
			i += n
		}
	}
	return nil
}

// positional takes a command's name while one may come, else an argument.
func (p *permuter) positional(a string) {
	if !p.ended && len(p.rest) == 0 {
		for _, c := range p.cmds {
			if c.HasName(a) {
				p.current, p.cmds = c, c.Subcommands
				p.path = append(p.path, a)
				return
			}
		}
	}
	p.rest = append(p.rest, a)
}

// flag takes one flag and returns how many of the following arguments belong to it.
func (p *permuter) flag(a string, next []string) (int, error) {
	name, value, hasValue := strings.Cut(strings.TrimLeft(a, "-"), "=")
	to := &p.flags
	f := (cli.Flag)(nil)
	if p.current != nil {
		f = lookup(p.current.Flags, name)
	}
	if f == nil {
		if f = lookup(p.global, name); f != nil && name != "help" && name != "h" {
			to = &p.globals
		}
	}
	if f == nil && !strings.HasPrefix(a, "--") && len(name) > 1 {
		return 0, p.attached(a)
	}
	if f == nil {
		return 0, p.unknown(a)
	}
	*to = append(*to, "--"+f.Names()[0])
	if hasValue {
		(*to)[len(*to)-1] += "=" + value
		return 0, nil
	}
	if !takesValue(f) {
		return 0, nil
	}
	if len(next) == 0 {
		return 0, usagef("flag %s needs a value", a)
	}
	(*to)[len(*to)-1] += "=" + next[0]
	return 1, nil
}

// attached takes -j4 for -j 4.
func (p *permuter) attached(a string) error {
	if p.current != nil {
		if f := lookup(p.current.Flags, a[1:2]); f != nil && takesValue(f) {
			p.flags = append(p.flags, "--"+f.Names()[0]+"="+a[2:])
			return nil
		}
	}
	return p.unknown(a)
}

func (p *permuter) unknown(a string) error {
	if p.current == nil {
		return usagef("unknown flag %s", a)
	}
	if s := cli.SuggestFlag(p.current.Flags, a, false); s != "" {
		return usagef("%s: unknown flag %s; did you mean %s?", strings.Join(p.path, " "), a, s)
	}
	return usagef("%s: unknown flag %s", strings.Join(p.path, " "), a)
}

func lookup(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	if name == "help" || name == "h" {
		return cli.HelpFlag
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}
