package antinex

import (
	"fmt"
	"slices"
)

// benign is AntiNex's name for what is no attack.
const benign = "not_attack"

// meaning is what the values of the predicted column stand for.
type meaning struct {
	classes []string  // benign first
	values  []float64 // for each class, the highest value that stands for it in the table
	class   map[float64]int32
}

// newMeaning reads label rules; without any, 1 is an attack, 0 and −1 are none.
func newMeaning(rules labelRules, labels []float64) (*meaning, error) {
	if len(rules.Labels) == 0 {
		rules = labelRules{Labels: []string{benign, benign, "attack"}, Values: []float64{-1, 0, 1}}
	}
	if !slices.Contains(rules.Labels, benign) {
		return nil, fmt.Errorf("label_rules %q do not say what is %s", rules.Labels, benign)
	}
	m := &meaning{classes: []string{benign}, class: make(map[float64]int32)}
	for i, name := range rules.Labels {
		at := slices.Index(m.classes, name)
		if at < 0 {
			at = len(m.classes)
			m.classes = append(m.classes, name)
		}
		m.class[rules.Values[i]] = int32(at)
	}
	if len(m.classes) < 2 {
		return nil, fmt.Errorf("label_rules name one class, %s", benign)
	}
	m.values = make([]float64, len(m.classes))
	seen := make([]bool, len(m.classes))
	for i, v := range labels {
		c, known := m.class[v]
		if !known {
			return nil, fmt.Errorf("row %d: the label rules do not say what %v is", i, v)
		}
		if !seen[c] || v > m.values[c] {
			m.values[c], seen[c] = v, true
		}
	}
	return m, nil
}

func (m *meaning) classOf(labels []float64) []int32 {
	out := make([]int32, len(labels))
	for i, v := range labels {
		out[i] = m.class[v]
	}
	return out
}
