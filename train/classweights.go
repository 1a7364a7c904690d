package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// ClassWeights say how much a row counts by its class: by a rule, or by
// numbers for every class. In JSON and YAML it is the name of the rule, or an
// object of class names and numbers.
type ClassWeights struct {
	// Mode is "none"; "balanced", the inverse of a class's share of the training
	// rows; "sqrt", the root of that; "" with ByClass.
	Mode    string
	ByClass map[string]float64 // must name every class; nil: by Mode
}

var classWeightModes = []string{"none", "balanced", "sqrt"}

// MarshalJSON writes the form above; the classes are in the order of their names.
func (w ClassWeights) MarshalJSON() ([]byte, error) {
	if w.ByClass != nil {
		return json.Marshal(w.ByClass)
	}
	return json.Marshal(w.Mode)
}

// UnmarshalJSON reads the form above.
func (w *ClassWeights) UnmarshalJSON(text []byte) error {
	*w = ClassWeights{}
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &w.Mode)
	}
	return json.Unmarshal(text, &w.ByClass)
}

// UnmarshalYAML reads the form above.
func (w *ClassWeights) UnmarshalYAML(n ast.Node) error {
	*w = ClassWeights{}
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return yaml.NodeToValue(n, &w.ByClass, yaml.Strict())
	}
	return yaml.NodeToValue(n, &w.Mode, yaml.Strict())
}

func (w ClassWeights) check() error {
	if w.ByClass == nil {
		if !slices.Contains(classWeightModes, w.Mode) {
			return fmt.Errorf("class_weights %q is none of %q, nor weights by class", w.Mode, classWeightModes)
		}
		return nil
	}
	if w.Mode != "" {
		return errors.New("class_weights has both a rule and weights by class")
	}
	for _, name := range slices.Sorted(maps.Keys(w.ByClass)) {
		if v := w.ByClass[name]; !(v >= 1e-6 && v <= 1e6) {
			return fmt.Errorf("class_weights: %s is %v, outside [1e-06, 1e+06]", name, v)
		}
	}
	return nil
}

// of gives each class's weight from its number of training rows. By a rule
// they have a mean of 1 over the training rows.
func (w ClassWeights) of(classes []string, rows []int) ([]float32, error) {
	if w.ByClass != nil {
		return w.given(classes)
	}
	power := map[string]float64{"none": 0, "sqrt": 0.5, "balanced": 1}[w.Mode]
	raw := make([]float64, len(rows))
	sum, n := 0.0, 0
	for c, k := range rows {
		if k > 0 {
			raw[c] = math.Pow(float64(k), -power)
			sum += raw[c] * float64(k)
			n += k
		}
	}
	out := make([]float32, len(rows))
	for c, v := range raw {
		out[c] = float32(v * float64(n) / sum)
	}
	return out, nil
}

func (w ClassWeights) given(classes []string) ([]float32, error) {
	out := make([]float32, len(classes))
	for i, c := range classes {
		v, ok := w.ByClass[c]
		if !ok {
			return nil, fmt.Errorf("class_weights lack the class %s", c)
		}
		out[i] = float32(v)
	}
	for _, name := range slices.Sorted(maps.Keys(w.ByClass)) {
		if !slices.Contains(classes, name) {
			return nil, fmt.Errorf("class_weights name the class %s, which the data lacks", name)
		}
	}
	return out, nil
}
