// Package traffic counts requests where they happen, on the request path, and hands
// what was counted to one reader, once a step.
//
// Writers touch two counters a request: one when it starts, one bucket of a latency
// sketch when it ends. Rates, errors and requests in flight are derived when read.
// Counters are kept in stripes, a few a processor, so that processors seldom
// write to the same cache line.
package traffic

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Names under which requests are counted that have no endpoint of their own.
const (
	Unmatched = "(unmatched)" // no route matched
	Other     = "(other)"     // the table of endpoints or organizations is full
)

// There are more stripes than processors, so that two of them seldom share one by
// chance; maxStripes bounds memory on machines with very many. Beside its counters a stripe
// has cells of its own for the names that are hot: the cells of others are shared by all
// stripes with the same number modulo sharedStripes, since who comes seldom disturbs nobody.
const (
	stripesPerProcessor = 2
	maxStripes          = 256
	sharedStripes       = 8

	hotResponses = 5000 // between two readings
	maxHot       = 100  // names
)

// Traffic is the whole of it. Recorders write, one reader drains.
type Traffic struct {
	Endpoints     *Names
	Organizations *Names

	unmatched *Name
	stripes   []*stripe

	mu    sync.Mutex
	users []int // recorders alive per stripe; mu

	// reading lets a Live see what the Reader reads and releases, or what is there before
	// or after that, and nothing between. It comes before all other locks.
	reading sync.Mutex

	totalMu sync.Mutex
	total   Counts // of all that was read; totalMu
}

// New returns an empty one for at most so many endpoints and organizations.
func New(endpoints, organizations int) *Traffic {
	n := min(stripesPerProcessor*runtime.GOMAXPROCS(0), maxStripes)
	t := &Traffic{
		Endpoints:     newNames(n, endpoints, Unmatched, Other),
		Organizations: newNames(n, organizations, Other),
		users:         make([]int, n),
	}
	t.unmatched = t.Endpoints.list[0]
	for range n {
		t.stripes = append(t.stripes, new(stripe))
	}
	t.Endpoints.purged = t.forgetRoutes
	return t
}

// forgetRoutes lets every route be looked up anew.
func (t *Traffic) forgetRoutes() {
	for _, s := range t.stripes {
		s.routes.forget()
	}
}

// SetLimits changes how many endpoints and organizations fit. Where there are more, they
// stay until they are released, and new ones are folded.
func (t *Traffic) SetLimits(endpoints, organizations int) {
	t.Endpoints.setLimit(endpoints)
	t.Organizations.setLimit(organizations)
}

// stripe is what the recorders of about one processor write to, beside the cells of
// names.
type stripe struct {
	_             [64]byte // the counters share no cache line with a neighbour
	started       atomic.Uint64
	ignored       atomic.Uint64 // ended and not to be counted
	streamsOpened atomic.Uint64
	streamsEnded  atomic.Uint64
	_             [64]byte
	routes        routes
}

// Lane is a kind of response that is counted apart: a status class each for good and for
// failed ones, and the same for streams, whose durations are no response times.
type Lane uint8

const (
	numClasses = 5
	streamLane = 2 * Lane(numClasses)
	numLanes   = streamLane + 2
	goodLane   = Lane(2) // status 200 to 299 that did not fail: nearly all there is
)

// LaneOf returns the lane of a response with an HTTP status from 100 to 599; another one
// counts as 500. failed says whether it counts as an error.
func LaneOf(status int, failed bool) Lane {
	class := status / 100
	if class < 1 || class > numClasses {
		class = numClasses
	}
	lane := 2 * Lane(class-1)
	if failed {
		lane++
	}
	return lane
}

// OfStream returns the lane of a stream or an upgraded connection, which fails or not as the
// lane does.
func (l Lane) OfStream() Lane { return streamLane + l%2 }
