package perfmon

import (
	"time"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// Recorder records requests, for those who write middleware. It is safe for concurrent use;
// so that processors do not write to the same memory, keep recorders in a sync.Pool, which
// has about one for each processor. Recording takes no lock, and allocates nothing but the few
// exemplars of a step.
type Recorder struct {
	m        *Monitor
	t        *traffic.Recorder
	epoch    time.Time // of the monitor
	realTime bool      // the monitor's clock is the real one
}

// Response says how a request ended.
type Response struct {
	// Method and Pattern name the endpoint: the HTTP method and the route that
	// matched, such as "/orders/{id}" or "GET /orders/{id}", never the raw path. An
	// empty pattern counts as "(unmatched)".
	Method, Pattern string
	// Status is the HTTP status. A status outside 100 to 599 counts as 500.
	Status int
	// Stream keeps the duration out of the response times.
	Stream bool
	// User, Session and Organization say who made the request; each may be empty.
	User, Session, Organization string
}

// NewRecorder returns a recorder.
func (m *Monitor) NewRecorder() *Recorder {
	return &Recorder{m: m, t: m.traffic.NewRecorder(), epoch: m.epoch, realTime: m.realTime}
}

// Monitor returns the monitor that the recorder records for.
func (r *Recorder) Monitor() *Monitor { return r.m }

// Recording reports whether the monitor is enabled. If it is not, do not record.
func (m *Monitor) Recording() bool { return m.enabled.Load() }

// Start counts a request as in flight, and returns the time at which it began, for Took.
// Exactly one EndAfter, EndRoute or Discard must follow.
func (r *Recorder) Start() time.Duration {
	r.t.Start()
	return r.now()
}

// now is the time since the monitor was made.
func (r *Recorder) now() time.Duration {
	if r.realTime {
		return time.Since(r.epoch)
	}
	return r.m.Elapsed()
}

// Took returns the time since Start returned began.
func (r *Recorder) Took(began time.Duration) time.Duration { return r.now() - began }

// OpenStream says that a request is a stream or an upgraded connection: it no longer
// counts as in flight but as an open stream. Call it at most once for each request; one
// CloseStream must follow, before the request ends.
func (r *Recorder) OpenStream() { r.t.StreamOpened() }

// CloseStream says that an open stream has ended.
func (r *Recorder) CloseStream() { r.t.StreamEnded() }

// EndAfter counts the response to a request that took d. It only reads response, and does
// not keep it.
func (r *Recorder) EndAfter(d time.Duration, response *Response) {
	lane := r.m.lane(response.Status, response.Stream)
	r.t.EndRoute(response.Method, response.Pattern, lane, d)
	if response.Organization != "" || response.User != "" || response.Session != "" {
		r.endIdentity(d, lane, response.User, response.Session, response.Organization)
	}
}

// EndRoute counts the response to a request that took d, as EndAfter does, and leaves out who
// made it. Both are fastest where the pattern is the same string for every request of its
// route, as a router's is: the endpoint is then found by the address of that string.
func (r *Recorder) EndRoute(d time.Duration, method, pattern string, status int, stream bool) {
	r.t.EndRoute(method, pattern, r.m.lane(status, stream), d)
}

// EndIdentity counts the response that EndRoute has counted for those who made the request,
// too. Each may be empty.
func (r *Recorder) EndIdentity(d time.Duration, status int, stream bool, user, session, organization string) {
	r.endIdentity(d, r.m.lane(status, stream), user, session, organization)
}

func (r *Recorder) endIdentity(d time.Duration, lane traffic.Lane, user, session, organization string) {
	if organization != "" {
		r.t.EndOrganization(organization, lane, d)
	}
	r.m.RecordActivity(user, session)
}

// lane says how a response is counted.
func (m *Monitor) lane(status int, stream bool) traffic.Lane {
	if uint(status) >= uint(len(m.lanes)) {
		status = 0
	}
	lane := m.lanes[status]
	if stream {
		return lane.OfStream()
	}
	return lane
}

// Exemplar notes the trace that a request belongs to, right after its response was counted
// by EndAfter or EndRoute with the same method, pattern and status; leave it out for streams.
// The first one of a step is kept for each endpoint, class of status and magnitude of d, and
// shown by [History.EndpointTotals] from the end of the step until a later one takes its
// place. All others cost a look, and nothing is written or allocated for them. A trace ID
// that is not 1 to 64 of 0-9, a-z, A-Z and - is ignored.
func (r *Recorder) Exemplar(d time.Duration, method, pattern string, status int, traceID string) {
	r.t.Exemplar(method, pattern, r.m.lane(status, false), d, traceID, r.m.Now)
}

// Record counts a request that took d and has ended, without a Start.
func (r *Recorder) Record(d time.Duration, response *Response) {
	r.t.Start()
	r.EndAfter(d, response)
}

// Discard ends a request without counting a response.
func (r *Recorder) Discard() { r.t.Ignore() }

// Elapsed returns the time since the monitor was made. It is monotonic, so differences of it
// are durations whatever happens to the time of day.
func (m *Monitor) Elapsed() time.Duration {
	if m.realTime {
		return time.Since(m.epoch)
	}
	return m.clock.Since(m.epoch)
}

// RecordActivity counts a user and a session, each of which may be empty, as active
// now. The middleware does it for requests.
func (m *Monitor) RecordActivity(user, session string) {
	if user != "" {
		m.users.Add(user)
	}
	if session != "" {
		m.sessions.Add(session)
	}
}

// RecordCacheHit and RecordCacheMiss feed cache_hit_rate.
func (m *Monitor) RecordCacheHit() { m.cacheHits.Add(1) }

// RecordCacheMiss counts a cache lookup that found nothing; see RecordCacheHit.
func (m *Monitor) RecordCacheMiss() { m.cacheMisses.Add(1) }

// RecordQuery feeds database_query_time_avg with the time one query took. Package
// sqltime does it for every query of a database/sql driver.
func (m *Monitor) RecordQuery(d time.Duration) { m.queries.Add(uint64(max(d, 0))) }
