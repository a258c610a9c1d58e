package notify

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// absent stands for a number that does not exist.
const absent = "–"

// scale is a unit with its size in the unit that numbers come in.
type scale struct {
	size float64
	name string
}

var scales = map[string][]scale{ // the smallest first
	"s":     {{1e-9, "ns"}, {1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}, {60, "min"}, {3600, "h"}},
	"MiB":   {{1.0 / 1024, "KiB"}, {1, "MiB"}, {1024, "GiB"}, {1024 * 1024, "TiB"}},
	"MiB/s": {{1.0 / 1024, "KiB/s"}, {1, "MiB/s"}, {1024, "GiB/s"}},
	"1/s":   {{1, "/s"}, {1e3, "k/s"}, {1e6, "M/s"}},
	"":      {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}},
}

// Value writes a value in a metric's unit for people, as the dashboard and the command do:
// three digits that count, and the unit that suits it, such as "38 ms", "1.2 k/s" or "87 %". An
// absent value is a dash.
func Value(v perfmon.Value, unit string) string {
	f, ok := v.Get()
	if !ok {
		return absent
	}
	if unit == "count" {
		unit = ""
	}
	list, ok := scales[unit]
	if !ok {
		return strings.TrimSpace(digits(f) + " " + line(unit))
	}
	if unit == "" && math.Abs(f) < 10_000 && f == math.Trunc(f) {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	chosen := list[0]
	for _, s := range list {
		if f == 0 && s.size == 1 || f != 0 && math.Abs(rounded(f/s.size)) >= 1 {
			chosen = s
		}
	}
	return strings.TrimSpace(digits(f/chosen.size) + " " + chosen.name)
}

// rounded keeps three digits.
func rounded(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// digits writes a number with three digits that count and without an exponent where it can be
// read.
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

// Length writes how long something took, as the dashboard does: "42 s", "3 min", "2 h 5 min",
// "3 days".
func Length(d time.Duration) string {
	s := int64(max(d, 0).Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min", s/60)
	case s < 2*86400:
		if minutes := s % 3600 / 60; minutes > 0 {
			return fmt.Sprintf("%d h %d min", s/3600, minutes)
		}
		return fmt.Sprintf("%d h", s/3600)
	}
	return fmt.Sprintf("%d days", s/86400)
}

// When writes a time: "2026-11-25 20:31 UTC".
func When(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// plural writes a number of things: "1 alert", "2 alerts".
func plural(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.FormatUint(n, 10) + " " + thing + "s"
}

// capital makes the first letter of an English word a capital.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
