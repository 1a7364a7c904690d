package features

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Method is a way to scale.
type Method string

// The ways to scale. Columns of two values, such as one-hot features, become
// 0 and 1 in all but Standard and None.
const (
	Standard        Method = "standard"         // (x − mean) / standard deviation
	MinMax          Method = "minmax"           // to 0…1 of the training range
	QuantileNormal  Method = "quantile_normal"  // rank in training, as a standard normal deviate
	QuantileUniform Method = "quantile_uniform" // rank in training, 0…1
	None            Method = "none"
)

// Scaler learns a [Scaling]. The zero value is the default, which suits an MLP
// on flow features, whose counts and times spread over many orders of magnitude.
type Scaler struct {
	Method Method  `json:"method"` // "": QuantileNormal
	Log    LogRule `json:"log"`    // signed log1p before Standard and MinMax
	Clip   float64 `json:"clip"`   // of Standard: bound of the absolute value; 0: 10; negative: none
}

// LogRule says which columns get sign(x)·log(1+|x|) before they are scaled.
type LogRule string

// The rules. Ranks do not change by a logarithm, so the quantile methods
// need none.
const (
	LogAuto  LogRule = ""      // heavy-tailed columns: skewness in training above 3
	LogNever LogRule = "never" //
	LogAll   LogRule = "all"   // all but columns of two values
)

// maxKnots bounds the knots of a quantile column.
const maxKnots = 256

// ScalingVersion is that of the JSON form of [Scaling].
const ScalingVersion = 1

// Scaling scales a matrix. It is made by a [Scaler] and is not changed
// afterwards.
type Scaling struct {
	Version int             `json:"version"`
	Method  Method          `json:"method"`
	Columns []ColumnScaling `json:"columns"`
}

// ColumnScaling is what is done to one column: log if it says so, then
// (x − Shift) · Scale, bounded to Lo…Hi; or, with knots, the straight lines
// between (Knots[i], Values[i]), and beyond the outer knots their values.
type ColumnScaling struct {
	Name   string    `json:"name"`
	Log    bool      `json:"log,omitempty"`
	Shift  float32   `json:"shift"`
	Scale  float32   `json:"scale"`
	Lo     float32   `json:"lo"`
	Hi     float32   `json:"hi"`
	Knots  []float32 `json:"knots,omitempty"`
	Values []float32 `json:"values,omitempty"`
}

func (s Scaler) withDefaults() (Scaler, error) {
	if s.Method == "" {
		s.Method = QuantileNormal
	}
	if s.Clip == 0 {
		s.Clip = 10
	}
	if !slices.Contains([]Method{Standard, MinMax, QuantileNormal, QuantileUniform, None}, s.Method) {
		return s, fmt.Errorf("scaler %q is none of standard, minmax, quantile_normal, quantile_uniform, none", s.Method)
	}
	if !slices.Contains([]LogRule{LogAuto, LogNever, LogAll}, s.Log) {
		return s, fmt.Errorf("log rule %q is neither never nor all", s.Log)
	}
	return s, nil
}

// Fit learns from the training rows of x.
func (s Scaler) Fit(x *Matrix, rows TrainingRows) (*Scaling, error) {
	s, err := s.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := x.check(); err != nil {
		return nil, err
	}
	if rows.Len() == 0 {
		return nil, fmt.Errorf("scaler: there are no training rows to learn from")
	}
	out := &Scaling{Version: ScalingVersion, Method: s.Method, Columns: make([]ColumnScaling, x.Cols())}
	values := make([]float32, rows.Len())
	for c, name := range x.Names {
		for i, r := range rows.rows {
			v := x.Data[r*x.Cols()+c]
			if v != v || math.IsInf(float64(v), 0) {
				return nil, fmt.Errorf("scaler: column %s is %g in row %d: an encoding leaves no such values", name, v, r)
			}
			values[i] = v
		}
		out.Columns[c] = s.column(values)
		out.Columns[c].Name = name
	}
	return out, nil
}

