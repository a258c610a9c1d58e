package traffic

import (
	"math/bits"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/exp/slices"
)

// Exemplar is a response that stands for those of its class of status and of about its
// duration, with the trace that its request belongs to.
type Exemplar struct {
	TraceID  string
	Duration time.Duration
	Time     time.Time // when it was noted
	Class    int       // of its status: 1 for 1xx
}

// magnitudes is how many durations are told apart: below 1 ms, and from there on by factors
// of 4 up to 4.096 s and more.
const magnitudes = 8

func magnitude(d time.Duration) int {
	return min((bits.Len64(uint64(max(d, 0)/time.Millisecond))+1)/2, magnitudes-1)
}

// exemplars are those of one name, by class of status and magnitude. The first response of
// a slot since the last reading is noted, and until the reader has emptied the slot no other
// one writes or allocates anything.
type exemplars struct {
	noted [numClasses]atomic.Pointer[[magnitudes]atomic.Pointer[Exemplar]]
	kept  [numClasses]*[magnitudes]*Exemplar // the latest that were read; the mu of the counters
}

func (e *exemplars) slot(class int, d time.Duration) *atomic.Pointer[Exemplar] {
	slots := e.noted[class].Load()
	if slots == nil {
		e.noted[class].CompareAndSwap(nil, new([magnitudes]atomic.Pointer[Exemplar]))
		slots = e.noted[class].Load()
	}
	return &slots[magnitude(d)]
}

// take empties the slots and returns what was there.
func (e *exemplars) take() (list []*Exemplar) {
	for class := range e.noted {
		slots := e.noted[class].Load()
		if slots == nil {
			continue
		}
		for i := range slots {
			if slots[i].Load() != nil {
				list = append(list, slots[i].Swap(nil))
			}
		}
	}
	return list
}

// keep keeps what was taken in the place of what was kept before. The caller holds the mu of
// the counters.
func (e *exemplars) keep(list []*Exemplar) {
	for _, x := range list {
		to := &e.kept[x.Class-1]
		if *to == nil {
			*to = new([magnitudes]*Exemplar)
		}
		(*to)[magnitude(x.Duration)] = x
	}
}

// list returns what is kept, the oldest first. The caller holds the mu of the counters.
func (e *exemplars) list() (list []*Exemplar) {
	for _, slots := range e.kept {
		if slots == nil {
			continue
		}
		for _, x := range slots {
			if x != nil {
				list = append(list, x)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *Exemplar) int { return a.Time.Compare(b.Time) })
	return list
}

// Exemplar notes the trace of a response of the endpoint that serves method on pattern, right
// after EndRoute has counted it. It does nothing where there is one already that came since
// the last reading, for streams, and for an ID that is not valid. now says what time it is.
func (r *Recorder) Exemplar(method, pattern string, lane Lane, d time.Duration, traceID string, now func() time.Time) {
	if lane >= streamLane {
		return
	}
	var name *Name
	if p := find(r.stripe.routes.set(pattern), method, pattern); p != nil {
		name = p.name
	} else {
		name = r.Endpoint(method, pattern)
	}
	class := int(lane / 2)
	slot := name.counters.exemplars.slot(class, d)
	if slot.Load() == nil && validTraceID(traceID) {
		slot.CompareAndSwap(nil, &Exemplar{strings.Clone(traceID), max(d, 0), now(), class + 1})
	}
}

// maxTraceID bounds a trace ID in bytes: beside its label's name it fits into the 128
// characters that OpenMetrics has for an exemplar.
const maxTraceID = 64

func validTraceID(id string) bool {
	if id == "" || len(id) > maxTraceID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-') {
			return false
		}
	}
	return true
}
