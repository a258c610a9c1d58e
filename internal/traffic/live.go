package traffic

import "github.com/backend-prs/perfmon/sketch"

// Live reads what all endpoints counted since its last call, between the calls of the
// Reader and without taking anything from it: it compares sums. The sum of all responses
// is what the Reader has read, and what is there for it to read next. It belongs to one
// goroutine, which may be another one than the Reader's, and there may be several.
type Live struct {
	r         *Reader
	seen, now Counts // the sums of the last call and of this one
}

// Live returns a reader of what comes from now on.
func (r *Reader) Live() *Live {
	l := &Live{r: r}
	l.sum(&l.seen)
	return l
}

// Read sets d to what came since the last call, and returns what is in flight: requests
// and streams.
func (l *Live) Read(d *Counts) (inFlight, streams int64) {
	l.now.Reset()
	inFlight, streams = l.sum(&l.now)
	d.Reset()
	d.Merge(&l.now)
	d.Subtract(&l.seen)
	l.seen, l.now = l.now, l.seen
	return inFlight, streams
}

// sum adds to c all responses so far.
func (l *Live) sum(c *Counts) (inFlight, streams int64) {
	t := l.r.t
	t.reading.Lock()
	defer t.reading.Unlock()
	t.Total(c)
	read := c.Responses
	for _, name := range t.Endpoints.all() {
		name.counters.look(c)
	}
	return t.open(l.r.ended + c.Responses - read)
}

// look adds to d what was counted since the last drain, and leaves it there. The caller
// holds the mutex of reading, so that nobody drains.
func (c *counters) look(d *Counts) {
	for i := range c.cells {
		if cell := c.cells[i].Load(); cell != nil && cell.fresh.Load() {
			cell.look(d)
		}
	}
}

func (c *cell) look(d *Counts) {
	for lane := range numLanes {
		s := c.lane(lane)
		if s == nil {
			continue
		}
		var into *sketch.Sketch
		if lane < streamLane {
			into = &d.Times
		}
		d.count(lane, s.Peek(nil, into))
	}
}

// waits reports whether something was counted since the last drain.
func (c *counters) waits() bool {
	for i := range c.cells {
		if cell := c.cells[i].Load(); cell != nil && cell.fresh.Load() {
			return true
		}
	}
	return false
}
