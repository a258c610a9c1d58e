// Package jsonnum writes measured numbers as JSON.
package jsonnum

import (
	"math"
	"strconv"
)

// Append writes v in the fewest digits that tell it from its neighbours in single
// precision, about seven: more was not measured. Absent values, which JSON has no
// number for, are null.
func Append(b []byte, v float64) []byte {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || a > math.MaxFloat32:
		return append(b, "null"...)
	case a != 0 && (a < 1e-6 || a >= 1e15):
		return strconv.AppendFloat(b, v, 'e', -1, 32)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 32)
}
