package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train/antinex/api"
	"github.com/pcapline/pcapline/transform/sink"
)

// antinexCommand has the jobs of AntiNex's client tools.
func antinexCommand() *cli.Command {
	id := func() cli.Flag {
		return &cli.Int64Flag{Name: "id", Aliases: []string{"i"}, Usage: "the record's number `ID`"}
	}
	file := func() cli.Flag {
		return &cli.StringFlag{Name: "request-file", Aliases: []string{"f"}, Usage: "the request is in `FILE`", EnvVars: []string{"DATAFILE"}}
	}
	wait := []cli.Flag{
		&cli.DurationFlag{Name: "poll", Value: 5 * time.Second, Usage: "ask whether it is done every `TIME`"},
		&cli.DurationFlag{Name: "timeout", Usage: "stop asking after `TIME` (default: never)"},
		&cli.BoolFlag{Name: "no-wait", Usage: "only start it"},
	}
	predictions := outputFlag("write the predictions to `FILE`, as JSON")
	sub := func(name, usage, original, example string, action func(*cli.Context, *api.Client) error, flags ...cli.Flag) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage, Flags: append(serverFlags(), flags...),
			Description: "What " + original + " of antinex-client does.",
			UsageText:   "pcapline antinex " + example,
			Action:      func(c *cli.Context) error { return withAntinex(c, action) },
		}
	}
	return &cli.Command{
		Name:  "antinex",
		Usage: "train, predict and look at jobs on AntiNex's server",
		Subcommands: []*cli.Command{
			sub("train", "start a training and wait for its result", "ai_train_dnn.py", "train --password-file secret -f requests/scaler-full-django-antinex-simple.json",
				antinexTrain, append(wait, file(), predictions)...),
			sub("predict", "have the rows of a request predicted, with settings from $ANTINEX_…", "ai_env_predict.py", "predict --password-file secret --mock",
				antinexPredict, append(wait, file(), predictions,
					&cli.BoolFlag{Name: "mock", Aliases: []string{"m"}, Usage: "predict four mock rows instead, to try the server"},
					&cli.StringFlag{Name: "compat", Usage: "make rows as `WHO` does, antinex-v1: zeros become the missing value, idx is lost"})...),
			sub("prepare", "have the server prepare a dataset", "ai_prepare_dataset.py", "prepare --password-file secret -f requests/prepare-new-dataset.json",
				antinexPrepare, append(wait, file())...),
			sub("job", "show a job, or list the newest", "ai_get_job.py", "job --password-file secret --id 1",
				antinexJob, id()),
			sub("results", "show a result, or list the newest", "ai_get_results.py", "results --password-file secret --id 1 -o predictions.json",
				antinexResults, id(), predictions),
			sub("prepared", "show a prepared dataset", "ai_get_prepared_dataset.py", "prepared --password-file secret --id 1",
				antinexPrepared, id()),
		},
	}
}

func withAntinex(c *cli.Context, action func(*cli.Context, *api.Client) error) error {
	if c.NArg() > 0 {
		return usagef("antinex %s: %q is no flag", c.Command.Name, c.Args().First())
	}
	s, err := antinexSettings(c)
	if err != nil {
		return err
	}
	client, err := antinexClient(c, s)
	if err != nil {
		return err
	}
	return action(c, client)
}

// requestOf is the JSON object in the file that -f names.
func requestOf(c *cli.Context) (request map[string]any, err error) {
	path := c.String("request-file")
	if path == "" {
		return nil, usagef("antinex %s: where is the request? Name its file with -f", c.Command.Name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &request); err != nil {
		return nil, fmt.Errorf("%s: no request: %w", path, err)
	}
	return request, nil
}

// waiting bounds how long a command asks.
func waiting(c *cli.Context) (context.Context, context.CancelFunc) {
	if limit := c.Duration("timeout"); limit > 0 {
		return context.WithTimeout(c.Context, limit)
	}
	return context.WithCancel(c.Context)
}

func antinexTrain(c *cli.Context, client *api.Client) error {
	request, err := requestOf(c)
	if err != nil {
		return err
	}
	return runJob(c, client, request)
}

func antinexPredict(c *cli.Context, client *api.Client) error {
	s, err := antinexSettings(c)
	if err != nil {
		return err
	}
	request, err := s.PredictRequest(c.Bool("mock"))
	if err != nil {
		return err
	}
	return runJob(c, client, request)
}

func runJob(c *cli.Context, client *api.Client, request any) error {
	started, err := client.Start(c.Context, request)
	if err != nil {
		return err
	}
	if c.Bool("no-wait") {
		return summarise(c, map[string]any{"job": started.Job.Raw, "result": started.Result.Raw}, func(w io.Writer) {
			fmt.Fprintf(w, "job %d is %s; its result is %d\n", started.Job.ID, started.Job.Status, started.Result.ID)
		})
	}
	logger(c).Info("started", "job", started.Job.ID, "result", started.Result.ID)
	ctx, stop := waiting(c)
	defer stop()
	result, err := client.Wait(ctx, started, c.Duration("poll"))
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("job %d is not done after %s; ask again with pcapline antinex job -i %d", started.Job.ID, c.Duration("timeout"), started.Job.ID)
	}
	if err != nil {
		return err
	}
	return showResult(c, result)
}

