package goruntime

import (
	"math"
	"runtime/metrics"
	"strings"
	"time"
)

// Form is what becomes of a figure of the runtime.
type Form uint8

const (
	Level        Form = iota // a number as it is now
	Rate                     // how fast a number that only grows does so
	Distribution             // the median and the 99th percentile of what was added
)

// Named is a figure that the runtime has, by its own name.
type Named struct {
	Name string // such as "/sched/goroutines:goroutines"
	Unit string // "B", "s", "%" or "count"; of a rate "B/s", "s/s" or "1/s"
	Help string
	Form Form
}

// Find returns what the toolchain knows by a name.
func Find(name string) (Named, bool) {
	for _, d := range metrics.All() {
		if d.Name == name {
			return describe(d), d.Kind != metrics.KindBad
		}
	}
	return Named{}, false
}

func describe(d metrics.Description) Named {
	n := Named{Name: d.Name, Unit: "count", Help: firstSentence(d.Description)}
	_, unit, _ := strings.Cut(d.Name, ":")
	switch unit {
	case "bytes":
		n.Unit = "B"
	case "seconds", "cpu-seconds":
		n.Unit = "s"
	case "percent":
		n.Unit = "%"
	}
	switch {
	case d.Kind == metrics.KindFloat64Histogram:
		n.Form = Distribution
	case d.Cumulative && n.Unit == "count":
		n.Form, n.Unit = Rate, "1/s"
	case d.Cumulative:
		n.Form, n.Unit = Rate, n.Unit+"/s"
	}
	return n
}

// firstSentence is enough to say what a figure is.
func firstSentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if end := strings.Index(text, ". "); end >= 0 {
		text = text[:end+1]
	}
	if len(text) > 400 {
		text = text[:strings.LastIndexByte(text[:400], ' ')]
	}
	return text
}

// MetricName is the name in letters that a metric may have.
func (n Named) MetricName() string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(n.Name[1:]))
	if strings.HasPrefix(name, "go") {
		return name // godebug
	}
	return "go_" + name
}

// NamedReader reads one figure over windows that follow each other. It belongs to one
// goroutine.
type NamedReader struct {
	form   Form
	sample [1]metrics.Sample
}

// NewNamedReader returns a reader.
func NewNamedReader(n Named) *NamedReader {
	return &NamedReader{form: n.Form, sample: [1]metrics.Sample{{Name: n.Name}}}
}

// IsLevel reports whether the figure has no past.
func (r *NamedReader) IsLevel() bool { return r.form == Level }

// Read takes the figure as it is now.
func (r *NamedReader) Read() { metrics.Read(r.sample[:]) }

// NamedWindow is where a window of time began. The zero value is the process's start.
type NamedWindow struct {
	total float64
	seen  []uint64
}

// Since sets the value, or the two of a distribution, of the window that began at w and
// lasted for elapsed, and lets the next one begin where the last Read was.
func (r *NamedReader) Since(w *NamedWindow, elapsed time.Duration, set func(i int, v float64)) {
	switch v := r.sample[0].Value; v.Kind() {
	case metrics.KindUint64:
		r.number(float64(v.Uint64()), w, elapsed, set)
	case metrics.KindFloat64:
		r.number(v.Float64(), w, elapsed, set)
	case metrics.KindFloat64Histogram:
		h := v.Float64Histogram()
		if len(w.seen) != len(h.Counts) {
			w.seen = make([]uint64, len(h.Counts))
		}
		set(0, quantileSince(h, w.seen, 0.5))
		set(1, quantileSince(h, w.seen, 0.99))
		w.seen = append(w.seen[:0], h.Counts...)
	}
}

func (r *NamedReader) number(now float64, w *NamedWindow, elapsed time.Duration, set func(int, float64)) {
	switch {
	case r.form == Level && now < math.MaxInt64: // no limit is given as the largest number there is
		set(0, now)
	case r.form == Rate && elapsed > 0:
		set(0, (now-w.total)/elapsed.Seconds())
	}
	w.total = now
}

// Names are those that the built-in metrics are read from.
func Names() []string { return append([]string(nil), names[:]...) }
