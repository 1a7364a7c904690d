package features

import (
	"math"

	"github.com/pcapline/pcapline/transform/schema"
)

// fillNumbers writes a numeric or boolean column; what is null, NaN or
// infinite gets the imputed value. It returns how many were NaN and infinite.
func fillNumbers(c schema.Column, rows int, out strided, impute float32) (nan, inf int64) {
	switch v := c.Data().(type) {
	case []bool:
		fill(c.Presence(), rows, out, impute, len(v), func(i int) float32 {
			if v[i] {
				return 1
			}
			return 0
		})
	case []uint8:
		fill(c.Presence(), rows, out, impute, len(v), func(i int) float32 { return float32(v[i]) })
	case []uint16:
		fill(c.Presence(), rows, out, impute, len(v), func(i int) float32 { return float32(v[i]) })
	case []uint32:
		fill(c.Presence(), rows, out, impute, len(v), func(i int) float32 { return float32(v[i]) })
	case []int64:
		fill(c.Presence(), rows, out, impute, len(v), func(i int) float32 { return float32(v[i]) })
	case []float64:
		fill(c.Presence(), rows, out, impute, len(v), func(i int) float32 {
			x := v[i]
			switch {
			case x != x:
				nan++
				return impute
			case x > math.MaxFloat32 || x < -math.MaxFloat32:
				inf++
				return impute
			}
			return float32(x)
		})
	}
	return nan, inf
}

func fill(p *schema.Presence, rows int, out strided, impute float32, n int, value func(i int) float32) {
	k := 0
	for row := range rows {
		if k < n && p.Has(row) {
			out.set(row, value(k))
			k++
		} else {
			out.set(row, impute)
		}
	}
}

// finite reports whether x is a number that float32 can hold.
func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat32 }

// numberAt reads value i of a numeric or boolean column.
func numberAt(c schema.Column, i int) float64 {
	switch v := c.Data().(type) {
	case []bool:
		if v[i] {
			return 1
		}
	case []uint8:
		return float64(v[i])
	case []uint16:
		return float64(v[i])
	case []uint32:
		return float64(v[i])
	case []int64:
		return float64(v[i])
	case []float64:
		return v[i]
	}
	return 0
}
