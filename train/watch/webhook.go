package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// webhook posts alerts as lines of JSON (application/x-ndjson), several at once
// when they come fast. A goroutine does it, so that a slow receiver holds up
// nothing; what it cannot take within the retries, or the queue has no room
// for, is an error of the next Send.
type webhook struct {
	url   *url.URL
	queue chan []byte
	done  chan struct{}
	stop  context.CancelFunc

	mu   sync.Mutex
	lost []error
}

const (
	webhookQueue   = 1024
	webhookBatch   = 100
	webhookTries   = 5
	webhookTimeout = 10 * time.Second
	webhookClosing = 5 * time.Second // what is left to send may take so long at the end
)

func newWebhook(u *url.URL) *webhook {
	ctx, stop := context.WithCancel(context.Background())
	h := &webhook{url: u, queue: make(chan []byte, webhookQueue), done: make(chan struct{}), stop: stop}
	go h.run(ctx)
	return h
}

func (h *webhook) Send(line []byte) error {
	select {
	case h.queue <- line:
	default:
		return errors.Join(h.takeLost(), fmt.Errorf("%d alerts wait already", webhookQueue))
	}
	return h.takeLost()
}

func (h *webhook) takeLost() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := errors.Join(h.lost...)
	h.lost = nil
	return err
}

func (h *webhook) run(ctx context.Context) {
	defer close(h.done)
	for line := range h.queue {
		body, n := bytes.Clone(line), 1
		for more := true; more && n < webhookBatch; {
			select {
			case line, more = <-h.queue:
				if more {
					body, n = append(body, line...), n+1
				}
			default:
				more = false
			}
		}
		if err := h.post(ctx, body); err != nil {
			h.mu.Lock()
			h.lost = append(h.lost, fmt.Errorf("%d alerts: %w", n, err))
			h.mu.Unlock()
		}
	}
}

// post tries again after 0.5, 1, 2 and 4 s; a receiver that refuses the alerts
// themselves (4xx) is not asked again.
func (h *webhook) post(ctx context.Context, body []byte) (err error) {
	for try := range webhookTries {
		if try > 0 {
			select {
			case <-time.After(time.Second / 4 << try):
			case <-ctx.Done():
				return errors.Join(ctx.Err(), err)
			}
		}
		var again bool
		if again, err = h.try(ctx, body); err == nil || !again {
			return err
		}
	}
	return err
}

func (h *webhook) try(ctx context.Context, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url.String(), bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return true, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // so that the connection is used again
	_ = res.Body.Close()
	if res.StatusCode >= 300 {
		again = res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests
		return again, fmt.Errorf("%s: %s", h.url.Redacted(), res.Status)
	}
	return false, nil
}

// Close sends what waits, within a few seconds.
func (h *webhook) Close() error {
	close(h.queue)
	select {
	case <-h.done:
	case <-time.After(webhookClosing):
	}
	h.stop()
	<-h.done
	return h.takeLost()
}

func (h *webhook) String() string { return h.url.Redacted() }
