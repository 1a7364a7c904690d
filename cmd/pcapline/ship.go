package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"filippo.io/age"
	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/pcapio/store"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/ship"
)

func shipCommand() *cli.Command {
	return &cli.Command{
		Name:      "ship",
		Usage:     "send what a model did not expect to a bucket or folder, encrypted",
		ArgsUsage: "TABLE|DIR...",
		Description: "The tables are those of watch --scored or score. Rows that raised an alert, rows with an uncertain score and,\n" +
			"with --drifted, rows like none in training are packed with their packets, encrypted with age for those who hold the\n" +
			"recipient's key, and uploaded: one shipment for each table with such rows. Nothing is counted as done, and with --delete\n" +
			"nothing deleted, before the place has confirmed it; a process that was killed goes on where it was.\n" +
			"PLACE is a folder, file:///…, or s3://BUCKET/PREFIX with credentials in the environment or in ~/.aws, as Amazon's\n" +
			"tools take them; AWS_ENDPOINT_URL_S3 names another server.",
		UsageText: "pcapline ship --sensor gate --spool spool --to s3://edge --recipient age1… --state ship --every 5m scored/\n" +
			"pcapline ship --sensor lab --captures testdata/lab --to /mnt/out --recipient age1… --state ship scored.parquet",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "upload to `PLACE`"},
			&cli.StringSliceFlag{Name: "recipient", Usage: "encrypt for the age public key `KEY` (repeatable)"},
			&cli.StringFlag{Name: "recipients-file", Usage: "encrypt for the keys in `FILE`, one a line"},
			&cli.StringFlag{Name: "sensor", Usage: "`NAME` of this sensor in the shipments' names", EnvVars: []string{"PCAPLINE_SENSOR"}},
			&cli.StringFlag{Name: "state", Usage: "keep what is done, and what is on its way, in `DIR`"},
			&cli.StringFlag{Name: "spool", Usage: "the tables are of the spool `DIR`, which keeps what is not shipped longest"},
			&cli.StringSliceFlag{Name: "captures", Usage: "the tables are of captures in `FILE|DIR` (repeatable)"},
			&cli.BoolFlag{Name: "alerts", Value: true, Usage: "ship rows that raised an alert"},
			&cli.StringFlag{Name: "uncertain", Value: "0.1..0.9", Usage: "ship rows with a score of `LOW..HIGH`; none: no such rows"},
			&cli.IntFlag{Name: "drifted", Usage: "ship rows with `N` features or more below or above all training rows (needs --model)"},
			&cli.StringFlag{Name: "model", Usage: "the model in `FILE`, for --drifted"},
			&cli.Int64Flag{Name: "packets-per-row", Value: 200, Usage: "the first `N` packets of a row; -1: all, 0: rows only"},
			&cli.StringFlag{Name: "outbox", Value: "1GB", Usage: "make no further shipment while `SIZE` is on its way"},
			&cli.BoolFlag{Name: "delete", Usage: "delete tables that are done"},
			&cli.DurationFlag{Name: "every", Usage: "do it again every `TIME`, until interrupted"},
		},
		Action: shipAction,
	}
}

func shipOptions(c *cli.Context) (opt ship.Options, err error) {
	if c.NArg() == 0 || c.String("to") == "" || c.String("state") == "" || c.String("sensor") == "" {
		return opt, usagef("ship: name the tables, the place (--to), the sensor (--sensor) and the state folder (--state)")
	}
	opt = ship.Options{
		Sensor: c.String("sensor"), Tables: c.Args().Slice(), Spool: c.String("spool"), State: c.String("state"),
		PerRow: c.Int64("packets-per-row"), NoPackets: c.Int64("packets-per-row") == 0, Delete: c.Bool("delete"),
		Retry: func(err error, wait time.Duration) {
			logger(c).Warn("not uploaded yet", "error", err, "again_in", wait)
		},
	}
	if opt.To, err = store.Open(c.String("to")); err != nil {
		return opt, usagef("--to: %v", err)
	}
	if opt.Recipients, err = recipients(c); err != nil {
		return opt, err
	}
	if opt.Outbox, err = spool.ParseSize(c.String("outbox"), 1); err != nil {
		return opt, usagef("--outbox: %v", err)
	}
	if paths := c.StringSlice("captures"); len(paths) > 0 {
		if opt.Captures, err = pcapio.Expand(paths); err != nil {
			return opt, err
		}
	}
	if opt.Select, err = shipSelection(c); err != nil {
		return opt, err
	}
	if path := c.String("model"); path != "" {
		opt.Model, err = train.LoadModel(path)
	}
	return opt, err
}

func shipSelection(c *cli.Context) (s ship.Selection, err error) {
	s = ship.Selection{Alerts: c.Bool("alerts"), Unseen: c.Int("drifted")}
	if s.Unseen < 0 || s.Unseen > 0 && c.String("model") == "" {
		return s, usagef("--drifted is a number of features, and needs --model")
	}
	if band := c.String("uncertain"); band != "none" {
		if s.Low, s.High, err = ship.ParseBand(band); err != nil {
			return s, usagef("--uncertain: %v", err)
		}
	}
	return s, nil
}

