package traffic

import (
	"github.com/backend-prs/perfmon/sketch"
)

// Delta is what was counted since the last time it was asked.
type Delta struct {
	Times     sketch.Sketch // response times in nanoseconds, streams left out
	Responses uint64        // streams that ended among them
	Errors    uint64
	Classes   [numClasses]uint64 // responses by status class, 1xx first, streams left out
}

// Reset empties d and keeps its memory.
func (d *Delta) Reset() {
	d.Times.Reset()
	d.Responses, d.Errors, d.Classes = 0, 0, [numClasses]uint64{}
}

// Merge adds what o counted.
func (d *Delta) Merge(o *Delta) {
	d.Times.Merge(&o.Times)
	d.Responses += o.Responses
	d.Errors += o.Errors
	for i, n := range o.Classes {
		d.Classes[i] += n
	}
}

// Reader drains a Traffic. It belongs to one goroutine, and a Traffic to one Reader.
type Reader struct {
	t       *Traffic
	stripes []cursors
	ended   uint64 // requests that ended so far
	scratch Delta
	void    sketch.Sketch // takes the durations of streams
}

type cursors struct {
	endpoints, organizations []*cellCursor
}

type cellCursor [numLanes]*sketch.Cursor

// NewReader returns a reader that has read nothing yet.
func (t *Traffic) NewReader() *Reader {
	r := &Reader{t: t, stripes: make([]cursors, len(t.stripes))}
	for i := range r.stripes {
		r.stripes[i].endpoints = make([]*cellCursor, t.Endpoints.cap())
		r.stripes[i].organizations = make([]*cellCursor, t.Organizations.cap())
	}
	return r
}

// Endpoints calls f for every endpoint with what came since the last call, and returns
// what all of them had in flight afterwards: requests and streams. d is only f's until it
// returns.
func (r *Reader) Endpoints(f func(name string, d *Delta)) (inFlight, streams int64) {
	for id, name := range r.t.Endpoints.All() {
		r.scratch.Reset()
		for i, s := range r.t.stripes {
			r.drain(s.endpoints[id].Load(), &r.stripes[i].endpoints[id])
		}
		r.ended += r.scratch.Responses
		r.t.Endpoints.read(ID(id), &r.scratch)
		f(name, &r.scratch)
	}
	// Ends were read first: a request that ends meanwhile counts as in flight.
	var started, ignored, opened, ended uint64
	for _, s := range r.t.stripes {
		ignored += s.ignored.Load()
		ended += s.streamsEnded.Load()
	}
	for _, s := range r.t.stripes {
		opened += s.streamsOpened.Load()
		started += s.started.Load()
	}
	streams = max(int64(opened-ended), 0)
	return max(int64(started-ignored-r.ended)-streams, 0), streams
}

// Organizations does the same for organizations.
func (r *Reader) Organizations(f func(name string, d *Delta)) {
	for id, name := range r.t.Organizations.All() {
		r.scratch.Reset()
		for i, s := range r.t.stripes {
			r.drain(s.organizations[id].Load(), &r.stripes[i].organizations[id])
		}
		r.t.Organizations.read(ID(id), &r.scratch)
		f(name, &r.scratch)
	}
}

// drain adds what a cell counted since its cursor to the scratch.
func (r *Reader) drain(c *cell, cursor **cellCursor) {
	if c == nil {
		return
	}
	if *cursor == nil {
		*cursor = new(cellCursor)
	}
	for lane := range c.lanes {
		s := c.lanes[lane].Load()
		if s == nil {
			continue
		}
		if (*cursor)[lane] == nil {
			(*cursor)[lane] = new(sketch.Cursor)
		}
		into := &r.scratch.Times
		if lane >= streamLane {
			r.void.Reset()
			into = &r.void
		}
		n := s.Drain((*cursor)[lane], into)
		r.scratch.Responses += n
		if lane%2 == 1 {
			r.scratch.Errors += n
		}
		if lane < streamLane {
			r.scratch.Classes[lane/2] += n
		}
	}
}
