package perfmon

import (
	"fmt"
	"math"

	"github.com/backend-prs/perfmon/analyze"
)

// Value is a number that may be absent: null in JSON. The zero Value is absent.
type Value = analyze.Value

// Values is a column of numbers over time, NaN where one is absent. JSON has null there,
// and the others in single precision, which is how precisely points are kept.
type Values = analyze.Values

// ValueOf returns the Value of a number. NaN and infinities are absent.
func ValueOf(v float64) Value { return analyze.ValueOf(v) }

// absent returns n absent values.
func absent(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}

// withUnit writes a value for people.
func withUnit(v float64, unit string) string {
	number := fmt.Sprintf("%.3g", v)
	if math.Abs(v) >= 1000 && math.Abs(v) < 1e15 {
		number = fmt.Sprintf("%.0f", v)
	}
	switch unit {
	case "", "count":
		return number
	case "1/s":
		return number + " per second"
	}
	return number + " " + unit
}
