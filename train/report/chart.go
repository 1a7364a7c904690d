package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
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
}

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
	p.Legend.Top, p.Legend.Padding = false, vg.Points(2)
	p.Legend.Left = true
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
	text = strings.NewReplacer("#000000", "currentColor", "fill:black", "fill:currentColor").Replace(text)
	return template.HTML(text), nil
}
