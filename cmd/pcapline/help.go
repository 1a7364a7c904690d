package main

import "strings"

// commandHelp is every command's help: usage, examples, flags, exit status.
var commandHelp = `NAME:
   {{.HelpName}} - {{.Usage}}

USAGE:
   {{.HelpName}}{{if .VisibleFlags}} [flags]{{end}}{{if .Subcommands}} COMMAND{{end}} {{.ArgsUsage}}
{{if .Description}}
{{wrap .Description 0}}
{{end}}{{if .UsageText}}
EXAMPLES:
{{indent 3 .UsageText}}
{{end}}{{if .VisibleCommands}}
COMMANDS:{{template "visibleCommandTemplate" .}}
{{end}}{{if .VisibleFlags}}
FLAGS:{{template "visibleFlagTemplate" .}}
{{end}}
EXIT STATUS:
` + exitStatusLines() + `
`

func exitStatusLines() string {
	_, lines, _ := strings.Cut(exitStatusHelp(), "\n")
	return lines
}
