package perfmon

import (
	"time"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// Recorder records requests, for those who write middleware. One goroutine at a time may
// use it, but for OpenStream, CloseStream and Discard, which are safe for concurrent use.
// Keep recorders in a sync.Pool, which has about one for each processor. Recording
// allocates nothing and takes no lock.
type Recorder struct {
	m     *Monitor
	t     *traffic.Recorder
	start time.Duration
	_     [104]byte // no two recorders share a cache line
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
func (m *Monitor) NewRecorder() *Recorder { return &Recorder{m: m, t: m.traffic.NewRecorder()} }

// Recording reports whether the monitor is enabled. If it is not, do not record.
func (m *Monitor) Recording() bool { return m.enabled.Load() }

// Start counts a request as in flight. Exactly one End, EndAfter or Discard must follow
// before the next Start.
func (r *Recorder) Start() {
	r.t.Start()
	r.start = r.m.Elapsed()
}

// OpenStream says that the request is a stream or an upgraded connection: it no longer
// counts as in flight but as an open stream. Call it at most once for each request; one
// CloseStream must follow, before the request ends. It is safe for concurrent use.
func (r *Recorder) OpenStream() { r.t.StreamOpened() }

// CloseStream says that an open stream has ended. It is safe for concurrent use.
func (r *Recorder) CloseStream() { r.t.StreamEnded() }

// Took returns the time since Start.
func (r *Recorder) Took() time.Duration { return r.m.Elapsed() - r.start }

// End counts the response to the request, with the time since Start as its duration. It
// only reads response, and does not keep it.
func (r *Recorder) End(response *Response) { r.EndAfter(r.Took(), response) }

// EndAfter counts the response to the request with the duration d. It only reads
// response, and does not keep it.
func (r *Recorder) EndAfter(d time.Duration, response *Response) {
	status := response.Status
	if status < 100 || status > 599 {
		status = 500
	}
	o := traffic.Outcome{Status: status, Failed: r.m.failed[status], Stream: response.Stream}
	r.t.End(r.t.Endpoint(response.Method, response.Pattern), o, d)
	if response.Organization != "" {
		r.t.EndOrganization(response.Organization, o, d)
	}
	if response.User != "" || response.Session != "" {
		r.m.RecordActivity(response.User, response.Session)
	}
}

// Record counts a request that took d and has ended, without a Start.
func (r *Recorder) Record(d time.Duration, response *Response) {
	r.t.Start()
	r.EndAfter(d, response)
}

// Discard ends the request without counting a response. It is safe for concurrent use.
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
