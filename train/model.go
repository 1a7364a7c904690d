package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/mlp"
)

// Header is what a model file says about its weights; it is the file's JSON.
type Header struct {
	Format  string    `json:"format"`
	Network mlp.Shape `json:"network"`
	Kernel  string    `json:"kernel"` // it was trained with; see [Model.Kernel]

	Classes []string `json:"classes"`
	Benign  int      `json:"benign"` // index of the benign class

	Columns  []string        `json:"columns"`     // features, in order
	Table    string          `json:"table"`       // that the features come from: "packets" or "flows"
	Schema   string          `json:"schema_hash"` // of that table
	Pipeline json.RawMessage `json:"pipeline"`    // features.Pipeline: from table to features; null when rows come as features

	Threshold Threshold  `json:"threshold"`
	Manifest  Manifest   `json:"manifest"`
	Reference *Reference `json:"reference,omitempty"` // nil in files of version 1
}

// Threshold is the score from which on a row is called an attack.
type Threshold struct {
	Value  float32 `json:"value"`
	Target float64 `json:"target_fpr"`
	Part   string  `json:"part"` // it was chosen on: "valid", or "none" when there were no benign validation rows and it is 0.5
}

// Manifest says where a model comes from. It has no time and no host: the
// same training gives the same file.
type Manifest struct {
	Config    Config  `json:"config"`
	Tool      string  `json:"tool"` // name and version; set by the caller
	Go        string  `json:"go"`
	Arch      string  `json:"arch"`
	Library   string  `json:"library,omitempty"` // version and CPU of the kernel's library: another one gives other bits
	TrainRows []int   `json:"train_rows"`        // by class
	ValidRows []int   `json:"valid_rows"`
	History   History `json:"history"`

	// ShuffleBuffer is how many rows were shuffled together where the data
	// were streamed; 0: all of them.
	ShuffleBuffer int `json:"shuffle_buffer,omitempty"`

	Provenance json.RawMessage `json:"provenance"` // of the dataset: input hashes, split, seeds; set by the caller
}

// Model is a trained network. Scoring is safe for concurrent use; the
// exported fields may be set between [Fit] and [Model.Save].
type Model struct {
	Header
	params []float32
	layers []mlp.Layer
	kernel blas.Kernel
	pool   *sync.Pool // of *scratch
}

// scoreChunk is how many rows pass through the layers together: enough to
// use a strip of weights well, few enough to stay in the cache. It is a
// multiple of each kernel's block.
const scoreChunk = 64

type scratch struct{ x, a, b, logits []float32 }

func newModel(h Header, params []float32, kernel blas.Kernel) *Model {
	width, outputs := h.Network.Width(), h.Network.Outputs
	return &Model{
		Header: h, params: params, layers: h.Network.Layers(), kernel: kernel,
		pool: &sync.Pool{New: func() any {
			return &scratch{nil, make([]float32, scoreChunk*width), make([]float32, scoreChunk*width), make([]float32, scoreChunk*outputs)}
		}},
	}
}

// ScoringKernel is the kernel that scores: the one of the training where the
// CPU has it, else plain Go, whose scores may differ in the last bits.
func (m *Model) ScoringKernel() string { return m.kernel.String() }

// Digest is the SHA-256 of the model's file, in hexadecimal.
func (m *Model) Digest() (string, error) {
	file, err := m.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:]), nil
}

// FeaturePipeline reads the transforms; nil when the model has none.
func (m *Model) FeaturePipeline() (*features.Pipeline, error) {
	if len(m.Pipeline) == 0 || string(m.Pipeline) == "null" {
		return nil, nil
	}
	return features.ParsePipeline(m.Pipeline)
}

// Accepts reports how features or their table differ from what the model was
// trained on. An empty hash is not compared.
func (m *Model) Accepts(columns []string, schemaHash string) error {
	if schemaHash != "" && m.Schema != "" && schemaHash != m.Schema {
		return fmt.Errorf("the table's schema is %s, the model was trained on %s", schemaHash, m.Schema)
	}
	if len(columns) != len(m.Columns) {
		return fmt.Errorf("%d feature columns, the model has %d", len(columns), len(m.Columns))
	}
	for i, c := range columns {
		if c != m.Columns[i] {
			return fmt.Errorf("feature column %d is %s, the model has %s there", i, c, m.Columns[i])
		}
	}
	return nil
}