// column learns one column; values are reordered.
func (s Scaler) column(values []float32) ColumnScaling {
	slices.Sort(values)
	lo, hi := values[0], values[len(values)-1]
	c := ColumnScaling{Scale: 1, Lo: -math.MaxFloat32, Hi: math.MaxFloat32}
	switch {
	case s.Method == None:
		return c
	case lo == hi: // constant: 0, whatever comes
		c.Shift, c.Scale, c.Lo, c.Hi = lo, 0, 0, 0
		return c
	case twoValued(values) && s.Method != Standard:
		c.Shift, c.Scale, c.Lo, c.Hi = lo, 1/(hi-lo), 0, 1
		return c
	case s.Method == QuantileNormal || s.Method == QuantileUniform:
		c.Knots, c.Values = knots(values, s.Method == QuantileNormal)
		return c
	}
	c.Log = s.Log == LogAll && !twoValued(values) || s.Log == LogAuto && skewness(values) > 3 && !twoValued(values)
	if c.Log {
		for i, v := range values {
			values[i] = signedLog(v)
		}
		lo, hi = values[0], values[len(values)-1]
	}
	if s.Method == MinMax {
		c.Shift, c.Scale, c.Lo, c.Hi = lo, float32(1/(float64(hi)-float64(lo))), 0, 1
		return c
	}
	mean, sd := moments(values)
	c.Shift, c.Scale = float32(mean), float32(1/sd)
	if s.Clip > 0 {
		c.Lo, c.Hi = -float32(s.Clip), float32(s.Clip)
	}
	return c
}

func twoValued(sorted []float32) bool {
	for _, v := range sorted {
		if v != sorted[0] && v != sorted[len(sorted)-1] {
			return false
		}
	}
	return true
}

func signedLog(v float32) float32 {
	return float32(math.Copysign(math.Log1p(math.Abs(float64(v))), float64(v)))
}

func moments(v []float32) (mean, sd float64) {
	for _, x := range v {
		mean += float64(x)
	}
	mean /= float64(len(v))
	for _, x := range v {
		sd += (float64(x) - mean) * (float64(x) - mean)
	}
	return mean, math.Sqrt(sd / float64(len(v)))
}

func skewness(v []float32) (s float64) {
	mean, sd := moments(v)
	for _, x := range v {
		z := (float64(x) - mean) / sd
		s += z * z * z
	}
	return math.Abs(s / float64(len(v)))
}

// knots gives points of the training distribution: distinct values, and for
// each the share of values below it plus half of those equal to it, which
// puts a value that many rows share in the middle of their ranks. Beyond
// maxKnots distinct values, those at even ranks are taken.
func knots(sorted []float32, normal bool) (at, to []float32) {
	n := float64(len(sorted))
	var rank []float64
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		at, rank = append(at, sorted[i]), append(rank, (float64(i)+float64(j))/2/n)
		i = j
	}
	if len(at) > maxKnots {
		at, rank = thin(at, rank)
	}
	for _, p := range rank {
		if normal {
			p = distuv.UnitNormal.Quantile(p)
		}
		to = append(to, float32(p))
	}
	return at, to
}

// thin keeps the first and last point and those nearest to even ranks.
func thin(at []float32, rank []float64) ([]float32, []float64) {
	keptAt, keptRank := at[:1:1], rank[:1:1]
	last, lo, hi := 0, rank[0], rank[len(rank)-1]
	for k := 1; k < maxKnots-1; k++ {
		want := lo + (hi-lo)*float64(k)/float64(maxKnots-1)
		i, _ := slices.BinarySearch(rank, want)
		if i > last && i < len(at)-1 {
			keptAt, keptRank = append(keptAt, at[i]), append(keptRank, rank[i])
			last = i
		}
	}
	return append(keptAt, at[len(at)-1]), append(keptRank, rank[len(rank)-1])
}

// Apply scales x in place. Its columns must be those that the scaling was
// learned from.
func (s *Scaling) Apply(x *Matrix) error {
	if s.Version != ScalingVersion {
		return fmt.Errorf("scaling has version %d, this program reads %d", s.Version, ScalingVersion)
	}
	if len(s.Columns) != x.Cols() {
		return fmt.Errorf("scaling of %d columns applied to %d", len(s.Columns), x.Cols())
	}
	for i := range s.Columns {
		if s.Columns[i].Name != x.Names[i] {
			return fmt.Errorf("scaling of column %s applied to %s", s.Columns[i].Name, x.Names[i])
		}
	}
	c := s.Compile()
	for r := range x.Rows {
		c.Row(x.Row(r))
	}
	return nil
}
