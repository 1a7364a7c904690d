package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

//go:embed completion/pcapline.bash
var bashCompletion string

//go:embed completion/_pcapline
var zshCompletion string

// completions are the shells that can be told our commands and flags.
var completions = map[string]func(*cli.App) (string, error){
	"bash": func(*cli.App) (string, error) { return bashCompletion, nil },
	"zsh":  func(*cli.App) (string, error) { return zshCompletion, nil },
	"fish": func(app *cli.App) (string, error) { return app.ToFishCompletion() },
}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "a script by which a shell completes commands and flags",
		ArgsUsage: "bash|zsh|fish",
		UsageText: "pcapline completion bash > pcapline.bash\n" +
			"pcapline completion zsh > _pcapline\n" +
			"pcapline completion fish > pcapline.fish",
		Description: "bash: source <(pcapline completion bash), or keep the file in ~/.local/share/bash-completion/completions/pcapline.\n" +
			"zsh: keep it as _pcapline in a folder of $fpath. fish: keep it as ~/.config/fish/completions/pcapline.fish.",
		Action: func(c *cli.Context) error {
			script, ok := completions[c.Args().First()]
			if !ok || c.NArg() != 1 {
				return usagef("completion: name one of bash, zsh and fish, not %q", strings.Join(c.Args().Slice(), " "))
			}
			text, err := script(c.App)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.App.Writer, text)
			return err
		},
	}
}
