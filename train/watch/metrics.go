package watch

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics gives the counts of a watch to Prometheus and whoever reads its
// formats. Update is for Options.Stats; the rest is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	stats    atomic.Pointer[Stats]
}

// NewMetrics makes the metrics of one watch.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(m)
	return m
}

// Update takes the counts to show from now on.
func (m *Metrics) Update(s *Stats) { m.stats.Store(s) }

// Gatherer is what an endpoint (promhttp.HandlerFor) serves.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// WriteFile writes the metrics for node_exporter's textfile collector; the file
// appears only when it is whole.
func (m *Metrics) WriteFile(path string) error {
	return prometheus.WriteToTextfile(path, m.registry)
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("pcapline_watch_"+name, help, labels, nil)
}

// metric is one without labels, and how it follows from Stats.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*Stats) float64
}

func counter(name, help string, of func(*Stats) int64) metric {
	return metric{desc(name, help), prometheus.CounterValue, func(s *Stats) float64 { return float64(of(s)) }}
}

func gauge(name, help string, of func(*Stats) float64) metric {
	return metric{desc(name, help), prometheus.GaugeValue, of}
}

var plain = []metric{
	counter("packets_total", "Packets read from the spool, shed ones included.", func(s *Stats) int64 { return s.Packets }),
	counter("bytes_total", "Captured bytes of these packets.", func(s *Stats) int64 { return s.Bytes }),
	counter("shed_packets_total", "Packets passed over unscored because the watch was too far behind.", func(s *Stats) int64 { return s.Shed }),
	counter("dropped_packets_total", "Packets lost before they were in the spool, as its segments say.", func(s *Stats) int64 { return s.Tail.Dropped }),
	counter("not_in_flow_packets_total", "Packets that belong to no flow.", func(s *Stats) int64 { return s.NotInFlow }),
	counter("missing_segments_total", "Segments that were deleted before they were read.", func(s *Stats) int64 { return s.Tail.Missing }),
	counter("damaged_segments_total", "Segments that ended in something unreadable.", func(s *Stats) int64 { return s.Tail.Damaged }),
	counter("rows_total", "Rows scored.", func(s *Stats) int64 { return s.Rows }),
	counter("alerts_total", "Rows whose score reached the threshold.", func(s *Stats) int64 { return s.Alerts }),
	counter("alerts_sent_total", "Alerts sent.", func(s *Stats) int64 { return s.Sent }),
	counter("output_errors_total", "Alerts that an output did not take.", func(s *Stats) int64 { return s.OutputErrors }),
	counter("checkpoints_total", "Checkpoints written by this run.", func(s *Stats) int64 { return s.Checkpoints }),
	counter("model_reloads_total", "Models taken in place of another by this run.", func(s *Stats) int64 { return s.Reloads }),
	counter("model_reloads_refused_total", "Models that could not be taken.", func(s *Stats) int64 { return s.ReloadsRefused }),
	gauge("lag_bytes", "Bytes of the spool that are not read yet.", func(s *Stats) float64 { return float64(s.LagBytes) }),
	gauge("lag_seconds", "From the last packet read to the begin of the newest segment, by the packets' time.", func(s *Stats) float64 { return s.LagSeconds }),
	gauge("open_flows", "Flows that have not ended.", func(s *Stats) float64 { return float64(s.OpenFlows) }),
	gauge("threshold", "Score from which on a row is an alert.", func(s *Stats) float64 { return s.Threshold }),
	gauge("last_packet_timestamp_seconds", "Time of the latest packet, since 1970.", func(s *Stats) float64 { return float64(s.Last.UnixMilli()) / 1e3 }),
	gauge("drifted_features", fmt.Sprintf("Features whose population stability index is above %v.", muchDrift), func(s *Stats) float64 { return float64(s.Drifted) }),
}

var (
	suppressed = desc("alerts_suppressed_total", "Alerts not sent, by reason: duplicate, one alike was sent lately; rate, too many.", "reason")
	malformed  = desc("malformed_packets_total", "Packets decoded in part, by layer and reason.", "reason")
	psi        = desc("feature_psi", "Population stability index of a feature against the training rows; below 0.1 nothing has changed, above 0.25 much has.", "feature")
	scores     = desc("score", "Scores of the rows, of this run.")
	modelInfo  = desc("model_info", "The model in use, by the SHA-256 of its file.", "sha256")
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for i := range plain {
		ch <- plain[i].desc
	}
	for _, d := range []*prometheus.Desc{suppressed, malformed, psi, scores, modelInfo} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.stats.Load()
	if s == nil {
		return
	}
	for i := range plain {
		ch <- prometheus.MustNewConstMetric(plain[i].desc, plain[i].kind, plain[i].of(s))
	}
	labelled := func(d *prometheus.Desc, counts map[string]int64) {
		for _, k := range slices.Sorted(maps.Keys(counts)) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(counts[k]), k)
		}
	}
	labelled(suppressed, s.Suppressed)
	labelled(malformed, s.Malformed)
	for i, v := range s.PSI {
		ch <- prometheus.MustNewConstMetric(psi, prometheus.GaugeValue, v, s.Columns[i])
	}
	ch <- prometheus.MustNewConstMetric(modelInfo, prometheus.GaugeValue, 1, s.Model)
	ch <- s.histogram()
}

// histogram is the scores with buckets of a twentieth.
func (s *Stats) histogram() prometheus.Metric {
	buckets := make(map[float64]uint64, scoreBins)
	var n uint64
	for i, k := range s.Scores {
		n += uint64(k)
		buckets[float64(i+1)/scoreBins] = n
	}
	return prometheus.MustNewConstHistogram(scores, n, s.ScoreSum, buckets)
}
