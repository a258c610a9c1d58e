package prom

import (
	"strconv"
	"strings"

	"github.com/backend-prs/perfmon"
)

// unit says how a unit of perfmon becomes a base unit of Prometheus.
type unit struct {
	suffix string
	scale  float64  // of a value
	trim   []string // what a name may end in that says the unit already
}

var (
	trimRatio   = []string{"_percent", "_pct", "_rate", "_ratio"}
	trimSeconds = []string{"_seconds", "_ms", "_s"}
	trimBytes   = []string{"_bytes", "_kb", "_mb", "_gb", "_kib", "_mib", "_gib"}
	trimRate    = []string{"_per_second", "_rps"}

	// No gauge may have a name that belongs to the parts of a counter or a histogram.
	trimReserved = []string{"_total", "_count", "_sum", "_bucket"}
)

// units are those whose base unit is known. A value in another one keeps it.
var units = map[string]unit{
	"%":     {"_ratio", 0.01, trimRatio},
	"s":     {"_seconds", 1, trimSeconds},
	"ms":    {"_seconds", 1e-3, trimSeconds},
	"us":    {"_seconds", 1e-6, trimSeconds},
	"µs":    {"_seconds", 1e-6, trimSeconds},
	"ns":    {"_seconds", 1e-9, trimSeconds},
	"min":   {"_seconds", 60, trimSeconds},
	"h":     {"_seconds", 3600, trimSeconds},
	"B":     {"_bytes", 1, trimBytes},
	"bytes": {"_bytes", 1, trimBytes},
	"KiB":   {"_bytes", 1 << 10, trimBytes},
	"MiB":   {"_bytes", 1 << 20, trimBytes},
	"GiB":   {"_bytes", 1 << 30, trimBytes},
	"kB":    {"_bytes", 1e3, trimBytes},
	"MB":    {"_bytes", 1e6, trimBytes},
	"GB":    {"_bytes", 1e9, trimBytes},
	"B/s":   {"_bytes_per_second", 1, trimBytes},
	"KiB/s": {"_bytes_per_second", 1 << 10, trimBytes},
	"MiB/s": {"_bytes_per_second", 1 << 20, trimBytes},
	"1/s":   {"_per_second", 1, trimRate},
}

// exported returns the name that a metric has in Prometheus, without the namespace, and by
// what its value is multiplied.
func exported(m perfmon.Metric) (name string, scale float64) {
	u, ok := units[m.Unit]
	if !ok {
		return trimmed(m.Name, trimReserved), 1
	}
	return trimmed(m.Name, u.trim) + u.suffix, u.scale
}

// trimmed returns a name without the first suffix that it has; one that is nothing else
// stays.
func trimmed(name string, suffixes []string) string {
	for _, s := range suffixes {
		if rest, ok := strings.CutSuffix(name, s); ok && rest != "" {
			return rest
		}
	}
	return name
}

// names are those of one scrape.
type names map[string]bool

// take returns a name that is new. Two metrics of the host may get the same one, such as
// fill_percent and fill_ratio: then the later is told apart by its own name, and by a number.
func (n names) take(name, own string) string {
	for i, try := 1, name; ; i++ {
		if !n[try] {
			n[try] = true
			return try
		}
		if try = own; i > 1 {
			try = own + "_" + strconv.Itoa(i)
		}
	}
}

// endpoint splits an endpoint of perfmon into its handler and its method, which is empty for
// "(unmatched)" and "(other)".
func endpoint(name string) (handler, method string) {
	if !perfmon.ReservedName(name) {
		if method, pattern, ok := strings.Cut(name, " "); ok {
			return pattern, method
		}
	}
	return name, ""
}
