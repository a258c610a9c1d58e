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
	"time"
)

// Names under which requests are counted that have no endpoint of their own.
const (
	Unmatched = "(unmatched)" // no route matched
	Other     = "(other)"     // the table of endpoints or organizations is full
)

// There are more stripes than processors, so that two of them seldom share one by
// chance; maxStripes bounds memory on machines with very many.
const (
	stripesPerProcessor = 2
	maxStripes          = 32
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
	return t
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
}

// Lanes: a status class each for good and for failed responses, and the same for
// streams, whose durations are no response times.
const (
	numClasses = 5
	streamLane = 2 * numClasses
	numLanes   = streamLane + 2
)

// Outcome says how a request ended.
type Outcome struct {
	Status int  // HTTP status; outside 100 to 599 it counts as 500
	Failed bool // counts as an error
	Stream bool // a stream or an upgraded connection: not a response time
}

func (o Outcome) lane() int {
	l := streamLane
	if !o.Stream {
		class := o.Status / 100
		if class < 1 || class > numClasses {
			class = numClasses
		}
		l = 2 * (class - 1)
	}
	if o.Failed {
		l++
	}
	return l
}

// Recorder writes on behalf of one goroutine at a time; keep it in a sync.Pool.
type Recorder struct {
	t      *Traffic
	stripe *stripe
	number int // of the stripe
	cache  cache
}

// NewRecorder returns a recorder on the stripe that has the fewest. A recorder that
// is garbage gives its place back, so that a pool which the garbage collector
// empties again and again does not wander over all stripes.
func (t *Traffic) NewRecorder() *Recorder {
	t.mu.Lock()
	best := 0
	for i, n := range t.users {
		if n < t.users[best] {
			best = i
		}
	}
	t.users[best]++
	t.mu.Unlock()
	r := &Recorder{t: t, stripe: t.stripes[best], number: best}
	runtime.AddCleanup(r, t.release, best)
	return r
}

func (t *Traffic) release(i int) {
	t.mu.Lock()
	t.users[i]--
	t.mu.Unlock()
}

// Start counts a request as begun; exactly one End or Ignore has to follow.
func (r *Recorder) Start() { r.stripe.started.Add(1) }

// StreamOpened says that the request begun turned out to be a stream.
func (r *Recorder) StreamOpened() { r.stripe.streamsOpened.Add(1) }

// StreamEnded says that it ended, before End or Ignore does.
func (r *Recorder) StreamEnded() { r.stripe.streamsEnded.Add(1) }

// Ignore ends a request without counting its response.
func (r *Recorder) Ignore() { r.stripe.ignored.Add(1) }

// End counts a response of an endpoint, right after the endpoint was found.
func (r *Recorder) End(endpoint *Name, o Outcome, d time.Duration) {
	endpoint.add(r.number, o.lane(), d)
}

// EndOrganization counts the same response for an organization, too.
func (r *Recorder) EndOrganization(organization string, o Outcome, d time.Duration) {
	r.t.Organizations.Intern(organization).add(r.number, o.lane(), d)
}