// Score writes the attack score, 1 − P(benign), of each of n rows to out.
// rows is n × len(Columns), row-major, scaled as in training. A value that is
// not finite is an error that names its row and column.
func (m *Model) Score(rows []float32, n int, out []float32) error {
	if len(out) < n {
		return fmt.Errorf("%d places for %d scores", len(out), n)
	}
	return m.forward(rows, n, func(lo int, z []float32) { m.attackScores(z, out[lo:]) })
}

// Probabilities writes the probability of every class for each of n rows to
// out, n × len(Classes).
func (m *Model) Probabilities(rows []float32, n int, out []float32) error {
	c := len(m.Classes)
	if len(out) < n*c {
		return fmt.Errorf("%d places for %d × %d probabilities", len(out), n, c)
	}
	return m.forward(rows, n, func(lo int, z []float32) {
		if m.Network.Outputs > 1 {
			for i := 0; i < len(z); i += c {
				mlp.Softmax(out[lo*c+i:lo*c+i+c], z[i:i+c])
			}
			return
		}
		for i, v := range z {
			row := out[(lo+i)*2 : (lo+i)*2+2]
			row[1-m.Benign] = float32(mlp.Sigmoid(float64(v)))
			row[m.Benign] = float32(mlp.Sigmoid(-float64(v)))
		}
	})
}

// attackScores turns logits into scores. The probabilities of the attacks are
// added up rather than taken from 1, which would lose the small ones.
func (m *Model) attackScores(z, out []float32) {
	c := m.Network.Outputs
	if c == 1 {
		for i, v := range z {
			out[i] = float32(mlp.Sigmoid(float64(v)))
		}
		return
	}
	for i := 0; i < len(z); i += c {
		row := z[i : i+c]
		mlp.Softmax(row, row)
		sum := 0.0
		for j, p := range row {
			if j != m.Benign {
				sum += float64(p)
			}
		}
		out[i/c] = float32(min(sum, 1))
	}
}

// forward hands the logits of each chunk, which begins at row lo, to use.
func (m *Model) forward(rows []float32, n int, use func(lo int, z []float32)) error {
	in := m.Network.Inputs
	if n < 0 || len(rows) != n*in {
		return fmt.Errorf("%d values are not %d rows of the model's %d columns", len(rows), n, in)
	}
	s := m.pool.Get().(*scratch)
	defer m.pool.Put(s)
	for lo := 0; lo < n; lo += scoreChunk {
		k := min(scoreChunk, n-lo)
		x := rows[lo*in : (lo+k)*in]
		if !m.kernel.Finite(x) {
			for i := range k {
				if err := checkRow(x[i*in:(i+1)*in], lo+i, m.Columns); err != nil {
					return err
				}
			}
		}
		whole := k
		if block := m.kernel.Block(); k%block != 0 {
			whole = (k + block - 1) / block * block
			x = s.padded(x, whole*in)
		}
		z := s.logits[:whole*m.Network.Outputs]
		mlp.Forward(m.kernel, m.layers, m.params, x, whole, s.a, s.b, z)
		use(lo, z[:k*m.Network.Outputs])
	}
	return nil
}

// padded is x with zeros behind it.
func (s *scratch) padded(x []float32, size int) []float32 {
	s.x = slices.Grow(s.x[:0], size)[:size]
	clear(s.x[copy(s.x, x):])
	return s.x
}

// inParallel scores n rows in as many goroutines as there are processors;
// score gets stretches of whole chunks.
func inParallel(n int, score func(lo, hi int) error) error {
	workers := min(runtime.GOMAXPROCS(0), (n+scoreChunk-1)/scoreChunk)
	if workers < 2 {
		return score(0, n)
	}
	chunks := (n + scoreChunk - 1) / scoreChunk
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		lo, hi := chunks*w/workers*scoreChunk, min(n, chunks*(w+1)/workers*scoreChunk)
		wg.Go(func() { errs[w] = score(lo, hi) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
