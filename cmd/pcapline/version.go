package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/transform"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		UsageText: "pcapline version\n" +
			"pcapline version --json",
		Action: func(c *cli.Context) error {
			v := map[string]string{"version": transform.Version, "build": buildVersion(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return summarise(c, v, func(w io.Writer) {
				fmt.Fprintf(w, "pcapline %s (build %s, %s, %s)\n", v["version"], v["build"], v["go"], v["platform"])
			})
		},
	}
}

// buildVersion is the module's version as the linker knows it.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
