package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train/antinex/api"
	"github.com/pcapline/pcapline/transform/source"
)

// serverFlags say where AntiNex's server is. A password is never one of them:
// everyone on a machine sees its command lines.
func serverFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "url", Aliases: []string{"a"}, Usage: "the server's `URL` (default: $ANTINEX_URL, $API_URL, http://localhost:8010)"},
		&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "log in as `NAME` (default: $ANTINEX_USER, $API_USER, root)"},
		&cli.StringFlag{Name: "password-file", Usage: "the password is in the first line of `FILE`, which others must not read (default: $ANTINEX_PASSWORD, $API_PASSWORD)"},
		&cli.StringFlag{Name: "ca", Aliases: []string{"b"}, Usage: "certificates in `FILE` vouch for the server (default: $ANTINEX_CA_FILE, those of the system)"},
		&cli.StringFlag{Name: "cert", Aliases: []string{"c"}, Usage: "client certificate in `FILE` (default: $ANTINEX_CERT_FILE)"},
		&cli.StringFlag{Name: "key", Aliases: []string{"k"}, Usage: "its key in `FILE` (default: $ANTINEX_KEY_FILE)"},
	}
}

// antinexSettings are those of the environment, with the flags over them.
func antinexSettings(c *cli.Context) (api.Settings, error) {
	s, err := api.FromEnv(os.Getenv)
	if err != nil {
		return s, usage(err)
	}
	for name, to := range map[string]*string{
		"url": &s.URL, "user": &s.User, "ca": &s.CA, "cert": &s.Cert, "key": &s.Key, "request-file": &s.Template,
	} {
		if v := c.String(name); v != "" {
			*to = v
		}
	}
	if path := c.String("password-file"); path != "" {
		if s.Password, err = api.ReadSecret(path); err != nil {
			return s, err
		}
	}
	if c.String("compat") != "" {
		s.Compat, err = wantsCompat(c)
	}
	return s, err
}

func antinexClient(c *cli.Context, s api.Settings) (*api.Client, error) {
	client, err := api.NewClient(s.Connection)
	if err != nil {
		return nil, usage(err)
	}
	if client.Plain() {
		logger(c).Warn("password and rows go over the network unencrypted; use https", "url", s.URL)
	}
	return client, nil
}

func publishCommand() *cli.Command {
	return &cli.Command{
		Name:      "publish",
		Usage:     "send rows of tables to AntiNex's server, to be predicted",
		ArgsUsage: "TABLE|DIR...",
		Description: "Only rows that were not sent before are sent: rows are first put into a queue on the disk, which survives\n" +
			"kill -9 and remembers how far each table was taken. What the server does not take now is tried again; what it\n" +
			"refuses is put aside in the queue's folder rejected, and the exit status is 3. Of a folder all tables in it are taken.\n" +
			"Rows have AntiNex's names: publish what flatten --dialect antinex or antinex-v1 or prepare --compat antinex-v1\n" +
			"wrote, or name columns of any table in $ANTINEX_FEATURES_TO_PROCESS. The variables ANTINEX_… of the original are read;\n" +
			"with $ANTINEX_PUBLISH_ENABLED=0 nothing is done.",
		UsageText: "pcapline publish --queue queue --password-file secret packets.csv\n" +
			"pcapline publish --queue queue --password-file secret --follow 10s --results results scored/",
		Flags: append(serverFlags(),
			&cli.StringFlag{Name: "queue", Usage: "keep what waits, and how far tables were taken, in `DIR`"},
			&cli.StringFlag{Name: "request-file", Aliases: []string{"f"}, Usage: "put rows into the request in `FILE` (default: $ANTINEX_PUBLISH_REQUEST_FILE, a stock request of 67 features)"},
			&cli.IntFlag{Name: "batch", Value: 100, Usage: "send `N` rows in a request"},
			&cli.StringFlag{Name: "results", Usage: "wait for results and write their records into `DIR`"},
			&cli.DurationFlag{Name: "poll", Value: 5 * time.Second, Usage: "ask for a result every `TIME`"},
			&cli.DurationFlag{Name: "timeout", Usage: "give up after `TIME`; what waits stays in the queue (default: never)"},
			&cli.DurationFlag{Name: "follow", Usage: "look for new rows every `TIME`, until interrupted"},
			&cli.BoolFlag{Name: "restart", Usage: "take a table from its start that has other rows than those that were taken of it"},
			&cli.StringFlag{Name: "compat", Usage: "make rows as `WHO` does, antinex-v1: zeros become the missing value, idx is lost"},
		),
		Action: publishAction,
	}
}

