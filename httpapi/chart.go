package httpapi

import (
	"fmt"
	"math"
	"strings"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

// chart is a metric over time, as the shapes of an SVG.
type chart struct {
	Title string
	Label string // for those who do not see it
	Path  string // of the values; it has a gap where they have
	Ys    []tick
	Xs    []tick
	Marks []tick // deploys
}

// tick is a place on an axis, with its words.
type tick struct {
	At     float64 // pixels
	Text   string
	Anchor string // how the text lies to the place
}

// The plot of a chart, in pixels of its view box of 360 by 150.
const (
	plotLeft, plotRight, plotTop, plotBottom = 58.0, 350.0, 10.0, 124.0

	chartPoints = 300
)

// newChart draws the values of a window. The axis of values reaches to 0.
func newChart(title, unit string, from, to time.Time, times []time.Time, values perfmon.Values, marks []time.Time) chart {
	low, high := bounds(values)
	x := func(t time.Time) float64 {
		return plotLeft + (plotRight-plotLeft)*float64(t.Sub(from))/float64(max(to.Sub(from), 1))
	}
	y := func(v float64) float64 { return plotBottom - (plotBottom-plotTop)*(v-low)/(high-low) }
	c := chart{Title: title, Label: fmt.Sprintf("%s: no values", title)}
	for _, v := range []float64{low, (low + high) / 2, high} {
		c.Ys = append(c.Ys, tick{At: round(y(v)), Text: figureLike(v, high, unit)})
	}
	layout := "15:04"
	if to.Sub(from) > 24*time.Hour || from.YearDay() != to.YearDay() {
		layout = "Jan 2 15:04"
	}
	for i, anchor := range []string{"start", "middle", "end"} {
		at := from.Add(to.Sub(from) / 2 * time.Duration(i))
		c.Xs = append(c.Xs, tick{round(x(at)), at.Format(layout), anchor})
	}
	for _, at := range marks {
		c.Marks = append(c.Marks, tick{At: round(x(at))})
	}
	c.Path = lines(times, values, x, y)
	if c.Path != "" {
		c.Label = fmt.Sprintf("%s from %s to %s", title, from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return c
}

// lines joins values that follow each other. One on its own is a dot.
func lines(times []time.Time, values []float64, x func(time.Time) float64, y func(float64) float64) string {
	var b strings.Builder
	most := widestStep(times)
	alone := false
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		follows := i > 0 && !math.IsNaN(values[i-1]) && times[i].Sub(times[i-1]) <= most
		if follows {
			fmt.Fprintf(&b, "L%g %g", round(x(times[i])), round(y(v)))
			alone = false
			continue
		}
		if alone {
			b.WriteString("h0")
		}
		fmt.Fprintf(&b, "M%g %g", round(x(times[i])), round(y(v)))
		alone = true
	}
	if alone {
		b.WriteString("h0")
	}
	return b.String()
}

// widestStep is how far points are apart at most that follow each other: twice what is
// usual, so that a monitor that did not run leaves a gap.
func widestStep(times []time.Time) time.Duration {
	var steps []time.Duration
	for i := 1; i < len(times); i++ {
		steps = append(steps, times[i].Sub(times[i-1]))
	}
	if len(steps) == 0 {
		return 0
	}
	slices.Sort(steps)
	return 2 * steps[len(steps)/2]
}

// bounds are the ends of the axis of values.
func bounds(values []float64) (low, high float64) {
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	low, high = 0-roundUp(-low), roundUp(high) // 0 has no sign
	if low == high {
		high = 1
	}
	return low, high
}

// roundUp is the next number that reads well.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8} {
		if v <= n*unit {
			return n * unit
		}
	}
	return 10 * unit
}

func round(v float64) float64 { return math.Round(10*v) / 10 }

// figure is a value with its unit, for people.
func figure(v perfmon.Value, unit string) string {
	f, ok := v.Get()
	if !ok {
		return "–"
	}
	return figureLike(f, f, unit)
}

// figureLike writes a value in the unit that suits another one: seconds may be too large.
func figureLike(v, like float64, unit string) string {
	like = math.Abs(like)
	switch {
	case unit == "s" && like > 0 && like < 0.001:
		v, unit = v*1e6, "µs"
	case unit == "s" && like > 0 && like < 1:
		v, unit = v*1e3, "ms"
	}
	number := fmt.Sprintf("%.3g", v)
	if math.Abs(v) >= 1000 && math.Abs(v) < 1e9 {
		number = fmt.Sprintf("%.0f", v)
	}
	switch unit {
	case "", "count":
		return number
	case "1/s":
		return number + "/s"
	}
	return number + " " + unit
}
