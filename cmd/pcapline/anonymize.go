package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/anonymize"
)

// keyVariable has the key of anonymize, where no file is named.
const keyVariable = "PCAPLINE_ANONYMIZE_KEY"

func anonymizeCommand() *cli.Command {
	return &cli.Command{
		Name:      "anonymize",
		Usage:     "captures or tables with keyed pseudonyms in place of addresses and names",
		ArgsUsage: "CAPTURE|TABLE|DIR...",
		Description: "Captures become pcapng, tables the format of the output's ending; several inputs become a folder. The same\n" +
			"key gives the same pseudonyms everywhere, so that outputs still join. Addresses keep their prefixes (Crypto-PAn);\n" +
			"of packets only headers that are understood are kept, all else is masked. The report says what still shows.\n" +
			"The key is a file that only its owner may read, or 64 hexadecimal digits in " + keyVariable + ".",
		UsageText: "pcapline anonymize --new-key secret.key -o anonymous.pcapng capture.pcap\n" +
			"pcapline anonymize --key secret.key -o anonymous.parquet packets.parquet\n" +
			"pcapline anonymize --key secret.key --time-shift keyed -o anonymous testdata/lab",
		Flags: []cli.Flag{
			outputFlag("write `FILE`, or for several inputs a new folder; -: one capture to standard output"),
			&cli.StringFlag{Name: "key", Usage: "the key in `FILE`, which must have mode 0600 (default: from " + keyVariable + ")"},
			&cli.StringFlag{Name: "new-key", Usage: "make a key, write it to the new `FILE`, and take it if there are inputs"},
			&cli.StringFlag{Name: "payload", Value: string(anonymize.MaskZero), Usage: "mask payload `HOW`: zero, hash (equal ones stay equal) or cut"},
			&cli.StringFlag{Name: "time-shift", Usage: "add `DURATION` to all times, as -720h, or keyed: what follows from the key (default: none)"},
			&cli.BoolFlag{Name: "keep-oui", Usage: "keep the first half of MAC addresses, which names the card's maker"},
			&cli.BoolFlag{Name: "plain-cryptopan", Usage: "no care for special addresses: Crypto-PAn as other tools have it"},
			workersFlag(),
		},
		Action: anonymizeAction,
	}
}

func anonymizeAction(c *cli.Context) error {
	opt, err := anonymizeOptions(c)
	if err != nil || len(opt.Inputs) == 0 {
		return err
	}
	rep, err := anonymize.Run(c.Context, opt)
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return err
	}
	if serr := summarise(c, rep, rep.WriteText); serr != nil {
		return serr
	}
	if err != nil {
		return damaged(errors.New(strings.Join(rep.Problems(), "\n")))
	}
	return nil
}

// anonymizeOptions reads the command line. Without inputs there was only a key
// to be made.
func anonymizeOptions(c *cli.Context) (opt anonymize.Options, err error) {
	if c.NArg() == 0 && c.String("new-key") == "" {
		return opt, usagef("anonymize: name captures or tables, or a file for a new key (--new-key)")
	}
	if err := notNegative(c, "workers"); err != nil {
		return opt, err
	}
	opt.Mask, opt.KeepOUI, opt.Plain = anonymize.Mask(c.String("payload")), c.Bool("keep-oui"), c.Bool("plain-cryptopan")
	opt.Workers = c.Int("workers")
	if !slices.Contains(anonymize.Masks, opt.Mask) {
		return opt, usagef("anonymize: --payload is zero, hash or cut, not %q", opt.Mask)
	}
	if opt.Shift, opt.Keyed, err = timeShift(c.String("time-shift")); err != nil {
		return opt, err
	}
	var inputs []string
	if c.NArg() > 0 {
		if inputs, err = anonymizeInputs(c.Args().Slice()); err != nil {
			return opt, err
		}
		if opt.Output, err = anonymizeOutput(c, inputs); err != nil {
			return opt, err
		}
	}
	if opt.Key, err = anonymizeKey(c); err != nil {
		return opt, err
	}
	opt.Inputs = inputs
	return opt, nil
}

// anonymizeInputs lists files: tables as they are named, folders and patterns
// for the captures in them.
func anonymizeInputs(args []string) ([]string, error) {
	inputs, err := pcapio.Expand(args)
	if err != nil {
		return nil, err
	}
	if len(inputs) > 1 && slices.Contains(inputs, "-") {
		return nil, usagef("anonymize: standard input has no name in a folder; give it alone")
	}
	return inputs, nil
}

// anonymizeOutput is the file or folder named by -o.
func anonymizeOutput(c *cli.Context, inputs []string) (string, error) {
	switch {
	case c.String("output") != "-":
		return outputPath(c, append(inputs, c.String("key"))...)
	case len(inputs) > 1:
		return "", usagef("anonymize: several inputs become a folder; name one with -o")
	case isTerminal(c.App.Writer):
		return "", usagef("anonymize: a capture on a terminal? Name a file with -o")
	}
	c.App.Writer = c.App.ErrWriter
	return stdoutPath, nil
}

// timeShift reads --time-shift.
func timeShift(text string) (shift time.Duration, keyed bool, err error) {
	switch text {
	case "":
		return 0, false, nil
	case "keyed":
		return 0, true, nil
	}
	if shift, err = time.ParseDuration(text); err != nil || shift%time.Second != 0 {
		return 0, false, usagef("anonymize: --time-shift is keyed or a duration in whole seconds, as -720h, not %q", text)
	}
	return shift, false, nil
}

// anonymizeKey takes the key from a file or the environment, never from the
// command line, which all users of a machine can read.
func anonymizeKey(c *cli.Context) (anonymize.Key, error) {
	file, fresh, text := c.String("key"), c.String("new-key"), os.Getenv(keyVariable)
	switch {
	case file != "" && fresh != "":
		return anonymize.Key{}, usagef("anonymize: take the key in a file (--key) or make one (--new-key)")
	case fresh != "":
		return anonymize.NewKey(fresh)
	case file != "":
		return anonymize.ReadKey(file)
	case text == "":
		return anonymize.Key{}, usagef("anonymize: which key? Name a file (--key), make one (--new-key), or set %s", keyVariable)
	}
	k, err := anonymize.ParseKey(text)
	if err != nil {
		return k, fmt.Errorf("%s: %w", keyVariable, err)
	}
	return k, nil
}
