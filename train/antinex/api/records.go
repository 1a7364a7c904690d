package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Job is what is read of a job's record; Raw is all of it.
type Job struct {
	ID      int64  `json:"id"`
	Status  string `json:"status"`
	Title   string `json:"title"`
	Desc    string `json:"desc"`
	Created string `json:"created"`

	Raw json.RawMessage `json:"-"`
}

// Result is what is read of a result's record; Raw is all of it.
type Result struct {
	ID       int64  `json:"id"`
	Job      int64  `json:"job_id"`
	Status   string `json:"status"`
	Accuracy struct {
		Accuracy *float64 `json:"accuracy"` // percent; -1 until it is known
	} `json:"acc_data"`
	Error       json.RawMessage `json:"error_data"`
	Predictions struct {
		Rows []json.RawMessage `json:"predictions"`
	} `json:"predictions_json"`

	Raw json.RawMessage `json:"-"`
}

// Prepared is what is read of the record of a prepared dataset.
type Prepared struct {
	ID     int64  `json:"id"`
	Status string `json:"status"`

	Raw json.RawMessage `json:"-"`
}

// UnmarshalJSON keeps the whole record, with the broker's URL taken out that
// the server shows to every user of it.
func (j *Job) UnmarshalJSON(text []byte) (err error) {
	type plain Job
	if err := json.Unmarshal(text, (*plain)(j)); err != nil {
		return err
	}
	j.Raw, err = withoutNode(text)
	return err
}

// UnmarshalJSON keeps the whole record.
func (r *Result) UnmarshalJSON(text []byte) error {
	type plain Result
	r.Raw = slices.Clone(text)
	return json.Unmarshal(text, (*plain)(r))
}

// UnmarshalJSON keeps the whole record.
func (p *Prepared) UnmarshalJSON(text []byte) error {
	type plain Prepared
	p.Raw = slices.Clone(text)
	return json.Unmarshal(text, (*plain)(p))
}

func withoutNode(text []byte) (json.RawMessage, error) {
	var record map[string]json.RawMessage
	if err := json.Unmarshal(text, &record); err != nil {
		return nil, err
	}
	var manifest map[string]json.RawMessage
	if json.Unmarshal(record["predict_manifest"], &manifest) == nil && manifest["worker_result_node"] != nil {
		delete(manifest, "worker_result_node")
		m, err := json.Marshal(manifest)
		if err != nil {
			return nil, err
		}
		record["predict_manifest"] = m
	}
	return json.Marshal(record)
}

// Started is a job and the record that its result will be in.
type Started struct {
	Job    Job    `json:"job"`
	Result Result `json:"results"`
}

// Start posts a request to train or to predict.
func (c *Client) Start(ctx context.Context, request any) (*Started, error) {
	var s Started
	if err := c.call(ctx, http.MethodPost, "/ml/", request, &s, http.StatusCreated); err != nil {
		return nil, err
	}
	if s.Job.ID == 0 {
		return nil, fmt.Errorf("POST /ml/: the answer names no job")
	}
	return &s, nil
}

// Job reads a job.
func (c *Client) Job(ctx context.Context, id int64) (*Job, error) {
	var j Job
	return &j, c.call(ctx, http.MethodGet, fmt.Sprintf("/ml/%d/", id), nil, &j, http.StatusOK)
}

// Jobs lists the newest jobs; the server gives 20 at most. One job alone it
// gives without a list.
func (c *Client) Jobs(ctx context.Context) ([]Job, error) {
	return list(ctx, c, "/ml/", "jobs", func(j Job) int64 { return j.ID })
}

// Results lists the newest results, as Jobs does.
func (c *Client) Results(ctx context.Context) ([]Result, error) {
	return list(ctx, c, "/mlresults/", "results", func(r Result) int64 { return r.ID })
}

func list[T any](ctx context.Context, c *Client, path, key string, id func(T) int64) ([]T, error) {
	var text json.RawMessage
	if err := c.call(ctx, http.MethodGet, path, nil, &text, http.StatusOK); err != nil {
		return nil, err
	}
	var alone T
	if json.Unmarshal(text, &alone) == nil && id(alone) != 0 {
		return []T{alone}, nil
	}
	var lists map[string][]T
	if err := json.Unmarshal(text, &lists); err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	return lists[key], nil
}

// Result reads a result.
func (c *Client) Result(ctx context.Context, id int64) (*Result, error) {
	var r Result
	return &r, c.call(ctx, http.MethodGet, fmt.Sprintf("/mlresults/%d/", id), nil, &r, http.StatusOK)
}

// Prepare posts a request to prepare a dataset.
func (c *Client) Prepare(ctx context.Context, request any) (*Prepared, error) {
	var p Prepared
	return &p, c.call(ctx, http.MethodPost, "/mlprepare/", request, &p, http.StatusCreated)
}

// Prepared reads the record of a prepared dataset.
func (c *Client) Prepared(ctx context.Context, id int64) (*Prepared, error) {
	var p Prepared
	return &p, c.call(ctx, http.MethodGet, fmt.Sprintf("/mlprepare/%d/", id), nil, &p, http.StatusOK)
}

// JobError says that the server gave a job up.
type JobError struct {
	What   string // "job 4", "result 4"
	Detail string
}

func (e *JobError) Error() string { return fmt.Sprintf("%s ended with an error: %s", e.What, e.Detail) }

// ended are the words by which a job says that it is done; the Core's work may
// go on when it is launched, so a result has only the first two.
var ended = []string{"finished", "completed", "launched"}

// Wait asks every so often until a job and its result are done. A server that
// cannot be reached, or fails, is asked again; how long is the context's.
func (c *Client) Wait(ctx context.Context, s *Started, every time.Duration) (*Result, error) {
	for {
		j, err := c.Job(ctx, s.Job.ID)
		var r *Result
		switch {
		case err != nil:
		case j.Status == "error":
			return nil, &JobError{fmt.Sprintf("job %d", j.ID), c.detail(ctx, s.Result.ID)}
		case slices.Contains(ended, j.Status):
			r, err = c.Result(ctx, s.Result.ID)
			if err == nil && r.Status == "error" {
				return nil, &JobError{fmt.Sprintf("result %d", r.ID), c.quote(r.Error)}
			}
			if err == nil && slices.Contains(ended[:2], r.Status) {
				return r, nil
			}
		}
		if err != nil && !passing(err) {
			return nil, err
		}
		if err := pause(ctx, every); err != nil {
			return nil, err
		}
	}
}

func (c *Client) detail(ctx context.Context, result int64) string {
	r, err := c.Result(ctx, result)
	if err != nil {
		return "nothing more is known"
	}
	return c.quote(r.Error)
}

// WaitPrepared is Wait for a dataset.
func (c *Client) WaitPrepared(ctx context.Context, id int64, every time.Duration) (*Prepared, error) {
	for {
		p, err := c.Prepared(ctx, id)
		switch {
		case err == nil && p.Status == "error":
			return nil, &JobError{fmt.Sprintf("preparation %d", id), c.quote(p.Raw)}
		case err == nil && slices.Contains(ended[:2], p.Status):
			return p, nil
		case err != nil && !passing(err):
			return nil, err
		}
		if err := pause(ctx, every); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
