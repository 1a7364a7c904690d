package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
)

// stretches are the rows of a part in chunks of uneven sizes.
type stretches struct {
	rows  *part
	cols  int
	size  int
	fails int // chunk that cannot be read; −1: none
}

func (s *stretches) Chunks() int { return (s.rows.n + s.size - 1) / s.size }

func (s *stretches) Reader() (features.ChunkReader, error) { return s, nil }

func (s *stretches) Close() error { return nil }

func (s *stretches) Read(_ context.Context, chunk int, visit func(x []float32, class []int32) error) error {
	if chunk == s.fails {
		return errors.New("the disk is gone")
	}
	for lo := chunk * s.size; lo < min(s.rows.n, (chunk+1)*s.size); {
		hi := min(lo+1+chunk%7, s.rows.n, (chunk+1)*s.size)
		if err := visit(s.rows.x[lo*s.cols:hi*s.cols], s.rows.class[lo:hi]); err != nil {
			return err
		}
		lo = hi
	}
	return nil
}

func streamOf(d *Data, size int) *Stream {
	of := func(p features.Part) *stretches {
		return &stretches{rows: d.pack(p), cols: d.X.Cols(), size: size, fails: -1}
	}
	return &Stream{Names: d.X.Names, Classes: d.Classes, Benign: d.Benign, Train: of(features.Train), Valid: of(features.Valid)}
}

