package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train/antinex/api"
)

func watchPublishFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "publish", Usage: "send everything scored to `WHOM`: antinex, by the variables that publish reads (needs --scored)"},
		&cli.StringFlag{Name: "publish-queue", Usage: "keep what waits to be sent in `DIR` (default: that of --scored, with .queue)"},
		&cli.StringFlag{Name: "publish-password-file", Usage: "the password for it is in the first line of `FILE` (default: $ANTINEX_PASSWORD)"},
	}
}

const (
	publishEvery = 2 * time.Second  // how often new tables of scores are looked for
	publishAgain = time.Minute      // after a password was not taken
	publishLast  = 10 * time.Second // for what waits when the watch ends
)

// watchPublish sends the tables of scores while they appear, beside the watch,
// which it never holds up. The function that it returns takes the last ones; what
// cannot be sent then stays in the queue.
func watchPublish(c *cli.Context, scored string) (end func(), err error) {
	whom := c.String("publish")
	if whom == "" {
		return func() {}, nil
	}
	if whom != "antinex" || scored == "" {
		return nil, usagef("watch: --publish is antinex, and needs --scored")
	}
	p, err := openWatchPublisher(c, scored)
	if err != nil || p == nil {
		return func() {}, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Context))
	var beside sync.WaitGroup
	beside.Go(func() { p.queueTables(ctx) })
	beside.Go(func() { p.send(ctx) })
	return func() {
		cancel()
		beside.Wait()
		p.finish()
	}, nil
}

// watchPublisher is a publisher of the tables in a folder.
type watchPublisher struct {
	*api.Publisher
	scored string
	warn   func(msg string, args ...any)
	info   func(msg string, args ...any)
}

// openWatchPublisher opens the queue; nil when the variables say that nothing is published.
func openWatchPublisher(c *cli.Context, scored string) (*watchPublisher, error) {
	s, err := api.FromEnv(os.Getenv)
	if err != nil {
		return nil, usage(err)
	}
	if s.Disabled {
		logger(c).Warn("ANTINEX_PUBLISH_ENABLED is 0: nothing is sent")
		return nil, nil
	}
	if path := c.String("publish-password-file"); path != "" {
		if s.Password, err = api.ReadSecret(path); err != nil {
			return nil, err
		}
	}
	client, err := antinexClient(c, s)
	if err != nil {
		return nil, err
	}
	p := &watchPublisher{scored: scored, warn: logger(c).Warn, info: logger(c).Info}
	p.Publisher, err = api.OpenPublisher(client, s, api.QueueOptions{
		Dir: publishQueue(c, scored), Retry: func(err error, wait time.Duration) { p.warn("not sent yet", "error", err, "again_in", wait) },
	})
	return p, err
}

// publishQueue is the folder of what waits.
func publishQueue(c *cli.Context, scored string) string {
	if dir := c.String("publish-queue"); dir != "" {
		return dir
	}
	return strings.TrimRight(scored, "/") + ".queue"
}

// queueTables queues what appears, until ctx ends. A full queue leaves tables
// where they are.
func (p *watchPublisher) queueTables(ctx context.Context) {
	said := ""
	for {
		if err := p.queueNew(ctx); err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			p.warn("not queued", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(publishEvery):
		}
	}
}

func (p *watchPublisher) queueNew(ctx context.Context) error {
	tables, err := tablesIn([]string{p.scored})
	if errors.Is(err, os.ErrNotExist) {
		return nil // the watch has not made the folder yet
	}
	for i := 0; err == nil && i < len(tables); i++ {
		_, err = p.AddTable(ctx, tables[i])
		if errors.Is(err, os.ErrNotExist) {
			err = nil // it was shipped meanwhile
		}
	}
	return err
}

func (p *watchPublisher) send(ctx context.Context) {
	for {
		err := p.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		p.warn("not sent", "error", err, "again_in", publishAgain)
		select {
		case <-ctx.Done():
			return
		case <-time.After(publishAgain):
		}
	}
}

// finish queues and sends what the watch wrote at its end.
func (p *watchPublisher) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), publishLast)
	defer cancel()
	err := p.queueNew(ctx)
	if err == nil {
		err = p.Send(ctx)
	}
	waiting, werr := p.Waiting()
	if err = errors.Join(err, werr, p.Close()); err != nil {
		p.warn("not sent", "error", err, "batches_waiting", waiting)
	}
	n := p.Counts()
	p.info("published", "rows", n.Sent, "batches", n.Batches, "refused", n.Rejected, "batches_waiting", waiting)
}
