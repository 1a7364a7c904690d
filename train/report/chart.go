package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// series is one line of a chart.
type series struct {
	name   string
	xs, ys []float64
	dashed bool
}

// chart is a line chart, drawn as SVG that takes its ink from the page, so
// that it reads in light and in dark.
type chart struct {
	title, x, y            string
	xmin, xmax, ymin, ymax float64 // all 0: from the data
	lines                  []series
	legend                 corner
}

// corner is where a chart has room for its legend.
type corner int

const (
	lowerLeft corner = iota
	upperLeft
	upperRight
	lowerRight
	middle
)

// The lines' colours, told apart also by the colour-blind (Okabe and Ito, 2008).
var palette = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	color.RGBA{0x00, 0x9e, 0x73, 0xff}, color.RGBA{0xcc, 0x79, 0xa7, 0xff},
	color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x56, 0xb4, 0xe9, 0xff},
}

const (
	chartWidth  = 430
	chartHeight = 300
)

func (c chart) svg() (template.HTML, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.title, c.x, c.y
	p.BackgroundColor = color.Transparent
	p.Title.Padding, p.X.Padding, p.Y.Padding = vg.Points(6), vg.Points(4), vg.Points(4)
	c.place(&p.Legend)
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{}, ticks{}
	p.Add(grid())
	for i, s := range c.lines {
		if len(s.xs) == 0 {
			continue // the figures do not determine it
		}
		l, err := plotter.NewLine(points(s))
		if err != nil {
			return "", fmt.Errorf("chart %q: %w", c.title, err)
		}
		l.Color, l.Width = palette[i%len(palette)], vg.Points(1.8)
		if s.dashed {
			l.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		p.Add(l)
		p.Legend.Add(s.name, l)
	}
	if c.xmax > c.xmin {
		p.X.Min, p.X.Max = c.xmin, c.xmax
	}
	if c.ymax > c.ymin {
		p.Y.Min, p.Y.Max = c.ymin, c.ymax
	}
	return render(p)
}

// place puts the legend where the chart has room. It is always drawn from
// the left, line first: the page's font may be wider than the one that
// gonum/plot measures by.
func (c chart) place(l *plot.Legend) {
	l.Padding, l.Left = vg.Points(4), true
	l.Top = c.legend == upperLeft || c.legend == upperRight
	switch c.legend {
	case upperRight, lowerRight:
		l.XOffs = vg.Points(chartWidth / 2)
	case middle:
		l.XOffs, l.YOffs = vg.Points(chartWidth/3), vg.Points(chartHeight/3)
	default:
		l.XOffs = vg.Points(6)
	}
	if !l.Top {
		l.YOffs += vg.Points(6)
	} else {
		l.YOffs -= vg.Points(6)
	}
}

// ticks are at round numbers, labelled by as many digits as they need.
type ticks struct{}

// Ticks puts about five of them between the ends.
func (ticks) Ticks(from, to float64) []plot.Tick {
	if !(to > from) {
		return []plot.Tick{{Value: from, Label: strconv.FormatFloat(from, 'g', 6, 64)}}
	}
	step := math.Pow(10, math.Floor(math.Log10((to-from)/4)))
	for _, more := range []float64{2, 2.5, 2} { // 2, 5, 10 of them
		if (to-from)/step > 6 {
			step *= more
		}
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	var out []plot.Tick
	for k := math.Ceil(from/step - 1e-9); k*step <= to+step*1e-9; k++ {
		v := k*step + 0 // no −0
		out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', digits, 64)})
	}
	return out
}

// gridColour is what vgsvg writes for the grid's; the page has its own.
const gridColour = "#C0C0C0"

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = color.Gray{0xc0}, color.Gray{0xc0}
	g.Vertical.Width, g.Horizontal.Width = vg.Points(0.4), vg.Points(0.4)
	return g
}

// points keeps at most 400 of a curve's points, its ends among them: a report
// need not hold each of a million thresholds.
func points(s series) plotter.XYs {
	const most = 400
	n := len(s.xs)
	step := max(1, (n+most-1)/most)
	var out plotter.XYs
	for i := 0; i < n; i += step {
		out = append(out, plotter.XY{X: s.xs[i], Y: s.ys[i]})
	}
	if n > 0 && (n-1)%step != 0 {
		out = append(out, plotter.XY{X: s.xs[n-1], Y: s.ys[n-1]})
	}
	return out
}

func render(p *plot.Plot) (template.HTML, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(vg.Points(chartWidth), vg.Points(chartHeight)))
	// gonum/plot would cut the last tick's label and the title.
	p.Draw(draw.Crop(draw.New(canvas), vg.Points(4), -vg.Points(14), vg.Points(4), -vg.Points(6)))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", err
	}
	text := b.String()
	if i := strings.Index(text, "<svg"); i > 0 {
		text = text[i:] // without the XML declaration: the drawing stands inside HTML
	}
	text = strings.NewReplacer("#000000", "currentColor", gridColour, "var(--line)", "fill:black", "fill:currentColor").Replace(text)
	return template.HTML(text), nil
}
