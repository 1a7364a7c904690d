package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/transform/sink"
)

// The format of model files, version 2. Integers and floats are little-endian.
//
//	offset     bytes  what
//	0          8      "PCLMODEL"
//	8          4      version of the format, uint32
//	12         4      H, length of the header, uint32
//	16         H      header: JSON of type Header, padded with spaces to H, a multiple of 16
//	16+H       4·P    parameters, float32: for each layer the weights (inputs×outputs,
//	                  row-major), then the biases; P follows from the header's network
//	16+H+4·P   32     SHA-256 of everything before
//
// A later version may add keys to the header; a reader of this one refuses it.
// Version 1 has no key "reference"; a model without one is written as such.
const (
	modelMagic   = "PCLMODEL"
	modelVersion = 2
	modelFormat  = "pcapline-model"
)

// Encode gives the bytes of the model's file.
func (m *Model) Encode() ([]byte, error) {
	if err := m.Header.check(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	head, err := json.Marshal(m.Header)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	version := uint32(modelVersion)
	if m.Reference == nil {
		version = 1
	}
	return seal(modelMagic, version, head, m.params)
}

// Save writes the model to path, which appears only when it is whole.
func (m *Model) Save(path string) error {
	data, err := m.Encode()
	if err != nil {
		return err
	}
	if err := sink.WriteFile(path, data); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}

// LoadModel reads a model file. It refuses a file that is not whole to the
// last byte, or whose parts do not fit each other. The constants in
// modelfile.go describe the format.
func LoadModel(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	defer f.Close()
	head := make([]byte, len(modelMagic))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != modelMagic {
		return nil, fmt.Errorf("load model: %s: offset 0: not a model file", path)
	}
	rest, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	m, err := DecodeModel(append(head, rest...))
	if err != nil {
		return nil, fmt.Errorf("load model: %s: %w", path, err)
	}
	return m, nil
}

// DecodeModel reads the bytes of a model file.
func DecodeModel(data []byte) (*Model, error) {
	head, params, err := unseal(data, modelMagic, 1, modelVersion)
	if err != nil {
		return nil, err
	}
	var h Header
	dec := json.NewDecoder(bytes.NewReader(head))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&h); err != nil {
		return nil, fmt.Errorf("offset %d: header: %w", prefixLen, err)
	}
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("offset %d: header: %w", prefixLen, err)
	}
	if len(params) != h.Network.Params() {
		return nil, fmt.Errorf("offset %d: %d bytes of weights for a network of %d parameters", prefixLen+len(head), 4*len(params), h.Network.Params())
	}
	kernel, err := blas.ByName(h.Kernel)
	if err != nil {
		kernel = blas.Go // another machine's: see ScoringKernel
	}
	return newModel(h, params, kernel), nil
}

func (h *Header) check() error {
	if h.Format != modelFormat {
		return fmt.Errorf("format %q, want %q", h.Format, modelFormat)
	}
	if err := h.Network.Check(); err != nil {
		return err
	}
	outputs := len(h.Classes)
	if outputs == 2 {
		outputs = 1
	}
	switch {
	case len(h.Classes) < 2 || h.Benign < 0 || h.Benign >= len(h.Classes):
		return fmt.Errorf("%d classes, of which number %d is benign", len(h.Classes), h.Benign)
	case h.Network.Outputs != outputs:
		return fmt.Errorf("%d outputs for %d classes", h.Network.Outputs, len(h.Classes))
	case h.Network.Inputs != len(h.Columns):
		return fmt.Errorf("%d inputs for %d columns", h.Network.Inputs, len(h.Columns))
	case len(h.Manifest.TrainRows) != len(h.Classes) || len(h.Manifest.ValidRows) != len(h.Classes):
		return fmt.Errorf("row counts of %d and %d classes, not of %d", len(h.Manifest.TrainRows), len(h.Manifest.ValidRows), len(h.Classes))
	case !(h.Threshold.Value >= 0 && h.Threshold.Value <= 2):
		return fmt.Errorf("threshold %v", h.Threshold.Value)
	case !slices.Contains(blas.Names(), h.Kernel):
		return fmt.Errorf("unknown kernel %q", h.Kernel)
	}
	if h.Reference != nil {
		if err := h.Reference.check(len(h.Columns)); err != nil {
			return err
		}
	}
	if err := checkNames("class", h.Classes); err != nil {
		return err
	}
	return checkNames("column", h.Columns)
}
