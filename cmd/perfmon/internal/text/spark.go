package text

import "math"

var blocks = []rune(" ▁▂▃▄▅▆▇█")

// Spark draws values in one line of so many columns, from 0 or the least value, whichever is
// less, to the largest. Where there is no value there is a space. Of more values than
// columns, each column shows the largest of its own.
func Spark(values []float64, columns int) string {
	values = squeeze(values, columns)
	low, high := bounds(values)
	line := make([]rune, len(values))
	for i, v := range values {
		line[i] = ' '
		if !math.IsNaN(v) {
			line[i] = blocks[level(v, low, high, 7)+1]
		}
	}
	return string(line)
}

// bounds are those of a chart, which has 0 at its foot unless a value is below.
func bounds(values []float64) (low, high float64) {
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	return low, high
}

// level places a value on a scale from 0 to steps.
func level(v, low, high float64, steps int) int {
	if high <= low {
		return 0
	}
	return int(math.Round((v/2 - low/2) / (high/2 - low/2) * float64(steps)))
}

// squeeze returns at most columns values: of each group the largest.
func squeeze(values []float64, columns int) []float64 {
	if columns <= 0 || len(values) <= columns {
		return values
	}
	out := make([]float64, columns)
	for i := range out {
		out[i] = math.NaN()
		for _, v := range values[i*len(values)/columns : (i+1)*len(values)/columns] {
			if !math.IsNaN(v) && !(v <= out[i]) {
				out[i] = v
			}
		}
	}
	return out
}
