// Package digest keeps the latency sketches of the past in little memory: those of
// the last hour or two for ten minutes each, older ones for an hour each. Merged,
// they give the percentiles of all requests in a window.
package digest

import (
	"bytes"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/sketch"
)

const (
	fine   = 10 * time.Minute
	coarse = time.Hour
)

// Log is the past of one endpoint. The zero value is empty and ready.
type Log struct {
	entries []entry // ascending, without gaps or overlaps in counted time
}

type entry struct {
	from, to          int64 // Unix milliseconds
	responses, errors uint64
	times             []byte // binary form of a sketch
}

// Add appends what was counted in the time before end.
func (l *Log) Add(end time.Time, elapsed time.Duration, times *sketch.Sketch, responses, errors uint64) {
	if responses == 0 {
		return
	}
	to := end.UnixMilli()
	// Entries that a clock set back left in the future go.
	l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return e.from >= to })
	e := entry{from: to - elapsed.Milliseconds(), to: to, responses: responses, errors: errors}
	e.times = encode(times)
	if n := len(l.entries); n > 0 && sameSpan(l.entries[n-1], e, fine) {
		l.entries[n-1] = merge(l.entries[n-1:n], e)
		return
	}
	l.compact(to)
	l.entries = append(l.entries, e)
}

// sameSpan reports whether two entries end within the same span of the clock.
func sameSpan(a, b entry, span time.Duration) bool {
	ms := span.Milliseconds()
	return (a.to-1)/ms == (b.to-1)/ms
}

// compact merges the entries of each hour that ended more than an hour before now.
func (l *Log) compact(now int64) {
	limit := now - coarse.Milliseconds()
	limit -= limit % coarse.Milliseconds()
	kept := l.entries[:0]
	for i := 0; i < len(l.entries); {
		j := i + 1
		for j < len(l.entries) && l.entries[j].to <= limit && sameSpan(l.entries[i], l.entries[j], coarse) {
			j++
		}
		e := l.entries[i]
		if j > i+1 {
			e = merge(l.entries[i:j-1], l.entries[j-1])
		}
		kept = append(kept, e)
		i = j
	}
	clear(l.entries[len(kept):])
	l.entries = kept
}

// merge adds last up with the entries before it.
func merge(before []entry, last entry) entry {
	var s sketch.Sketch
	sum := entry{from: before[0].from, to: last.to}
	for _, e := range append(slices.Clone(before), last) {
		sum.responses += e.responses
		sum.errors += e.errors
		_ = s.MergeBinary(e.times) // sound: it was made or checked here
	}
	sum.times = encode(&s)
	return sum
}

// encode returns the binary form in no more memory than it needs.
func encode(s *sketch.Sketch) []byte {
	b, _ := s.AppendBinary(make([]byte, 0, 1024)) // its error is always nil
	return bytes.Clone(b)
}

// Trim drops what ended at or before t.
func (l *Log) Trim(t time.Time) {
	ms := t.UnixMilli()
	if len(l.entries) > 0 && l.entries[0].to <= ms {
		l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return e.to <= ms })
	}
}

// Sum is what a window holds. From is zero when that is nothing.
type Sum struct {
	From              time.Time
	Responses, Errors uint64
}

// Since sums up what ended after t and adds the response times to times. The window
// may begin before t, by less than the length of an entry.
func (l *Log) Since(t time.Time, times *sketch.Sketch) Sum {
	ms := t.UnixMilli()
	var sum Sum
	for _, e := range l.entries {
		if e.to <= ms {
			continue
		}
		if sum.From.IsZero() {
			sum.From = time.UnixMilli(e.from).UTC()
		}
		sum.Responses += e.responses
		sum.Errors += e.errors
		_ = times.MergeBinary(e.times) // sound: it was made or checked here
	}
	return sum
}