func showResult(c *cli.Context, r *api.Result) error {
	out := c.String("output")
	if out != "" {
		rows := r.Predictions.Rows
		if rows == nil {
			rows = []json.RawMessage{}
		}
		text, err := json.MarshalIndent(map[string]any{"predictions": rows}, "", " ")
		if err != nil {
			return err
		}
		if err := sink.WriteFile(out, append(text, '\n')); err != nil {
			return err
		}
	}
	return summarise(c, r.Raw, func(w io.Writer) {
		fmt.Fprintf(w, "result %d of job %d is %s; %d predictions\n", r.ID, r.Job, r.Status, len(r.Predictions.Rows))
		if a := r.Accuracy.Accuracy; a != nil && *a >= 0 {
			fmt.Fprintf(w, "accuracy by the server's own reckoning: %.3f %%\n", *a)
		}
		if out != "" {
			fmt.Fprintf(w, "wrote %s\n", out)
		}
	})
}

func antinexPrepare(c *cli.Context, client *api.Client) error {
	request, err := requestOf(c)
	if err != nil {
		return err
	}
	p, err := client.Prepare(c.Context, request)
	if err != nil {
		return err
	}
	if !c.Bool("no-wait") {
		ctx, stop := waiting(c)
		defer stop()
		if p, err = client.WaitPrepared(ctx, p.ID, c.Duration("poll")); err != nil {
			return err
		}
	}
	return showPrepared(c, p)
}

func showPrepared(c *cli.Context, p *api.Prepared) error {
	return showRecord(c, p.Raw, func(w io.Writer) { fmt.Fprintf(w, "prepared dataset %d is %s\n", p.ID, p.Status) })
}

// showRecord prints a line and the whole record behind it; with --json the
// record alone.
func showRecord(c *cli.Context, raw json.RawMessage, line func(io.Writer)) error {
	return summarise(c, raw, func(w io.Writer) {
		line(w)
		if text, err := json.MarshalIndent(raw, "", "  "); err == nil {
			fmt.Fprintf(w, "%s\n", text)
		}
	})
}

func antinexJob(c *cli.Context, client *api.Client) error {
	if id := c.Int64("id"); id != 0 {
		j, err := client.Job(c.Context, id)
		if err != nil {
			return err
		}
		return showRecord(c, j.Raw, func(w io.Writer) { fmt.Fprintf(w, "job %d is %s\n", j.ID, j.Status) })
	}
	jobs, err := client.Jobs(c.Context)
	if err != nil {
		return err
	}
	all := []json.RawMessage{}
	for _, j := range jobs {
		all = append(all, j.Raw)
	}
	return summarise(c, all, func(w io.Writer) {
		for _, j := range jobs {
			fmt.Fprintf(w, "%6d  %-10s %s  %s\n", j.ID, j.Status, j.Created, j.Title)
		}
	})
}

func antinexResults(c *cli.Context, client *api.Client) error {
	if id := c.Int64("id"); id != 0 {
		r, err := client.Result(c.Context, id)
		if err != nil {
			return err
		}
		return showResult(c, r)
	}
	results, err := client.Results(c.Context)
	if err != nil {
		return err
	}
	all := []json.RawMessage{}
	for _, r := range results {
		all = append(all, r.Raw)
	}
	return summarise(c, all, func(w io.Writer) {
		for _, r := range results {
			fmt.Fprintf(w, "%6d  of job %d  %-10s %d predictions\n", r.ID, r.Job, r.Status, len(r.Predictions.Rows))
		}
	})
}

func antinexPrepared(c *cli.Context, client *api.Client) error {
	if c.Int64("id") == 0 {
		return usagef("antinex prepared: which one? Name its number with -i")
	}
	p, err := client.Prepared(c.Context, c.Int64("id"))
	if err != nil {
		return err
	}
	return showPrepared(c, p)
}
