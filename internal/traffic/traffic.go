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

	"github.com/backend-prs/perfmon/sketch"
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

	stripes []*stripe

	mu    sync.Mutex
	users []int // recorders alive per stripe; mu
}

// New returns an empty one for at most so many endpoints and organizations.
func New(endpoints, organizations int) *Traffic {
	t := &Traffic{
		Endpoints:     newNames(endpoints, Unmatched, Other),
		Organizations: newNames(organizations, Other),
	}
	n := min(stripesPerProcessor*runtime.GOMAXPROCS(0), maxStripes)
	t.users = make([]int, n)
	for range n {
		t.stripes = append(t.stripes, &stripe{
			endpoints:     make([]atomic.Pointer[cell], t.Endpoints.cap()),
			organizations: make([]atomic.Pointer[cell], t.Organizations.cap()),
		})
	}
	return t
}

// stripe is what the recorders of about one processor write to.
type stripe struct {
	_             [64]byte // the counters share no cache line with a neighbour
	started       atomic.Uint64
	ignored       atomic.Uint64 // ended and not to be counted
	streamsOpened atomic.Uint64
	streamsEnded  atomic.Uint64
	_             [64]byte
	endpoints     []atomic.Pointer[cell]
	organizations []atomic.Pointer[cell]
}

// cell counts the responses of one endpoint or organization in one stripe, apart by
// what kind of response it was.
type cell struct {
	lanes [numLanes]atomic.Pointer[sketch.Atomic]
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

func (c *cell) add(lane int, d time.Duration) {
	s := c.lanes[lane].Load()
	if s == nil {
		s = c.grow(lane)
	}
	s.Add(uint64(max(d, 0)))
}

//go:noinline
func (c *cell) grow(lane int) *sketch.Atomic {
	c.lanes[lane].CompareAndSwap(nil, new(sketch.Atomic))
	return c.lanes[lane].Load()
}

func add(table []atomic.Pointer[cell], id ID, lane int, d time.Duration) {
	c := table[id].Load()
	if c == nil {
		c = grow(table, id)
	}
	c.add(lane, d)
}

//go:noinline
func grow(table []atomic.Pointer[cell], id ID) *cell {
	table[id].CompareAndSwap(nil, new(cell))
	return table[id].Load()
}

// Recorder writes on behalf of one goroutine at a time; keep it in a sync.Pool.
type Recorder struct {
	t      *Traffic
	stripe *stripe
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
	r := &Recorder{t: t, stripe: t.stripes[best]}
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

// End counts a response of an endpoint.
func (r *Recorder) End(endpoint ID, o Outcome, d time.Duration) {
	add(r.stripe.endpoints, endpoint, o.lane(), d)
}

// EndOrganization counts the same response for an organization, too.
func (r *Recorder) EndOrganization(organization string, o Outcome, d time.Duration) {
	add(r.stripe.organizations, r.t.Organizations.Intern(organization), o.lane(), d)
}
