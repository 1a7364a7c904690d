package main

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train/watch"
)

// textfileEvery is how often --metrics-file is written: node_exporter reads it
// at each scrape, which are seldom closer.
const textfileEvery = 10 * time.Second

// watchMetrics serves and writes the metrics that were asked for. The function
// takes what the watch reports; nil where nobody asked.
func watchMetrics(c *cli.Context) (report func(*watch.Stats), stop func(), err error) {
	addr, path := c.String("metrics"), c.String("metrics-file")
	if addr == "" && path == "" {
		return nil, func() {}, nil
	}
	m := watch.NewMetrics()
	stop = func() {}
	if addr != "" {
		if stop, err = serveMetrics(c, addr, m); err != nil {
			return nil, nil, err
		}
	}
	var written time.Time
	report = func(s *watch.Stats) {
		m.Update(s)
		if path == "" || time.Since(written) < textfileEvery {
			return
		}
		written = time.Now()
		if err := m.WriteFile(path); err != nil {
			logger(c).Warn("metrics not written", "error", err)
		}
	}
	end := stop
	stop = func() {
		end()
		if path == "" {
			return
		}
		if err := m.WriteFile(path); err != nil {
			logger(c).Warn("metrics not written", "error", err)
		}
	}
	return report, stop, nil
}

// serveMetrics listens before the watch begins, so that a wrong address is an
// error and not a line in the log.
func serveMetrics(c *cli.Context, addr string, m *watch.Metrics) (stop func(), err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(m.Gatherer(), promhttp.HandlerOpts{EnableOpenMetrics: true}))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			logger(c).Warn("metrics are not served any more", "error", err)
		}
	}()
	logger(c).Info("metrics", "url", "http://"+l.Addr().String()+"/metrics")
	return func() { _ = s.Close() }, nil
}
