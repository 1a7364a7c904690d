package lake

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/transform"
)

// Manifest is what a run says of itself. It is the same for the same captures,
// configuration and runs before, on whatever machines it was made; how long that
// took is in another file.
type Manifest struct {
	Version     int               `json:"version"` // 1
	Tool        string            `json:"tool"`
	Run         string            `json:"run"`
	After       string            `json:"after"` // the run before; "": none
	Config      Config            `json:"config"`
	Rules       []string          `json:"rules,omitempty"` // SHA-256 of the files of label rules
	Shards      int               `json:"shards"`
	Sensors     []SensorRun       `json:"sensors"`
	Ledger      *transform.Ledger `json:"ledger"` // of all sensors
	Quarantined []Quarantined     `json:"quarantined"`
	Outputs     []File            `json:"outputs"`
	Compacted   bool              `json:"compacted,omitempty"` // files of packets were joined since

	Expired bool `json:"-"` // the tables were deleted
}

// SensorRun is what a run has of one sensor.
type SensorRun struct {
	Sensor  string            `json:"sensor"`
	Span    bool              `json:"span"`
	Carry   bool              `json:"carry"`
	Earlier []transform.Input `json:"earlier,omitempty"` // captures of the run before that file_id counts first
	After   string            `json:"after,omitempty"`   // the run whose open flows go on here
	Inputs  []transform.Input `json:"inputs"`
	Ledger  *transform.Ledger `json:"ledger"`
	State   *File             `json:"state,omitempty"` // flows that go on in the next run
	Labels  any               `json:"labels,omitempty"`
}

// Quarantined is a capture of which nothing could be read.
type Quarantined struct {
	Sensor string `json:"sensor"`
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // "" where it could not be opened
	Reason string `json:"reason"`
	Retry  bool   `json:"retry,omitempty"` // it could not be opened; the next run tries again when it can be
}

// File is an output below the run's folder.
type File struct {
	Path       string `json:"path"`
	SHA256     string `json:"sha256"`
	Bytes      int64  `json:"bytes"`
	Rows       int64  `json:"rows,omitempty"`
	SchemaHash string `json:"schema_hash,omitempty"`
}

// Table is the table that the file is of: packets or flows; "" of others.
func (f *File) Table() string {
	for part := range strings.SplitSeq(f.Path, "/") {
		if t, ok := strings.CutPrefix(part, tablePrefix); ok {
			return t
		}
	}
	return ""
}

// Timings is how long a run took. It stands beside the manifest, so that the
// manifest is the same on every machine.
type Timings struct {
	Shards  []float64 `json:"shard_seconds"`
	Packets []int64   `json:"shard_packets"`
	Commit  float64   `json:"commit_seconds"`
}

// ReadManifest reads a run's manifest.
func ReadManifest(path string) (*Manifest, error) {
	m := new(Manifest)
	if err := readJSON(path, m); err != nil {
		return nil, err
	}
	if m.Version != 1 {
		return nil, fmt.Errorf("%s: version %d of manifests is not known", path, m.Version)
	}
	return m, nil
}

// number is the run's place among all runs ever.
func (m *Manifest) number() int {
	head, _, _ := strings.Cut(m.Run, "-")
	n, _ := strconv.Atoi(head) // 0 where a name was made by hand
	return n
}

// Damaged says whether some input was damaged or skipped.
func (m *Manifest) Damaged() bool { return len(m.Ledger.Damaged)+len(m.Quarantined) > 0 }
