package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/pcapline/pcapline/features/strictyaml"
)

// SearchSpace says which configurations to try: of each key of a [Config] that
// it names, the values. With Draws 0 every combination is tried (scikit-learn's
// ParameterGrid), else so many that are drawn (its ParameterSampler).
type SearchSpace struct {
	// Space has for each key a list of values, or for a random search a
	// distribution: {uniform: [low, high]}, {loguniform: [low, high]} or
	// {randint: [low, high]}, whole numbers below high.
	Space map[string]any `json:"space"`
	Draws int            `json:"n_iter"`
	Seed  uint64         `json:"seed"` // of the draws
}

// notSearched are keys that a search does not change: what it selects by, what
// it varies by itself, and what is no matter of the model.
var notSearched = []string{"seed", "monitor", "memory", "kernel", "target_fpr"}

// ParseSearchSpace reads a search space in YAML or JSON.
func ParseSearchSpace(text []byte) (SearchSpace, error) {
	var s SearchSpace
	file, err := strictyaml.Parse(text)
	if err != nil {
		return s, fmt.Errorf("search space: %w", err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return s, errors.New("search space: one document with an object is wanted")
	}
	if err := strictyaml.Decode(file.Docs[0].Body, &s); err != nil {
		return s, fmt.Errorf("search space: %w", err)
	}
	if len(s.Space) == 0 {
		return s, errors.New("search space: there is no key below space")
	}
	if s.Draws < 0 || s.Draws > maxCandidates {
		return s, fmt.Errorf("search space: n_iter is %d, outside [0, %d]", s.Draws, maxCandidates)
	}
	return s, nil
}

// maxCandidates bounds a search.
const maxCandidates = 10_000

// Params are the values of a candidate, by key of the configuration.
type Params map[string]json.RawMessage

// String has the keys in order.
func (p Params) String() string {
	var out bytes.Buffer
	for i, key := range slices.Sorted(maps.Keys(p)) {
		if i > 0 {
			out.WriteByte(' ')
		}
		fmt.Fprintf(&out, "%s=%s", key, p[key])
	}
	return out.String()
}

// Candidates lists what the space has: the grid with the last key in the order
// of their names going round fastest, or the draws, each once. Each is base
// with the candidate's values, and checked.
func (s SearchSpace) Candidates(base Config) ([]Params, []Config, error) {
	axes, err := s.axes()
	if err != nil {
		return nil, nil, fmt.Errorf("search space: %w", err)
	}
	var list []Params
	if s.Draws == 0 {
		list, err = grid(axes)
	} else {
		list = draw(axes, s.Draws, rand.NewPCG(s.Seed, streamSearch))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("search space: %w", err)
	}
	configs := make([]Config, len(list))
	for i, p := range list {
		if configs[i], err = base.with(p); err != nil {
			return nil, nil, fmt.Errorf("search space: %s: %w", p, err)
		}
	}
	return list, configs, nil
}

// with is the configuration with other values.
func (c Config) with(p Params) (Config, error) {
	text, err := json.Marshal(c.WithDefaults())
	if err != nil {
		return c, err
	}
	keys := make(map[string]json.RawMessage)
	if err := json.Unmarshal(text, &keys); err != nil {
		return c, err
	}
	for a, b := range map[string]string{"hidden": "layers", "layers": "hidden"} {
		if p[a] != nil { // they exclude each other
			delete(keys, b)
		}
	}
	maps.Copy(keys, p)
	if text, err = json.Marshal(keys); err != nil {
		return c, err
	}
	return ParseConfig(text)
}

// axis is a key and what it can be.
type axis struct {
	key    string
	values []json.RawMessage // nil: drawn
	draw   func(u float64) float64
	whole  bool
}

func (s SearchSpace) axes() ([]axis, error) {
	var out []axis
	for _, key := range slices.Sorted(maps.Keys(s.Space)) {
		if slices.Contains(notSearched, key) {
			return nil, fmt.Errorf("%s is not searched: it is set for all candidates", key)
		}
		a, err := newAxis(key, s.Space[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if a.values == nil && s.Draws == 0 {
			return nil, fmt.Errorf("%s: a distribution is for a random search: n_iter says how many to draw", key)
		}
		out = append(out, a)
	}
	return out, nil
}

func newAxis(key string, v any) (axis, error) {
	a := axis{key: key}
	if list, ok := v.([]any); ok && len(list) > 0 {
		for _, e := range list {
			text, err := json.Marshal(number(e))
			if err != nil {
				return a, err
			}
			a.values = append(a.values, text)
		}
		return a, nil
	}
	dist, ok := v.(map[string]any)
	if !ok || len(dist) != 1 {
		return a, errors.New("neither a list of values nor {uniform|loguniform|randint: [low, high]}")
	}
	for name, bounds := range dist {
		list, _ := bounds.([]any)
		var b []float64
		for _, e := range list {
			if v, err := strconv.ParseFloat(fmt.Sprint(e), 64); err == nil {
				b = append(b, v)
			}
		}
		if len(list) != 2 || len(b) != 2 || !(b[0] < b[1]) || math.IsInf(b[1]-b[0], 0) {
			return a, fmt.Errorf("%s wants two numbers, the lower one first", name)
		}
		if err := a.distribution(name, b[0], b[1]); err != nil {
			return a, err
		}
	}
	return a, nil
}

// number is the number that a text is: the parser takes 1e-4, which has no
// point, for text.
func number(v any) any {
	if text, ok := v.(string); ok {
		if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	}
	return v
}

func (a *axis) distribution(name string, low, high float64) error {
	switch name {
	case "uniform":
		a.draw = func(u float64) float64 { return low + (high-low)*u }
	case "loguniform":
		if low <= 0 {
			return errors.New("loguniform is of numbers above zero")
		}
		a.draw = func(u float64) float64 { return math.Exp(math.Log(low) + (math.Log(high)-math.Log(low))*u) }
	case "randint":
		if low != math.Trunc(low) || high != math.Trunc(high) {
			return errors.New("randint is of whole numbers")
		}
		a.draw, a.whole = func(u float64) float64 { return min(low+math.Floor((high-low)*u), high-1) }, true
	default:
		return fmt.Errorf("distribution %q is none of uniform, loguniform, randint", name)
	}
	return nil
}

// pick draws a value. Six digits are kept: more would differ between the
// logarithms of processors.
func (a *axis) pick(src rand.Source) json.RawMessage {
	u := src.Uint64()
	if a.values != nil {
		i, _ := bits.Mul64(u, uint64(len(a.values)))
		return a.values[i]
	}
	v := a.draw(float64(u>>11) / (1 << 53))
	if a.whole {
		return strconv.AppendFloat(nil, v, 'f', 0, 64)
	}
	return strconv.AppendFloat(nil, v, 'g', 6, 64)
}

func grid(axes []axis) ([]Params, error) {
	list := []Params{{}}
	for _, a := range axes {
		var next []Params
		if len(list)*len(a.values) > maxCandidates {
			return nil, fmt.Errorf("the grid has more than %d candidates: draw some (n_iter)", maxCandidates)
		}
		for _, p := range list {
			for _, v := range a.values {
				q := maps.Clone(p)
				q[a.key] = v
				next = append(next, q)
			}
		}
		list = next
	}
	return list, nil
}

// draw gives n different candidates, or fewer where there are not so many.
func draw(axes []axis, n int, src rand.Source) []Params {
	seen := make(map[string]bool)
	var list []Params
	for tries := 0; len(list) < n && tries < 100*n; tries++ {
		p := Params{}
		for i := range axes {
			p[axes[i].key] = axes[i].pick(src)
		}
		if key := p.String(); !seen[key] {
			seen[key] = true
			list = append(list, p)
		}
	}
	return list
}