func publishAction(c *cli.Context) error {
	if c.NArg() == 0 || c.String("queue") == "" {
		return usagef("publish: name the tables, and the queue's folder (--queue)")
	}
	if err := notNegative(c, "batch", "poll", "timeout", "follow"); err != nil {
		return err
	}
	s, err := antinexSettings(c)
	if err != nil {
		return err
	}
	if s.Disabled {
		logger(c).Warn("ANTINEX_PUBLISH_ENABLED is 0: nothing is sent")
		return nil
	}
	client, err := antinexClient(c, s)
	if err != nil {
		return err
	}
	if dir := c.String("results"); dir != "" {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	p, err := api.OpenPublisher(client, s, api.QueueOptions{
		Dir: c.String("queue"), Batch: c.Int("batch"), Results: c.String("results"), Poll: c.Duration("poll"), Again: c.Bool("restart"),
		Retry: func(err error, wait time.Duration) { logger(c).Warn("not sent yet", "error", err, "again_in", wait) },
	})
	if err != nil {
		return err
	}
	defer p.Close() // all that it holds is on the disk
	ctx := c.Context
	if limit := c.Duration("timeout"); limit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, limit)
		defer stop()
	}
	return finishPublish(c, p, publishTables(ctx, p, c.Args().Slice(), c.Duration("follow")))
}

// publishTables queues and sends, once or every so often.
func publishTables(ctx context.Context, p *api.Publisher, paths []string, every time.Duration) error {
	for {
		tables, err := tablesIn(paths)
		if err != nil {
			return err
		}
		for i := 0; i < len(tables); {
			_, err := p.AddTable(ctx, tables[i])
			if err != nil && !errors.Is(err, api.ErrQueueFull) {
				return err
			}
			if err == nil {
				i++
				continue
			}
			if err := p.Send(ctx); err != nil {
				return err
			}
		}
		if err := p.Send(ctx); err != nil || every == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(every):
		}
	}
}

// tablesIn lists tables: a file stands for itself, a folder for the tables in
// it by their names.
func tablesIn(paths []string) (tables []string, err error) {
	for _, path := range paths {
		st, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !st.IsDir() {
			tables = append(tables, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			file := filepath.Join(path, e.Name())
			if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") && source.IsTable(file) {
				tables = append(tables, file)
			}
		}
	}
	return tables, nil
}

func finishPublish(c *cli.Context, p *api.Publisher, err error) error {
	waiting, werr := p.Waiting()
	if err == nil {
		err = werr
	}
	n := p.Counts()
	if c.Duration("follow") > 0 && errors.Is(err, context.Canceled) {
		err = nil // that is how it ends
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("publish: given up after %s; %d batches wait in %s", c.Duration("timeout"), waiting, c.String("queue"))
	}
	serr := summarise(c, struct {
		api.Counts
		Waiting int `json:"batches_waiting"`
	}{n, waiting}, func(w io.Writer) {
		fmt.Fprintf(w, "queued %d rows; %d were queued before\n", n.Queued, n.Known)
		fmt.Fprintf(w, "sent %d rows in %d batches; %d refused, %d wait\n", n.Sent, n.Batches, n.Rejected, waiting)
		if c.String("results") != "" {
			fmt.Fprintf(w, "%d results, %d jobs failed\n", n.Results, n.Failed)
		}
	})
	switch {
	case err != nil:
		return err
	case serr != nil:
		return serr
	case n.Rejected+n.Failed > 0:
		return damaged(fmt.Errorf("the server refused %d batches (see rejected in %s), and %d jobs failed", n.Rejected, c.String("queue"), n.Failed))
	}
	return nil
}