// recipients are the keys that flags name; public ones, which anybody may see.
func recipients(c *cli.Context) (list []age.Recipient, err error) {
	for _, key := range c.StringSlice("recipient") {
		if _, err := age.ParseX25519Identity(key); err == nil {
			return nil, usagef("--recipient: this is a secret key; name the public one, age1…")
		}
		r, err := age.ParseX25519Recipient(key)
		if err != nil {
			return nil, usagef("--recipient: %v", err)
		}
		list = append(list, r)
	}
	if path := c.String("recipients-file"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		more, err := age.ParseRecipients(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, more...)
	}
	if len(list) == 0 {
		return nil, usagef("%s: who may read it? Name an age public key with --recipient", c.Command.Name)
	}
	return list, nil
}

func shipAction(c *cli.Context) error {
	opt, err := shipOptions(c)
	if err != nil {
		return err
	}
	s, err := ship.Open(opt)
	if err != nil {
		return err
	}
	defer s.Close() // all that it knows is on the disk
	err = every(c, func(ctx context.Context) error { return s.Run(ctx) })
	n := s.Counts()
	if serr := summarise(c, n, func(w io.Writer) {
		fmt.Fprintf(w, "tables: %d looked at, %d as expected, %d waiting\n", n.Tables, n.Empty, n.Waiting)
		fmt.Fprintf(w, "rows: %d looked at; alert %d, uncertain %d, drifted %d\n", n.Rows, n.Reasons[ship.Alert], n.Reasons[ship.Uncertain], n.Reasons[ship.Drifted])
		fmt.Fprintf(w, "packets: %d packed, %d left, %d not found\n", n.Packets, n.Left, n.Missing)
		fmt.Fprintf(w, "shipments: %d made, %d arrived (%d bytes), %d in the outbox\n", n.Built, n.Shipped, n.Bytes, n.Outbox)
	}); err == nil {
		err = serr
	}
	return err
}

// every does something once, or with --every again and again until it is
// interrupted, which is no failure; what fails then is said and tried again.
func every(c *cli.Context, do func(context.Context) error) error {
	period := c.Duration("every")
	if period <= 0 {
		return do(c.Context)
	}
	for {
		if err := do(c.Context); err != nil && !errors.Is(err, context.Canceled) {
			logger(c).Error("it goes on", "error", err, "again_in", period)
		}
		select {
		case <-c.Context.Done():
			return nil
		case <-time.After(period):
		}
	}
}

func pullCommand() *cli.Command {
	return &cli.Command{
		Name:      "pull",
		Usage:     "fetch and decrypt what sensors shipped",
		ArgsUsage: " ",
		Description: "Each shipment becomes a folder with manifest.json, rows.parquet and packets.pcapng, whose hashes are compared with\n" +
			"the manifest's; it appears when it is whole. Those that are here are not fetched again. A shipment that\n" +
			"cannot be read is named and left where it is, and the exit status is 3.",
		UsageText: "pcapline pull --from s3://edge --identity key.txt -o records\n" +
			"pcapline pull --from s3://edge --prefix gate/ --identity key.txt -o records --delete",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "fetch from `PLACE`, as ship --to has it"},
			&cli.StringFlag{Name: "identity", Usage: "the age secret key is in `FILE`, which others must not read"},
			outputFlag("put shipments into `DIR`"),
			&cli.StringFlag{Name: "prefix", Usage: "only shipments whose names begin with `TEXT`, such as SENSOR/ or SENSOR/2026-11"},
			&cli.BoolFlag{Name: "delete", Usage: "delete shipments at their place once they are here"},
			&cli.DurationFlag{Name: "every", Usage: "do it again every `TIME`, until interrupted"},
		},
		Action: pullAction,
	}
}

func pullAction(c *cli.Context) error {
	if c.NArg() > 0 || c.String("from") == "" || c.String("identity") == "" || c.String("output") == "" {
		return usagef("pull: name the place (--from), the key (--identity) and the folder (-o), and nothing else")
	}
	opt := ship.PullOptions{Output: c.String("output"), Prefix: c.String("prefix"), Delete: c.Bool("delete")}
	var err error
	if opt.From, err = store.Open(c.String("from")); err != nil {
		return usagef("--from: %v", err)
	}
	if opt.Identities, err = ship.ReadIdentities(c.String("identity")); err != nil {
		return err
	}
	return every(c, func(ctx context.Context) error {
		res, err := ship.Pull(ctx, opt)
		if err != nil && !errors.Is(err, ship.ErrRefused) {
			return err
		}
		if serr := summarise(c, res, func(w io.Writer) { writePulled(w, res) }); serr != nil {
			return serr
		}
		if err != nil {
			return damaged(fmt.Errorf("%d %w", len(res.Refused), err))
		}
		return nil
	})
}

func writePulled(w io.Writer, res *ship.Pulled) {
	fmt.Fprintf(w, "%d shipments, %d were here; %d rows, %d packets\n", len(res.Shipments), res.Known, res.Rows, res.Packets)
	for _, dir := range res.Shipments {
		fmt.Fprintf(w, "wrote %s\n", dir)
	}
	for _, r := range res.Refused {
		fmt.Fprintf(w, "refused: %s\n", r)
	}
	if res.Deleted > 0 {
		fmt.Fprintf(w, "deleted %d at their place\n", res.Deleted)
	}
}
