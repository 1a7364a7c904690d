package features

// Outside counts the features of an unscaled row that lie beyond all that the
// scaling learned from: below or above the training rows, or, for Standard,
// beyond the bound at which values are cut. To the network such values look like
// the outermost that it knows.
func (s *Scaling) Outside(row []float32) (n int) {
	for i, v := range row {
		if s.Columns[i].outside(v) {
			n++
		}
	}
	return n
}

func (c *ColumnScaling) outside(v float32) bool {
	if len(c.Knots) > 0 {
		return v < c.Knots[0] || v > c.Knots[len(c.Knots)-1]
	}
	if c.Scale == 0 { // one value in training
		return v != c.Shift
	}
	if c.Log {
		v = signedLog(v)
	}
	// Scaling rounds: the ends of the range may come out beside it.
	const slack = 1e-5
	y := (v - c.Shift) * c.Scale
	return y < c.Lo-slack || y > c.Hi+slack
}
