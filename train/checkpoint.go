package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/internal/graph"
	"github.com/pcapline/pcapline/transform/sink"
)

// Checkpoints say where a training is kept, so that one that was stopped goes
// on as if it had not been. The zero value keeps none.
type Checkpoints struct {
	Path   string
	Every  int  // epochs; 0: 1
	Resume bool // from Path, if it is there
}

// A checkpoint is laid out as a model is, see modelfile.go; its values are the
// parameters now, those of the best epoch, and the optimiser's two moments,
// each as long as the header says.
const (
	checkpointMagic   = "PCLCHKPT"
	checkpointVersion = 1
)

type checkpoint struct {
	Config  Config  `json:"config"`
	Arch    string  `json:"arch"`
	Data    string  `json:"data_sha256"` // of the training and validation rows
	History History `json:"history"`
	Order   []byte  `json:"order"`   // source of random numbers
	Dropout []byte  `json:"dropout"` // likewise
	Steps   int     `json:"steps"`
	Lengths [4]int  `json:"lengths"`
}

// save writes a checkpoint when it is time.
func (k Checkpoints) save(ctx context.Context, f *fitter) error {
	n := len(f.history.Epochs)
	if k.Path == "" || n%max(1, k.Every) != 0 {
		return nil
	}
	data, err := f.digest(ctx)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	c := checkpoint{Config: f.config, Arch: runtime.GOARCH, Data: data, History: f.history}
	if c.Order, err = f.source.MarshalBinary(); err != nil {
		return err
	}
	if c.Dropout, err = f.dropout.MarshalBinary(); err != nil {
		return err
	}
	state := f.trainer.State()
	c.Steps = state.Steps
	blocks := [][]float32{f.model.params, f.best, state.M, state.V}
	for i, b := range blocks {
		c.Lengths[i] = len(b)
	}
	head, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	file, err := seal(checkpointMagic, checkpointVersion, head, blocks...)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := sink.WriteFile(k.Path, file); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// resume puts a fitter where the checkpoint was.
func (k Checkpoints) resume(ctx context.Context, f *fitter) error {
	if !k.Resume {
		return nil
	}
	data, err := os.ReadFile(k.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = f.restore(ctx, data)
	}
	if err != nil {
		return fmt.Errorf("resume from %s: %w", k.Path, err)
	}
	return nil
}

func (f *fitter) restore(ctx context.Context, data []byte) error {
	head, values, err := unseal(data, checkpointMagic, checkpointVersion, checkpointVersion)
	if err != nil {
		return err
	}
	var c checkpoint
	dec := json.NewDecoder(bytes.NewReader(head))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return fmt.Errorf("offset %d: header: %w", prefixLen, err)
	}
	if err := f.belongs(ctx, &c); err != nil {
		return err
	}
	blocks := [4][]float32{}
	for i, n := range c.Lengths {
		if n < 0 || n > len(values) {
			return fmt.Errorf("offset %d: %d values are missing", prefixLen+len(head), n)
		}
		blocks[i], values = values[:n], values[n:]
	}
	if n := len(f.model.params); len(values) != 0 || c.Lengths[0] != n || (c.Lengths[1] != n && c.Lengths[1] != 0) {
		return fmt.Errorf("offset %d: the values are not those of a network of %d parameters", prefixLen+len(head), n)
	}
	if h := c.History; h.Best < 0 || h.Best > len(h.Epochs) || len(h.Epochs) > f.config.Epochs || (h.Best == 0) != (c.Lengths[1] == 0) {
		return fmt.Errorf("offset %d: header: a history of %d epochs, best %d", prefixLen, len(h.Epochs), h.Best)
	}
	for _, s := range []struct {
		source *rand.PCG
		state  []byte
	}{{f.source, c.Order}, {f.dropout, c.Dropout}} {
		if err := s.source.UnmarshalBinary(s.state); err != nil {
			return fmt.Errorf("offset %d: header: %w", prefixLen, err)
		}
	}
	if err := f.trainer.Restore(graph.State{Steps: c.Steps, M: blocks[2], V: blocks[3]}); err != nil {
		return err
	}
	copy(f.model.params, blocks[0])
	f.best = append(f.best[:0], blocks[1]...)
	f.history = c.History
	return nil
}

// belongs asks that the checkpoint is of this very training.
func (f *fitter) belongs(ctx context.Context, c *checkpoint) error {
	was, is := reflect.ValueOf(c.Config), reflect.ValueOf(f.config)
	for i := range was.NumField() {
		if !reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()) {
			before, _ := json.Marshal(was.Field(i).Interface()) // it was read from JSON
			now, _ := json.Marshal(is.Field(i).Interface())     // likewise when it is written
			return fmt.Errorf("it is of another training: its %s is %s, not %s", was.Type().Field(i).Tag.Get("json"), before, now)
		}
	}
	if c.Arch != runtime.GOARCH {
		return fmt.Errorf("it was made on %s, whose arithmetic may differ from that of %s", c.Arch, runtime.GOARCH)
	}
	data, err := f.digest(ctx)
	if err != nil {
		return err
	}
	if c.Data != data {
		return errors.New("it is of another training: the data differ")
	}
	return nil
}

// digest is of all that the training reads.
func (f *fitter) digest(ctx context.Context) (string, error) {
	if f.dataDigest != "" {
		return f.dataDigest, nil
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q\n", f.model.Classes, f.model.Benign, f.model.Columns)
	buf, in := make([]byte, 0, 1<<16), f.model.Network.Inputs
	for _, p := range []struct {
		part features.Part
		rows int
	}{{features.Train, f.train.rows}, {features.Valid, f.valid.rows}} {
		fmt.Fprintf(h, "%d\n", p.rows)
		err := f.rows.each(ctx, p.part, func(x []float32, class []int32) error {
			for i, c := range class {
				buf = binary.LittleEndian.AppendUint32(buf[:0], uint32(c))
				for _, v := range x[i*in : (i+1)*in] {
					buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
				}
				h.Write(buf)
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	f.dataDigest = hex.EncodeToString(h.Sum(nil))
	return f.dataDigest, nil
}
