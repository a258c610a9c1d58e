package csvfile

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// layouts are how times are written as text. After the seconds a fraction may follow.
var layouts = []string{
	time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 -0700 MST", "2006-01-02 15:04:05 MST", "2006-01-02 15:04", "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
	"2006/01/02 15:04:05", "2006/01/02 15:04", "2006-01-02",
}

// parseTime reads a time as text, or a Unix time.
func parseTime(s string, zone *time.Location) (time.Time, bool) {
	if t, ok := parseUnix(s); ok {
		return t, true
	}
	return parseText(s, zone)
}

// parseText reads a time that is written as a date. Without a zone it is in that given.
func parseText(s string, zone *time.Location) (time.Time, bool) {
	if len(s) < len("2006-01-02") || len(s) > 64 || !strings.ContainsAny(s, "-/") {
		return time.Time{}, false
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil && inRange(t) {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// inRange keeps differences of times within a time.Duration, and times within what RFC
// 3339 writes.
func inRange(t time.Time) bool { return t.Year() >= 1900 && t.Year() < 2190 }

// parseUnix reads a number of seconds since 1970, of milliseconds from 1e11 on, of
// microseconds from 1e14 on, or of nanoseconds from 1e17 on.
func parseUnix(s string) (time.Time, bool) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.Abs(v) >= 9e18 {
		return time.Time{}, false
	}
	per := 1e9 // nanoseconds
	switch a := math.Abs(v); {
	case a >= 1e17:
		per = 1
	case a >= 1e14:
		per = 1e3
	case a >= 1e11:
		per = 1e6
	}
	var t time.Time
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if per == 1e9 {
			t = time.Unix(n, 0)
		} else {
			t = time.Unix(0, n*int64(per))
		}
	} else {
		whole, fraction := math.Modf(v * per / 1e9)
		t = time.Unix(int64(whole), int64(math.Round(fraction*1e9)))
	}
	t = t.UTC()
	return t, inRange(t)
}

// isUnix reports whether a number looks like a Unix time: one after 1990.
func isUnix(s string) bool {
	t, ok := parseUnix(s)
	return ok && t.Year() >= 1990
}