func mustStream(t *testing.T, s *Stream, c Config) *Model {
	t.Helper()
	m, _, err := FitStream(context.Background(), s, c, Checkpoints{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Rows in their own order are the same rows whether they are read or in
// memory, and so is all that comes of them.
func TestStreamInOrderIsTheModelFromMemory(t *testing.T) {
	for name, d := range map[string]*Data{"two": moons(700, 2, 3), "three": moons(700, 3, 3)} {
		for _, target := range []string{"class", "binary"} {
			c := quick()
			c.NoShuffle, c.Epochs, c.Target = true, 4, target
			want, _ := mustFit(t, d, c)
			for _, size := range []int{1, 64, 100_000} {
				got := mustStream(t, streamOf(d, size), c)
				if got.Manifest.ShuffleBuffer == 0 {
					t.Error("the manifest does not say that rows were streamed")
				}
				got.Manifest.ShuffleBuffer = 0
				if !bytes.Equal(mustEncode(t, got), mustEncode(t, want)) {
					t.Errorf("%s, target %s, chunks of %d rows: another model", name, target, size)
				}
			}
		}
	}
}

// A model that was streamed is verified as others are.
func TestStreamedModelIsRescored(t *testing.T) {
	d := moons(900, 3, 4)
	c := quick()
	c.Epochs = 5
	m := mustStream(t, streamOf(d, 50), c)
	proofs, err := m.Rescore(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range proofs {
		if !p.Holds {
			t.Errorf("%s: %s", p.What, p.Detail)
		}
	}
}

func TestStreamSameBytesForAnyGOMAXPROCS(t *testing.T) {
	d := moons(1200, 3, 2)
	c := quick()
	c.Dropout, c.Epochs = 0.1, 4
	var files [3][]byte
	for i := range files {
		procs := runtime.GOMAXPROCS(1 + i*i)
		files[i] = mustEncode(t, mustStream(t, streamOf(d, 70), c))
		runtime.GOMAXPROCS(procs)
	}
	if !bytes.Equal(files[0], files[1]) || !bytes.Equal(files[0], files[2]) {
		t.Error("GOMAXPROCS 1, 2 and 5 give different models")
	}
	c.Seed = 1
	if m := mustStream(t, streamOf(d, 70), c); slices.Equal(m.params, decode(t, files[0]).params) {
		t.Error("another seed gives the same model")
	}
}

func TestStreamResumes(t *testing.T) {
	d := moons(400, 3, 21)
	c := trainings()["adam"]
	want := mustEncode(t, mustStream(t, streamOf(d, 30), c))
	keep := Checkpoints{Path: filepath.Join(t.TempDir(), "checkpoint"), Every: 2, Resume: true}
	ctx, cancel := context.WithCancel(context.Background())
	_, _, err := FitStream(ctx, streamOf(d, 30), c, keep, func(e Epoch) {
		if e.Epoch == 5 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	first := 0
	m, _, err := FitStream(context.Background(), streamOf(d, 30), c, keep, func(e Epoch) {
		if first == 0 {
			first = e.Epoch
		}
	})
	if err != nil || first != 5 {
		t.Fatalf("resumed at epoch %d: %v", first, err)
	}
	if !bytes.Equal(mustEncode(t, m), want) {
		t.Error("stopped and resumed gives another model")
	}
	if _, _, err := FitStream(context.Background(), streamOf(moons(400, 3, 22), 30), c, keep, nil); err == nil || !strings.Contains(err.Error(), "the data differ") {
		t.Errorf("other data: %v", err)
	}
}

// Each epoch has each row once, in an order of its own.
func TestShuffledEpochs(t *testing.T) {
	d := moons(500, 2, 5)
	for i := range d.X.Rows {
		d.X.Row(i)[2] = float32(i) // to know it by
	}
	for _, limit := range []int{1, 40, 10_000} {
		s := newStreamed(streamOf(d, 33), quick().WithDefaults())
		s.buffer.limit = limit
		source := rand.NewPCG(1, 2)
		var orders [2][]int
		for e := range orders {
			err := s.epoch(context.Background(), source, func(x []float32, class int32) error {
				at := int(x[2])
				if d.Class[at] != class || d.X.Row(at)[0] != x[0] {
					t.Fatalf("row %d came as another one", at)
				}
				orders[e] = append(orders[e], at)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if slices.Equal(orders[0], orders[1]) {
			t.Errorf("a buffer of %d rows: two epochs in one order", limit)
		}
		var want []int
		for _, r := range d.rows(features.Train) {
			want = append(want, int(r))
		}
		for _, got := range orders {
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("a buffer of %d rows: %d rows, want %d, each once", limit, len(got), len(want))
			}
		}
	}
}

func TestStreamLearns(t *testing.T) {
	d := moons(1200, 3, 1)
	s := streamOf(d, 100)
	c := quick().WithDefaults()
	f, err := newStreamFitter(context.Background(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	f.rows.(*streamed).buffer.limit = 50 // far less than there are
	m, _, err := f.fit(context.Background(), Checkpoints{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(context.Background(), m, d, EvalConfig{Baselines: []string{}})
	if err != nil || r.Results[0].PRAUC < 0.97 {
		t.Errorf("%v: %v", r.Results[0].PRAUC, err)
	}
}

func TestBadStreams(t *testing.T) {
	c := quick()
	c.Epochs = 2
	for want, spoil := range map[string]func(d *Data, s *Stream){
		"train rows: row 3, column y: NaN is not a finite number": func(d *Data, s *Stream) { s.Train.(*stretches).rows.x[3*3+1] = float32(math.NaN()) },
		"valid rows: row 2, column x: +Inf is not a finite":       func(d *Data, s *Stream) { s.Valid.(*stretches).rows.x[2*3] = float32(math.Inf(1)) },
		"constant in all training rows, so drop from the dataset: noise": func(d *Data, s *Stream) {
			for i := range s.Train.(*stretches).rows.n {
				s.Train.(*stretches).rows.x[i*3+2] = 7
			}
		},
		"training rows are benign": func(d *Data, s *Stream) { clear(s.Train.(*stretches).rows.class) },
		"training rows are attacks": func(d *Data, s *Stream) {
			for i := range s.Train.(*stretches).rows.class {
				s.Train.(*stretches).rows.class[i] = 1
			}
		},
		"no training rows":          func(d *Data, s *Stream) { s.Train = &stretches{rows: &part{}, size: 1, fails: -1} },
		"no feature columns":        func(d *Data, s *Stream) { s.Names = nil },
		"there must be two":         func(d *Data, s *Stream) { s.Classes = s.Classes[:1] },
		"\"x\" is empty or there t": func(d *Data, s *Stream) { s.Names = []string{"x", "x", "noise"} },
		"the disk is gone":          func(d *Data, s *Stream) { s.Train.(*stretches).fails = 2 },
	} {
		d := moons(400, 2, 9)
		s := streamOf(d, 25)
		spoil(d, s)
		if _, _, err := FitStream(context.Background(), s, c, Checkpoints{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// Without validation rows the last epoch counts, as in memory.
func TestStreamWithoutValidationRows(t *testing.T) {
	s := streamOf(moons(400, 2, 7), 25)
	s.Valid = &stretches{rows: &part{}, size: 1, fails: -1}
	c := quick()
	c.Epochs = 3
	m := mustStream(t, s, c)
	if h := m.Manifest.History; h.Monitor != "none" || h.Best != 3 || m.Threshold.Part != "none" {
		t.Errorf("%+v, %+v", h, m.Threshold)
	}
}

func TestStreamsByMemory(t *testing.T) {
	c := Config{Memory: 1 << 27}
	if c.Streams(1<<27/bytesPerRow(8), 8) || !c.Streams(1<<27/bytesPerRow(8)+1, 8) {
		t.Error("128 MiB do not hold what fits into them, or hold more")
	}
	if (Config{}).Streams(1_000_000, 20) || !(Config{}).Streams(50_000_000, 8) {
		t.Error("by default a gigabyte")
	}
}
