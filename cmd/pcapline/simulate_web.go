package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio/simulate/lab"
)

func simulateWeb() *cli.Command {
	return &cli.Command{
		Name: "web", Usage: "record a web application, its users and attacks on it, and their truth",
		ArgsUsage: strings.Join(lab.Apps, "|"),
		Description: "A shop with deliberate mistakes runs behind nginx on port 8010, where AntiNex's applications listened, and is\n" +
			"attacked by wapiti, sqlmap, wfuzz, hydra and slowhttptest. Its pages come from Django or Flask under gunicorn, or\n" +
			"from Spring Boot, or are a single-page application on React (with Redux) or Vue, which Flask answers. All else\n" +
			"is as in lab. The application is installed only where --install says so, below --cache: from PyPI, from npm\n" +
			"(react, vue; needs npm), from Maven Central (spring; needs Maven and a JDK of version 17 or later). OWASP ZAP,\n" +
			"which AntiNex scanned with, is not used: of its releases only the core is in a package registry, without the\n" +
			"add-ons that serve its API and hold its scan rules.",
		UsageText: "pcapline simulate web --dry-run django\n" +
			"pcapline simulate web --dry-run --attack web_sqli spring\n" +
			"pcapline simulate web --install -o shop django\n" +
			"pcapline run -o out --truth shop/truth.csv shop/spool",
		Flags: append(labFlags(),
			&cli.BoolFlag{Name: "install", Usage: "install the application first where it is missing, by pip, npm or Maven"},
			&cli.StringFlag{Name: "cache", Usage: "applications lie below `DIR` (default: pcapline/simulate in the user's cache folder)"}),
		Action: webAction,
	}
}

func webAction(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("simulate web: name the application: %s", strings.Join(lab.Apps, " or "))
	}
	app := c.Args().First()
	cache, err := webCache(c)
	if err != nil {
		return err
	}
	scenario, err := lab.Web(app, cache)
	if err != nil {
		return usage(err)
	}
	if !c.Bool("dry-run") && !lab.Isolated() && !lab.AppInstalled(app, cache) {
		if !c.Bool("install") {
			return fmt.Errorf("%s is not installed in %s; --install does it, from package registries", app, cache)
		}
		logger(c).Info("installing", "application", app, "into", cache)
		if err := lab.InstallApp(c.Context, app, cache); err != nil {
			return err
		}
	}
	return labAction(c, scenario)
}

// webCache is where applications are installed.
func webCache(c *cli.Context) (string, error) {
	if dir := c.String("cache"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w; name one by --cache", err)
	}
	return filepath.Join(dir, "pcapline", "simulate"), nil
}
