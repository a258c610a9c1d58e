// Package digest keeps the latency sketches of the past in little memory: those of
// the last hour or two for ten minutes each, older ones for an hour each. Merged,
// they give the percentiles of all requests in a window.
package digest

import (
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
	open    *open   // the newest entry while its ten minutes last; nil: there is none
}

// span is what was counted from one time to another, response times left out.
type span struct {
	from, to          int64 // Unix milliseconds
	responses, errors uint64
}

type entry struct {
	span
	times []byte // a sketch, packed
}

// open is an entry that is still added to, so that its sketch is encoded once and not for
// each point.
type open struct {
	span
	times sketch.Sketch
}

// add extends a span by the one that follows it.
func (s *span) add(o span) {
	s.to = o.to
	s.responses += o.responses
	s.errors += o.errors
}

// Add appends what was counted in the time before end. It empties times, and may take its
// memory over.
func (l *Log) Add(end time.Time, elapsed time.Duration, times *sketch.Sketch, responses, errors uint64) {
	to := end.UnixMilli()
	if responses == 0 {
		if l.open != nil && !sameSpan(l.open.to, to, fine) {
			l.seal()
		}
		return
	}
	l.dropFrom(to)
	s := span{from: to - elapsed.Milliseconds(), to: to, responses: responses, errors: errors}
	if l.open != nil && !sameSpan(l.open.to, to, fine) {
		l.seal()
	}
	if l.open == nil {
		l.reopen(s)
	} else {
		l.open.add(s)
	}
	if l.open.times.Count() == 0 {
		l.open.times, *times = *times, sketch.Sketch{}
		return
	}
	l.open.times.Merge(times)
	times.Reset()
}

// dropFrom drops entries that a clock set back left in the future.
func (l *Log) dropFrom(to int64) {
	if l.open != nil && l.open.from >= to {
		l.open = nil
	}
	if n := len(l.entries); n > 0 && l.entries[n-1].from >= to {
		l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return e.from >= to })
	}
}

// Bytes returns about what the log takes in memory.
func (l *Log) Bytes() int {
	n := 56 * cap(l.entries)
	for _, e := range l.entries {
		n += cap(e.times)
	}
	return n
}

// reopen opens an entry for a span: the newest one where that is of the same ten minutes.
func (l *Log) reopen(s span) {
	l.open = &open{span: s}
	n := len(l.entries)
	if n == 0 || !sameSpan(l.entries[n-1].to, s.to, fine) {
		l.compact(s.to)
		return
	}
	last := l.entries[n-1]
	l.entries[n-1] = entry{}
	l.entries = l.entries[:n-1]
	l.open.span = last.span
	l.open.add(s)
	addPacked(last.times, &l.open.times)
}

// seal encodes the open entry.
func (l *Log) seal() {
	l.entries = append(l.entries, l.open.entry())
	l.open = nil
}

func (o *open) entry() entry { return entry{o.span, pack(&o.times)} }

// all returns every entry.
func (l *Log) all() []entry {
	if l.open == nil {
		return l.entries
	}
	return append(slices.Clone(l.entries), l.open.entry())
}

// sameSpan reports whether two entries end within the same span of the clock.
func sameSpan(a, b int64, span time.Duration) bool {
	ms := span.Milliseconds()
	return (a-1)/ms == (b-1)/ms
}

// compact merges the entries of each hour that ended more than an hour before now.
func (l *Log) compact(now int64) {
	limit := now - coarse.Milliseconds()
	limit -= limit % coarse.Milliseconds()
	kept := l.entries[:0]
	for i := 0; i < len(l.entries); {
		j := i + 1
		for j < len(l.entries) && l.entries[j].to <= limit && sameSpan(l.entries[i].to, l.entries[j].to, coarse) {
			j++
		}
		e := l.entries[i]
		if j > i+1 {
			e = merge(l.entries[i:j])
		}
		kept = append(kept, e)
		i = j
	}
	clear(l.entries[len(kept):])
	l.entries = kept
}

// merge adds entries up.
func merge(entries []entry) entry {
	sum := open{span: entries[0].span}
	for i, e := range entries {
		if i > 0 {
			sum.add(e.span)
		}
		addPacked(e.times, &sum.times)
	}
	return sum.entry()
}

// Trim drops what ended at or before t.
func (l *Log) Trim(t time.Time) {
	ms := t.UnixMilli()
	if len(l.entries) > 0 && l.entries[0].to <= ms {
		l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return e.to <= ms })
	}
	if l.open != nil && l.open.to <= ms {
		l.open = nil
	}
}

// Sum is what a window holds. From is zero when that is nothing.
type Sum struct {
	From              time.Time
	Responses, Errors uint64
}

// add adds a span that follows.
func (s *Sum) add(o span) {
	if s.From.IsZero() {
		s.From = time.UnixMilli(o.from).UTC()
	}
	s.Responses += o.responses
	s.Errors += o.errors
}

// after returns the entries that ended after a time.
func (l *Log) after(ms int64) []entry {
	i := len(l.entries)
	for i > 0 && l.entries[i-1].to > ms { // windows are short, more often than not
		i--
	}
	return l.entries[i:]
}

// Since sums up what ended after t and adds the response times to times. The window
// may begin before t, by less than the length of an entry.
func (l *Log) Since(t time.Time, times *sketch.Sketch) Sum {
	ms := t.UnixMilli()
	var sum Sum
	for _, e := range l.after(ms) {
		sum.add(e.span)
		addPacked(e.times, times)
	}
	if l.open != nil && l.open.to > ms {
		sum.add(l.open.span)
		times.Merge(&l.open.times)
	}
	return sum
}

// Count does what Since does and leaves the response times out.
func (l *Log) Count(t time.Time) Sum {
	ms := t.UnixMilli()
	var sum Sum
	for _, e := range l.after(ms) {
		sum.add(e.span)
	}
	if l.open != nil && l.open.to > ms {
		sum.add(l.open.span)
	}
	return sum
}

// Oldest returns when the oldest entry begins and ends that Since would sum up for t, in Unix
// milliseconds, zeros where there is none. Until t passes that end, windows differ by what was
// added alone.
func (l *Log) Oldest(t time.Time) (from, to int64) {
	ms := t.UnixMilli()
	if entries := l.after(ms); len(entries) > 0 {
		return entries[0].from, entries[0].to
	}
	if l.open != nil && l.open.to > ms {
		return l.open.from, l.open.to
	}
	return 0, 0
}
