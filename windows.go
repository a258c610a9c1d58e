package perfmon

import (
	"math"
	"sync"
	"time"

	"github.com/backend-prs/perfmon/internal/digest"
	"github.com/backend-prs/perfmon/internal/traffic"
	"github.com/backend-prs/perfmon/sketch"
)

// windows keeps what scopes counted in the windows that are asked for again and again, such
// as the last hour and the retention, up to the latest point. When a point closes, it is
// added; only when an entry of the digest leaves a window, that scope is summed up anew.
// A window that nobody has asked for of late is dropped.
type windows struct {
	mu   sync.Mutex // taken after that of the history
	list []*windowSums
}

const (
	maxWindows    = 4  // lengths that are kept
	windowsUnused = 15 // points after which one is dropped
)

type windowSums struct {
	length time.Duration
	asked  uint64 // the history's version when it was asked for last
	scopes map[*scopeHistory]*windowSum
	whole  *wholeSum // of all endpoints; nil: it has to be added up
}

type windowSum struct {
	begin int64 // of the digest's first entry in it
	sum   digest.Sum
	times sketch.Sketch
}

// wholeSum is what all endpoints counted in windows that begin within a span, up to the
// latest point.
type wholeSum struct {
	windowSum
	from, until int64 // of that span, in Unix milliseconds
}

// of returns the sums of a window. The caller holds mu, and reads history.
func (w *windows) of(length time.Duration, version uint64) *windowSums {
	oldest := 0
	for i, s := range w.list {
		if s.length == length {
			s.asked = version
			return s
		}
		if s.asked < w.list[oldest].asked {
			oldest = i
		}
	}
	s := &windowSums{length: length, asked: version, scopes: map[*scopeHistory]*windowSum{}}
	if len(w.list) < maxWindows {
		w.list = append(w.list, s)
	} else {
		w.list[oldest] = s
	}
	return s
}

// get returns what a scope counted after since, which is where the window begins, up to
// its latest point. It does not change before the next point.
func (w *windowSums) get(s *scopeHistory, since time.Time) *windowSum {
	begin, _ := s.digests.Oldest(since)
	sum := w.scopes[s]
	if sum == nil || sum.begin != begin {
		sum = &windowSum{begin: begin}
		sum.sum = s.digests.Since(since, &sum.times)
		w.scopes[s] = sum
	}
	return sum
}

// endpoints returns what all endpoints of a history counted after since, up to its latest
// point.
func (w *windowSums) endpoints(h *history, since time.Time) *wholeSum {
	ms := since.UnixMilli()
	if w.whole != nil && w.whole.from <= ms && ms < w.whole.until {
		return w.whole
	}
	all := &wholeSum{from: ms, until: math.MaxInt64}
	for scope, s := range h.scopes {
		if !isEndpoint(scope) {
			continue
		}
		one := w.get(s, since)
		if one.sum.From.IsZero() {
			continue
		}
		if all.sum.From.IsZero() || one.sum.From.Before(all.sum.From) {
			all.sum.From = one.sum.From
		}
		all.sum.Responses += one.sum.Responses
		all.sum.Errors += one.sum.Errors
		all.times.Merge(&one.times)
		_, ends := s.digests.Oldest(since)
		all.until = min(all.until, ends)
	}
	w.whole = all
	return all
}

// closing adds what is pending of a scope, right before it becomes a point. The history's
// writer calls it.
func (w *windows) closing(s *scopeHistory) {
	if s.pending.Responses == 0 {
		return
	}
	for _, win := range w.list {
		sum := win.scopes[s]
		switch {
		case sum == nil:
		case sum.sum.From.IsZero(): // the point will be its first
			delete(win.scopes, s)
		default:
			sum.sum.Responses += s.pending.Responses
			sum.sum.Errors += s.pending.Errors
			sum.times.Merge(&s.pending.Times)
		}
	}
}

// prune drops windows that are not asked for, and all where time went back. The history's
// writer calls it.
func (w *windows) prune(version uint64, forward bool) {
	kept := w.list[:0]
	for _, win := range w.list {
		win.whole = nil
		if forward && version-win.asked <= windowsUnused {
			kept = append(kept, win)
		}
	}
	clear(w.list[len(kept):])
	w.list = kept
}

// drop forgets a scope. The history's writer calls it.
func (w *windows) drop(s *scopeHistory) {
	for _, win := range w.list {
		win.whole = nil
		delete(win.scopes, s)
	}
}

// requestSum is what was counted for a scope in a window.
type requestSum struct {
	scope            Scope
	from             time.Time
	requests, failed uint64
	times            sketch.Sketch
}

// add adds what was counted up to the latest point, and since: counting is when that
// began. Where the window is shorter than what is counted together, it begins earlier.
func (r *requestSum) add(sum *windowSum, pending *traffic.Counts, counting time.Time) {
	r.requests += sum.sum.Responses + pending.Responses
	r.failed += sum.sum.Errors + pending.Errors
	r.times.Merge(&sum.times)
	r.times.Merge(&pending.Times)
	if !sum.sum.From.IsZero() && sum.sum.From.Before(r.from) {
		r.from = sum.sum.From
	}
	if pending.Responses > 0 && counting.Before(r.from) {
		r.from = counting
	}
}

// sums calls f with what was counted in the window before now, for each scope that pick
// picks. What it is called with is only f's until it returns.
func (h *history) sums(now time.Time, window time.Duration, pick func(Scope) bool, f func(*requestSum)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	h.sumUp(now, window, pick, f)
}

// sum returns what all endpoints counted in the window before now.
func (h *history) sum(now time.Time, window time.Duration) *requestSum {
	h.mu.RLock()
	defer h.mu.RUnlock()
	h.windows.mu.Lock()
	defer h.windows.mu.Unlock()
	since := now.Add(-window)
	r := &requestSum{from: later(since, h.begun)}
	all := h.windows.of(window, h.version).endpoints(h, since)
	r.add(&all.windowSum, &h.pending, h.counting)
	return r
}

// sumUp is sums for one who holds mu for reading.
func (h *history) sumUp(now time.Time, window time.Duration, pick func(Scope) bool, f func(*requestSum)) {
	h.windows.mu.Lock()
	defer h.windows.mu.Unlock()
	since := now.Add(-window)
	begin := later(since, h.begun)
	kept := h.windows.of(window, h.version)
	r := &requestSum{}
	for scope, s := range h.scopes {
		if !pick(scope) {
			continue
		}
		r.scope, r.from, r.requests, r.failed = scope, begin, 0, 0
		r.times.Reset()
		r.add(kept.get(s, since), &s.pending, h.counting)
		f(r)
	}
}

// failures calls f with the requests and errors of each endpoint in the window before now.
func (h *history) failures(now time.Time, window time.Duration, f func(endpoint string, requests, failed uint64)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for scope, s := range h.scopes {
		if isEndpoint(scope) {
			sum := s.digests.Count(now.Add(-window))
			f(scope.Endpoint, sum.Responses+s.pending.Responses, sum.Errors+s.pending.Errors)
		}
	}
}
