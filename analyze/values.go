package analyze

import (
	"encoding/json"
	"fmt"
	"math"
)

// Values is a column of numbers for a chart. NaN is absent, and null in JSON, as the
// infinities are.
//
// JSON has the fewest digits that are exact in single precision, about seven, which is
// more than a chart shows and a third of the bytes. Reading rounds to single precision,
// so a column of float32 numbers comes back unchanged. A number that single precision
// does not hold is written and read in double precision.
type Values []float64

// smallestNormal32 is the smallest float32 with all its digits.
const smallestNormal32 = 0x1p-126

// MarshalJSON returns an array of numbers and nulls. Of nil it returns null.
func (v Values) MarshalJSON() ([]byte, error) {
	if v == nil {
		return []byte("null"), nil
	}
	b := append(make([]byte, 0, 8*len(v)+2), '[')
	for i, number := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(b, number, precision(number))
	}
	return append(b, ']'), nil
}

// precision returns the bits that v is written in, 32 or 64.
func precision(v float64) int {
	if math.Abs(v) < smallestNormal32 || math.IsInf(float64(float32(v)), 0) {
		return 64
	}
	return 32
}

// UnmarshalJSON reads an array of finite numbers and nulls, or null. Anything else is
// an error, and leaves v as it was.
func (v *Values) UnmarshalJSON(data []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return fmt.Errorf("analyze: values: want an array of numbers: %w", err)
	}
	if items == nil {
		*v = nil
		return nil
	}
	values := make(Values, len(items))
	for i, item := range items {
		double, err := parseNumber(item, 64)
		if err != nil {
			return fmt.Errorf("analyze: value %d: %w", i, err)
		}
		values[i] = double + 0 // -0 + 0 is 0
		if precision(double) == 32 {
			values[i] = float64(float32(double))
		}
	}
	*v = values
	return nil
}
