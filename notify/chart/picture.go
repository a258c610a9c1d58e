package chart

import (
	"math"
	"time"
	"unicode/utf8"

	charts "github.com/go-analyze/charts"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

const (
	titleSize = 21.0 // points: 28 pixels
	labelSize = 16.5 // 22 pixels
	top       = 64
	bottom    = 48 // of room for the clock
	right     = 24
	gap       = 12 // between a label and what it is of
	maxUnit   = 8  // characters
)

// picture is a chart that is being drawn.
type picture struct {
	canvas      *charts.Painter
	d           perfmon.ChartData
	low, high   float64 // of the axis
	ticks       []float64
	left        int // where the values begin
	from, until time.Time
}

func newPicture(d perfmon.ChartData) *picture {
	p := &picture{
		canvas: charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: Width, Height: Height}),
		d:      d, from: d.Times[0], until: d.Times[len(d.Times)-1],
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range d.Values {
		if known(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if limit, ok := d.Limit.Get(); ok && known(limit) {
		low, high = min(low, limit), max(high, limit)
	}
	p.low, p.high, p.ticks = axis(low, high)
	for _, t := range p.ticks {
		p.left = max(p.left, p.width(p.value(t), labelSize))
	}
	p.left += 16 + gap
	return p
}

// axis chooses a round axis for values from low to high, with three to six ticks. It begins at
// 0, unless the values are far from it and close to each other.
func axis(low, high float64) (from, until float64, ticks []float64) {
	if low > 0 && low < 0.6*high {
		low = 0
	}
	if high < 0 && high > 0.6*low {
		high = 0
	}
	if span := high - low; span <= 1e-9*max(math.Abs(low), math.Abs(high)) {
		low, high = min(low, 0), max(high, 0) // a level
		if low == high {
			high = 1
		}
	}
	step := round((high - low) / 4)
	from, until = math.Floor(low/step)*step, math.Ceil(high/step)*step
	if high > until-step/5 && until != 0 { // room above the highest
		until += step
	}
	for i := 0; i < 10; i++ {
		t := from + float64(i)*step
		if t > until+step/2 {
			break
		}
		ticks = append(ticks, t)
	}
	return from, until, ticks
}

// round is the next 1, 2 or 5 times a power of ten.
func round(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*power*(1+1e-9) {
			return n * power
		}
	}
	return 10 * power
}

// value is a label. A long unit would leave no room for the values, so it is left out.
func (p *picture) value(v float64) string {
	unit := p.d.Metric.Unit
	if utf8.RuneCountInString(unit) > maxUnit {
		unit = ""
	}
	return notify.Value(perfmon.ValueOf(v), unit)
}

func style(size float64, color charts.Color) charts.FontStyle {
	return charts.FontStyle{FontSize: size, FontColor: color}
}

func (p *picture) width(text string, size float64) int {
	return p.canvas.MeasureText(text, 0, style(size, ink)).Width()
}

// x and y are where a time and a value are.
func (p *picture) x(t time.Time) int {
	part := float64(t.Sub(p.from)) / float64(p.until.Sub(p.from))
	return p.left + int(math.Round(part*float64(Width-right-p.left)))
}

func (p *picture) y(v float64) int {
	part := (v - p.low) / (p.high - p.low)
	return Height - bottom - int(math.Round(part*float64(Height-bottom-top)))
}

func (p *picture) draw() {
	p.canvas.FilledRect(0, 0, Width, Height, white, white, 0)
	p.canvas.Text(p.fit(title(p.d), Width-32), 16, 36, 0, style(titleSize, ink))
	for _, t := range p.ticks {
		y := p.y(t)
		p.canvas.LineStroke([]charts.Point{{X: p.left, Y: y}, {X: Width - right, Y: y}}, faint, 1.5)
		label := p.value(t)
		p.canvas.Text(label, p.left-gap-p.width(label, labelSize), y+8, 0, style(labelSize, ink))
	}
	p.clock()
	runs := p.runs()
	for _, run := range runs {
		p.fill(run)
	}
	p.opened()
	for _, run := range runs {
		if len(run) == 1 {
			p.canvas.Dots(run, blue, blue, 1, 3.5)
		} else {
			p.canvas.LineStroke(run, blue, 3.5)
		}
	}
	p.limit()
}

// fit cuts a text to a width.
func (p *picture) fit(text string, width int) string {
	runes := []rune(text)
	if p.width(text, titleSize) <= width {
		return text
	}
	for len(runes) > 1 && p.width(string(runes)+"…", titleSize) > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// runs are the points that a line joins: it ends at a gap.
func (p *picture) runs() (runs [][]charts.Point) {
	var run []charts.Point
	end := func() {
		if len(run) > 0 {
			runs = append(runs, run)
		}
		run = nil
	}
	for i, v := range p.d.Values {
		if !known(v) {
			end()
			continue
		}
		run = append(run, charts.Point{X: p.x(p.d.Times[i]), Y: p.y(v)})
	}
	end()
	return runs
}

// fill colours what is under a line.
func (p *picture) fill(run []charts.Point) {
	if len(run) < 2 {
		return
	}
	ground := p.y(min(max(0, p.low), p.high))
	points := append([]charts.Point{{X: run[0].X, Y: ground}}, run...)
	p.canvas.FillArea(append(points, charts.Point{X: run[len(run)-1].X, Y: ground}, points[0]), area)
}

// clock writes the times under the axis: the first, the last and the middle.
func (p *picture) clock() {
	y := Height - 16
	first, middle, last := clock(p.from), clock(p.from.Add(p.until.Sub(p.from)/2)), clock(p.until)+" UTC"
	p.canvas.Text(first, p.left, y, 0, style(labelSize, ink))
	if middle != first && middle != clock(p.until) {
		p.canvas.Text(middle, (p.left+Width-right-p.width(middle, labelSize))/2, y, 0, style(labelSize, ink))
	}
	p.canvas.Text(last, Width-right-p.width(last, labelSize), y, 0, style(labelSize, ink))
}

// limit draws the limit over all, with its value.
func (p *picture) limit() {
	limit, ok := p.d.Limit.Get()
	if !ok || !known(limit) {
		return
	}
	color := amber
	if p.d.Severity == perfmon.Critical {
		color = red
	}
	y := p.y(limit)
	p.canvas.DashedLineStroke([]charts.Point{{X: p.left, Y: y}, {X: Width - right, Y: y}}, color, 3, []float64{12, 7})
	label := "limit " + p.value(limit)
	width, above := p.width(label, labelSize), y-9
	if above < top+14 {
		above = y + 28
	}
	x := p.left + 6
	p.canvas.FilledRect(x-4, above-20, x+width+4, above+5, white, white, 0)
	p.canvas.Text(label, x, above, 0, style(labelSize, color))
}

// opened marks when the alert opened, where that is in the picture.
func (p *picture) opened() {
	if p.d.Opened.Before(p.from) || p.d.Opened.After(p.until) {
		return
	}
	x := p.x(p.d.Opened)
	p.canvas.DashedLineStroke([]charts.Point{{X: x, Y: top - 4}, {X: x, Y: Height - bottom}}, grey, 2, []float64{3, 4})
	p.canvas.FillArea([]charts.Point{{X: x - 8, Y: top - 14}, {X: x + 8, Y: top - 14}, {X: x, Y: top - 1}, {X: x - 8, Y: top - 14}}, grey)
}
