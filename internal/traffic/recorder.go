package traffic

import (
	"runtime"
	"time"
)

// Recorder writes to one stripe. It is safe for concurrent use; so that processors do not
// write to the same cache lines, keep recorders in a sync.Pool.
type Recorder struct {
	t      *Traffic
	stripe *stripe
	number int // of the stripe
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

// Start counts a request as begun; exactly one End, EndRoute or Ignore has to follow.
func (r *Recorder) Start() { r.stripe.started.Add(1) }

// StreamOpened says that the request begun turned out to be a stream.
func (r *Recorder) StreamOpened() { r.stripe.streamsOpened.Add(1) }

// StreamEnded says that it ended, before End or Ignore does.
func (r *Recorder) StreamEnded() { r.stripe.streamsEnded.Add(1) }

// Ignore ends a request without counting its response.
func (r *Recorder) Ignore() { r.stripe.ignored.Add(1) }

// EndRoute counts a response of the endpoint that serves method on pattern. A pattern that
// names its method, like "GET /orders/{id}", says it all by itself. It is fast where the pattern
// is a string that lives as long as its route, as routers have them: one that is made anew
// for each request is counted as well, and takes longer.
func (r *Recorder) EndRoute(method, pattern string, lane Lane, d time.Duration) {
	set := r.stripe.routes.set(pattern)
	p := set[0].Load() // most are there
	if p == nil || p.pattern != pattern || p.method != 0 && p.method != methodNumber(method) {
		if p = find(set, method, pattern); p == nil {
			p = r.route(method, pattern)
		}
	}
	p.cell.add(lane, d)
	runtime.KeepAlive(p) // until here, or a released name's counters would not be read
}

// route returns the place of a route that was not used of late, and keeps it.
//
//go:noinline
func (r *Recorder) route(method, pattern string) *place {
	names := r.t.Endpoints
	purges := names.purges.Load()
	p := r.Endpoint(method, pattern).place(r.number)
	if m := methodNumber(method); p.pattern != pattern || p.method != 0 && p.method != m {
		return p // folded, or spelt in another way: it has no place of its own
	}
	routes := &r.stripe.routes
	routes.keep(pattern, p)
	if names.purges.Load() != purges { // all were forgotten meanwhile, this one perhaps before it was kept
		routes.remove(pattern, p)
	}
	return p
}

// Endpoint returns the endpoint that serves method on pattern. What is returned is for the
// End of this request and not to be kept.
func (r *Recorder) Endpoint(method, pattern string) *Name {
	if pattern == "" {
		return r.t.unmatched
	}
	names := r.t.Endpoints
	if len(pattern) > maxName {
		return names.other
	}
	k := endpointKey(methodNumber(method), pattern)
	if a := names.table.Load().find(k); a != nil {
		return a.name
	}
	return names.unknown(k)
}

// End counts a response of an endpoint, right after the endpoint was found.
func (r *Recorder) End(endpoint *Name, lane Lane, d time.Duration) {
	endpoint.add(r.number, lane, d)
}

// EndOrganization counts the same response for an organization, too.
func (r *Recorder) EndOrganization(organization string, lane Lane, d time.Duration) {
	r.t.Organizations.Intern(organization).add(r.number, lane, d)
}
