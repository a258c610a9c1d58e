package text

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Chart draws values over time as bars of eighths, with an axis. width is that of the
// whole chart; 0 is 80.
type Chart struct {
	Times  []time.Time
	Values []float64
	Unit   string
	Number func(float64) string // writes a value; nil is Number in the unit
	Width  int
	Height int                    // lines of bars; 0 is 8
	Marks  []time.Time            // shown under the axis
	Label  func(time.Time) string // writes a time
	// FromLeast begins the axis at the least value, for series that never come near 0.
	FromLeast bool
}

// Lines returns the chart from top to bottom, none without a value.
func (c Chart) Lines() []string {
	width, height := c.Width, c.Height
	if width <= 0 {
		width = 80
	}
	if height <= 0 {
		height = 8
	}
	low, high := c.bounds()
	if math.IsNaN(low) {
		return nil
	}
	number := c.Number
	if number == nil {
		number = func(v float64) string { return Number(v, c.Unit) }
	}
	labels := []string{number(high), number(low/2 + high/2), number(low)}
	margin := 0
	for _, l := range labels {
		margin = max(margin, ansi.StringWidth(l))
	}
	columns := max(width-margin-2, 1)
	values := c.columns(columns)
	var lines []string
	for row := range height {
		label := ""
		switch row {
		case 0:
			label = labels[0]
		case height - 1:
			label = labels[2]
		case height / 2:
			label = labels[1]
		}
		lines = append(lines, strings.TrimRight(pad(label, margin, true)+" ┤"+bars(values, low, high, row, height), " "))
	}
	lines = append(lines, c.marks(margin, len(values))...)
	return append(lines, strings.Repeat(" ", margin+2)+c.axis(len(values)))
}

func (c Chart) bounds() (low, high float64) {
	low, high = bounds(c.Values)
	least := math.NaN()
	for _, v := range c.Values {
		if !math.IsNaN(v) && !(v >= least) {
			least = v
		}
	}
	switch {
	case math.IsNaN(least):
		return least, least
	case c.FromLeast && least > 0:
		return least, high
	}
	return low, high
}

// columns spreads the values evenly over time, so that a gap in time is one on the
// screen.
func (c Chart) columns(n int) []float64 {
	if len(c.Values) < n {
		n = min(n, c.steps())
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	for i, v := range c.Values {
		at := c.column(c.Times[i], len(out))
		if !math.IsNaN(v) && !(v <= out[at]) {
			out[at] = v
		}
	}
	return out
}

// steps is how many columns the chart has where a column is a step of its times: the
// median.
func (c Chart) steps() int {
	var steps []time.Duration
	for i := 1; i < len(c.Times); i++ {
		steps = append(steps, c.Times[i].Sub(c.Times[i-1]))
	}
	if len(steps) == 0 {
		return 1
	}
	slices.Sort(steps)
	step := max(steps[len(steps)/2], 1)
	span := c.Times[len(c.Times)-1].Sub(c.Times[0])
	return max(int(math.Round(float64(span)/float64(step))), 0) + 1
}

// column is where a time is.
func (c Chart) column(t time.Time, n int) int {
	first, last := c.Times[0], c.Times[len(c.Times)-1]
	span := last.Sub(first)
	if span <= 0 {
		return 0
	}
	return min(max(int(math.Round(float64(t.Sub(first))/float64(span)*float64(n-1))), 0), n-1)
}

// bars is one line: row 0 is the top one.
func bars(values []float64, low, high float64, row, height int) string {
	line := make([]rune, len(values))
	for i, v := range values {
		line[i] = ' '
		if math.IsNaN(v) {
			continue
		}
		eighths := max(level(v, low, high, height*8), 1) // a value of 0 is no gap
		line[i] = blocks[min(max(eighths-(height-1-row)*8, 0), 8)]
	}
	return string(line)
}

func (c Chart) marks(margin, n int) []string {
	if len(c.Marks) == 0 {
		return nil
	}
	line := []rune(strings.Repeat(" ", n))
	for _, t := range c.Marks {
		line[c.column(t, n)] = '▲'
	}
	return []string{strings.TrimRight(strings.Repeat(" ", margin+2)+string(line), " ")}
}

// axis has the first time at its left and the last one at its right.
func (c Chart) axis(n int) string {
	if c.Label == nil {
		return ""
	}
	left, right := c.Label(c.Times[0]), c.Label(c.Times[len(c.Times)-1])
	gap := n - ansi.StringWidth(left) - ansi.StringWidth(right)
	if gap < 1 {
		return left + " to " + right
	}
	return left + strings.Repeat(" ", gap) + right
}
