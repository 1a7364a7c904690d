package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
)

// openFlowFlags let flows go on where a run or a shard of captures ends.
func openFlowFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "save-state", Usage: "do not end the flows that are open at the end but keep them in `FILE`"},
		&cli.StringFlag{Name: "load-state", Usage: "go on with the flows that an earlier run kept in `FILE`"},
		&cli.StringFlag{Name: "shard", Usage: "take the `I/N`th part of the captures; needs --digests"},
		&cli.StringFlag{Name: "digests", Usage: "write what flows need of the packets to `FILE`, no table"},
		&cli.BoolFlag{Name: "merge-digests", Usage: "the arguments are the --digests of all shards; the table is that of one run over all captures"},
	}
}

// placeInputs reads the arguments and the flags that say what they are.
func placeInputs(c *cli.Context, opt *transform.Options) (err error) {
	opt.LoadState, opt.SaveState, opt.Digests = c.String("load-state"), c.String("save-state"), c.String("digests")
	if c.Bool("merge-digests") {
		opt.FromDigests = c.Args().Slice()
		return nil
	}
	if s := c.String("shard"); s != "" {
		if opt.Shard, err = transform.ParseShard(s); err != nil {
			return usage(err)
		}
	}
	opt.Inputs, err = pcapio.Expand(c.Args().Slice())
	return err
}

// digestsAction is flows for a shard.
func digestsAction(c *cli.Context, opt transform.Options) error {
	if c.IsSet("output") || c.IsSet("truth") {
		return usagef("%s: --digests writes no table: -o and --truth are for the run with --merge-digests", c.Command.Name)
	}
	for _, in := range opt.Inputs {
		if same(opt.Digests, in) {
			return usagef("%s: %s is an input; it would be overwritten", c.Command.Name, opt.Digests)
		}
	}
	res, err := transformRun(c, opt)
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return err
	}
	if serr := summarise(c, res, func(w io.Writer) {
		res.Ledger.WriteText(w)
		fmt.Fprintf(w, "wrote %s\n", opt.Digests)
	}); serr != nil {
		return serr
	}
	return damagedOnly(err)
}
