package train

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

// Safetensors gives the weights in the safetensors format: layers.N.weight,
// [outputs, inputs] as PyTorch's Linear has it, and layers.N.bias, float32.
// The metadata holds the model's header, scaling and all, as JSON.
//
// Source: https://github.com/huggingface/safetensors#format
func (m *Model) Safetensors() ([]byte, error) {
	type tensor struct {
		Type    string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header, err := json.Marshal(m.Header)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	head := map[string]any{"__metadata__": map[string]string{"format": "pt", modelFormat: string(header)}}
	var data []byte
	add := func(name string, shape []int, v []float32) {
		start := len(data)
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		head[name] = tensor{"F32", shape, [2]int{start, len(data)}}
	}
	for i, l := range m.layers {
		w := make([]float32, l.In*l.Out)
		for in := range l.In {
			for out := range l.Out {
				w[out*l.In+in] = m.params[l.W+in*l.Out+out]
			}
		}
		add(fmt.Sprintf("layers.%d.weight", i), []int{l.Out, l.In}, w)
		add(fmt.Sprintf("layers.%d.bias", i), []int{l.Out}, m.params[l.B:l.End()])
	}
	text, err := json.Marshal(head) // maps are sorted
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(out, text...), data...), nil
}
