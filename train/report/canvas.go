// Package report x
package report

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// newCanvas leaves room at the right and at the top, where gonum/plot would
// cut the last tick's label.
func newCanvas(c vg.CanvasSizer) draw.Canvas {
	return draw.Crop(draw.New(c), vg.Points(4), -vg.Points(14), vg.Points(4), -vg.Points(6))
}
