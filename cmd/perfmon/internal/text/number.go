package text

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// Absent stands for a number that does not exist.
const Absent = "–"

// scale is a unit with its size in the unit that numbers come in.
type scale struct {
	size float64
	name string
}

var scales = map[string][]scale{ // the smallest first
	"s":   {{1e-9, "ns"}, {1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}, {60, "min"}, {3600, "h"}},
	"MiB": {{1.0 / 1024, "KiB"}, {1, "MiB"}, {1024, "GiB"}, {1024 * 1024, "TiB"}},
	"1/s": {{1, "/s"}, {1e3, "k/s"}, {1e6, "M/s"}},
	"":    {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}},
}

// Number writes a number in a metric's unit for people: three digits that count, and the
// unit that suits it.
func Number(v float64, unit string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Absent
	}
	if unit == "count" {
		unit = ""
	}
	list, ok := scales[unit]
	if !ok {
		return strings.TrimSpace(digits(v) + " " + unit)
	}
	if unit == "" && math.Abs(v) < 10_000 && v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	base := 0
	for list[base].size != 1 { // 0 is in the metric's own unit
		base++
	}
	chosen := list[base]
	if v != 0 {
		chosen = list[0]
		for _, s := range list[1:] {
			if math.Abs(rounded(v/s.size)) < 1 {
				break
			}
			chosen = s
		}
	}
	return strings.TrimSpace(digits(v/chosen.size) + " " + chosen.name)
}

// Value is Number of a value that may be absent.
func Value(v perfmon.Value, unit string) string { return Number(v.Float(), unit) }

// rounded keeps three digits.
func rounded(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// digits writes a number with three digits that count and without an exponent where it
// can be read.
func digits(v float64) string {
	r := rounded(v)
	if a := math.Abs(r); a != 0 && (a < 1e-4 || a >= 1e7) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	if math.Abs(r) >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(r, 'f', -1, 64)
}

// Plain writes a number for programs: all digits, no unit.
func Plain(v perfmon.Value) string {
	f, ok := v.Get()
	if !ok {
		return ""
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// Percent writes a change.
func Percent(v perfmon.Value) string {
	f, ok := v.Get()
	if !ok {
		return Absent
	}
	if rounded(f) > 0 {
		return "+" + digits(f) + " %"
	}
	return digits(f) + " %"
}

// Probability writes a p-value.
func Probability(v perfmon.Value) string {
	f, ok := v.Get()
	switch {
	case !ok:
		return Absent
	case f < 0.0001:
		return "< 0.0001"
	}
	return strconv.FormatFloat(rounded(f), 'f', -1, 64)
}

// Count writes a whole number with commas.
func Count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural writes "1 point" or "2 points".
func Plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return Count(uint64(max(n, 0))) + " " + what
}

// Duration writes a duration in its two largest units.
func Duration(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	switch {
	case d < time.Second:
		return Number(d.Seconds(), "s")
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return two(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 48*time.Hour:
		return two(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return two(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func two(a int, big string, b int, small string) string {
	s := strconv.Itoa(a) + " " + big
	if b > 0 {
		s += " " + strconv.Itoa(b) + " " + small
	}
	return s
}

// Seconds is Duration of a number of seconds.
func Seconds(s float64) string {
	if math.IsNaN(s) || s > math.MaxInt64/1e9 {
		return Absent
	}
	return Duration(time.Duration(s * 1e9))
}

// Hours writes a window of so many hours.
func Hours(h float64) string { return Seconds(h * 3600) }

// Spread returns a function that writes numbers of a series with as many digits as tell
// apart what differs by a tenth of their standard deviation, and at least three that count.
func Spread(deviation perfmon.Value) func(float64) string {
	d := deviation.Float()
	if !(d > 0) {
		return func(v float64) string { return Number(v, "") }
	}
	decimals := min(max(1-int(math.Floor(math.Log10(d))), 0), 12)
	return func(v float64) string {
		if a := math.Abs(v); math.IsNaN(v) || a >= 1e9 || a > 0 && a < 1e-6 {
			return Number(v, "")
		}
		needed := decimals
		if v != 0 {
			needed = max(needed, 2-int(math.Floor(math.Log10(math.Abs(v)))))
		}
		return strconv.FormatFloat(v, 'f', needed, 64)
	}
}
