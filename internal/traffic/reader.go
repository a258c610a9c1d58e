package traffic

// Reader drains a Traffic. It belongs to one goroutine, and a Traffic to one Reader. A
// [Live] may look on.
type Reader struct {
	t       *Traffic
	ended   uint64 // requests that ended so far
	scratch Counts
	apart   classTimes // scratch, too
}

// NewReader returns a reader that has read nothing yet.
func (t *Traffic) NewReader() *Reader { return &Reader{t: t} }

// Endpoints calls f for every endpoint that ever had a response, with what came since the
// last call, and adds all of that to all, which is empty. It returns what was in flight
// afterwards: requests and streams. d is only f's until it returns.
func (r *Reader) Endpoints(all *Delta, f func(name string, d *Delta)) (inFlight, streams int64) {
	r.t.reading.Lock()
	defer r.t.reading.Unlock()
	r.read(r.t.Endpoints, func(name string, d *Delta) {
		if d.Responses > 0 {
			all.Merge(d)
		}
		f(name, d)
	})
	r.ended += all.Responses
	r.t.count(all)
	return r.t.open(r.ended)
}

// open returns what is in flight, requests and streams, where so many requests have
// ended. Their ends were read first: a request that ends meanwhile counts as in flight.
func (t *Traffic) open(responses uint64) (inFlight, streams int64) {
	var started, ignored, opened, ended uint64
	for _, s := range t.stripes {
		ignored += s.ignored.Load()
		ended += s.streamsEnded.Load()
	}
	for _, s := range t.stripes {
		opened += s.streamsOpened.Load()
		started += s.started.Load()
	}
	streams = max(int64(opened-ended), 0)
	return max(int64(started-ignored-responses)-streams, 0), streams
}

// Organizations calls f for every organization in the same way.
func (r *Reader) Organizations(f func(name string, d *Delta)) {
	r.read(r.t.Organizations, f)
}

func (r *Reader) read(n *Names, f func(name string, d *Delta)) {
	n.collect()
	for _, name := range n.all() {
		d, c := &r.scratch, name.counters
		d.Reset()
		c.drain(d, &r.apart)
		if c.idle++; d.Responses > 0 {
			c.idle = 0
		}
		if c.idle == restAfter && c.used {
			c.rest()
		}
		if d.Responses >= hotResponses && n.stripes > sharedStripes && !c.hot.Load() {
			n.heat(name)
		}
		if name == n.other {
			n.folded.Add(d.Responses)
		}
		if c.used {
			f(name.text, d)
		}
	}
}

// count adds to the totals of the service.
func (t *Traffic) count(d *Counts) {
	t.totalMu.Lock()
	defer t.totalMu.Unlock()
	t.total.Merge(d)
}

// Total adds to c all responses that were read since the start. It never goes down.
func (t *Traffic) Total(c *Counts) {
	t.totalMu.Lock()
	defer t.totalMu.Unlock()
	c.Merge(&t.total)
}

// Totals calls f for every name in the table with all that was read of it since it was
// made. d is only f's until it returns. Totals never go down while a name is there; one
// that is released takes its totals along, so that the sum of all may go down, and
// [Traffic.Total] may not. It may be called from any goroutine.
func (n *Names) Totals(f func(name string, d *Counts)) {
	var d Counts
	for _, name := range n.all() {
		d.Reset()
		name.counters.addTotal(&d)
		f(name.text, &d)
	}
}

// Total adds to c all that was read of a name since it was made, and reports whether the
// name is there. It may be called from any goroutine.
func (n *Names) Total(name string, c *Counts) bool {
	for _, known := range n.all() {
		if known.text == name {
			known.counters.addTotal(c)
			return true
		}
	}
	return false
}
