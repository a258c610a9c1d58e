package analyze

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Value is a finite number that may be absent. The zero Value is absent. Values compare
// with ==. In JSON an absent Value is null.
type Value struct {
	bits uint64 // of the number, XOR absentBits, so that the zero Value is absent
}

// absentBits are the bits of a NaN, which no finite number has.
const absentBits = 0x7FF8000000000001

// ValueOf returns v as a Value. NaN and the infinities are absent, and -0 is 0.
func ValueOf(v float64) Value {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Value{}
	}
	return Value{math.Float64bits(v+0) ^ absentBits} // -0 + 0 is 0
}

// Get returns the number, and whether there is one.
func (v Value) Get() (number float64, ok bool) {
	if v.IsAbsent() {
		return 0, false
	}
	return math.Float64frombits(v.bits ^ absentBits), true
}

// Float returns the number, or NaN where the Value is absent.
func (v Value) Float() float64 { return math.Float64frombits(v.bits ^ absentBits) }

// IsAbsent reports whether there is no number.
func (v Value) IsAbsent() bool { return v.bits == 0 }

// Equal reports whether both are the same number, or both absent.
func (v Value) Equal(o Value) bool { return v == o }

// String returns the number as JSON has it, or "absent".
func (v Value) String() string {
	if v.IsAbsent() {
		return "absent"
	}
	return string(appendNumber(nil, v.Float(), 64))
}

// MarshalJSON returns the shortest number that reads back as the same Value, or null.
func (v Value) MarshalJSON() ([]byte, error) {
	return appendNumber(nil, v.Float(), 64), nil
}

// UnmarshalJSON reads a finite number or null. Anything else is an error, and leaves v
// as it was.
func (v *Value) UnmarshalJSON(data []byte) error {
	number, err := parseNumber(data, 64)
	if err != nil {
		return err
	}
	*v = ValueOf(number)
	return nil
}

// appendNumber appends v as JSON in the fewest digits that are exact in bitSize bits:
// a plain decimal from 1e-6 up to 1e15, with an exponent outside of that. What is not
// finite is null.
func appendNumber(b []byte, v float64, bitSize int) []byte {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return append(b, "null"...)
	case a == 0:
		return append(b, '0')
	case a < 1e-6 || a >= 1e15:
		return strconv.AppendFloat(b, v, 'e', -1, bitSize)
	}
	return strconv.AppendFloat(b, v, 'f', -1, bitSize)
}

// parseNumber reads a JSON number, rounded to bitSize bits, or null as NaN.
func parseNumber(data []byte, bitSize int) (float64, error) {
	data = bytes.Trim(data, " \t\r\n")
	if string(data) == "null" {
		return math.NaN(), nil
	}
	// JSON has fewer ways to write a number than strconv reads.
	if len(data) == 0 || data[0] != '-' && (data[0] < '0' || data[0] > '9') || !json.Valid(data) {
		return 0, fmt.Errorf("analyze: %.40q is not a number: want a finite JSON number or null", data)
	}
	v, err := strconv.ParseFloat(string(data), bitSize)
	if err != nil {
		return 0, fmt.Errorf("analyze: %.40q is out of range: want a finite number, at most %g either way", data, math.MaxFloat64)
	}
	return v, nil
}
