package httpapi

import (
	"sync"

	"github.com/backend-prs/perfmon"
)

// hub hands samples and alert events to the streams that are open. It encodes each once
// and waits for no stream. While no stream is open it is not subscribed to anything. It
// owns the queues; it is safe for concurrent use.
type hub struct {
	m      *perfmon.Monitor
	log    logger
	alerts encodings // it takes no other lock

	mu      sync.Mutex
	readers map[*reader]struct{} // mu
	cancel  []func()             // ends the subscriptions; mu
	number  uint64               // of the last event that was handed out; mu
	sampled perfmon.Sample       // of a step, that sample is the encoding of; mu
	sample  *frame               // mu
}

// reader is what waits for one stream.
type reader struct {
	by     Principal
	queue  chan *frame
	cut    chan struct{} // closed when the queue overflowed
	after  uint64        // it has the events up to this number
	sample *frame        // of the last step that it was given
}

const (
	// streamQueue is how many events wait for a stream. The alerts of a step come all at
	// once.
	streamQueue = 1024
	// eventPage is how many events are taken from the monitor at a time.
	eventPage = 64
)

func newReader(by Principal) *reader {
	return &reader{by: by, queue: make(chan *frame, streamQueue), cut: make(chan struct{})}
}

// join adds a reader that has the events up to a number. Where later ones were handed out
// already, or more have come than its queue is for, it has to catch up first.
func (h *hub) join(r *reader, after uint64) (joined bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.readers) == 0 {
		h.number = after
	}
	if h.cancel == nil {
		h.cancel = []func(){
			h.m.OnAlert(func(perfmon.AlertEvent) { h.pump() }),
			h.m.Subscribe(h.give),
		}
		if h.m.Step() > perfmon.LiveInterval { // else the samples of steps are as good
			h.cancel = append(h.cancel, h.m.Watch(h.giveLive))
		}
	}
	// From here on every event is handed out, so that what a reader is added with is all.
	if missed := h.m.Alerts().Events(after, eventPage); h.number > after || len(missed.List) == eventPage || !missed.Complete {
		return false
	}
	r.after = after
	h.readers[r] = struct{}{}
	h.handOut() // what happened before the subscription
	if s, ok := h.m.Current(); ok {
		h.giveTo(r, h.encode(s))
	}
	return true
}

// leave removes a reader.
func (h *hub) leave(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.readers, r)
	if len(h.readers) > 0 {
		return
	}
	for _, cancel := range h.cancel {
		cancel()
	}
	h.cancel, h.sample, h.sampled = nil, nil, perfmon.Sample{}
	h.alerts.clear()
}

// pump hands out all events since the last one.
func (h *hub) pump() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handOut()
}

// handOut is pump; mu is held.
func (h *hub) handOut() {
	for len(h.readers) > 0 {
		page := h.m.Alerts().Events(h.number, eventPage)
		if !page.Complete {
			// The log went past the hub, or a stream began at an event that is no more.
			// They resume, and learn of it then.
			for r := range h.readers {
				h.drop(r)
			}
			h.number = page.Last
			return
		}
		for i := range page.List {
			e := &page.List[i]
			h.number = e.Number
			for r := range h.readers {
				h.tell(r, e)
			}
		}
		if len(page.List) < eventPage {
			return
		}
	}
}

// tell hands an event to a reader that may see it; mu is held.
func (h *hub) tell(r *reader, e *perfmon.AlertEvent) {
	if !r.by.sees(e.Alert.Organization) {
		return
	}
	f, err := h.alerts.of(e, r.by)
	if err != nil { // it was valid when it was made
		h.log.error("an alert event cannot be encoded", "error", describe(err))
		return
	}
	h.giveTo(r, f)
}

// give hands out a sample.
func (h *hub) give(s perfmon.Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.readers) == 0 {
		return
	}
	f := h.encode(s)
	for r := range h.readers {
		h.giveTo(r, f)
	}
}

// giveLive hands out a live sample.
func (h *hub) giveLive(s perfmon.Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.readers) == 0 {
		return
	}
	f, err := liveFrame(s)
	if err != nil {
		h.log.error("a live sample cannot be encoded", "error", describe(err))
		return
	}
	for r := range h.readers {
		h.giveTo(r, f)
	}
}

// encode returns the frame of a sample, nil for one that cannot be encoded; mu is held.
func (h *hub) encode(s perfmon.Sample) *frame {
	if h.sample != nil && h.sampled.Time.Equal(s.Time) {
		return h.sample
	}
	f, err := sampleFrame(s)
	if err != nil {
		h.log.error("a sample cannot be encoded", "error", describe(err))
		return nil
	}
	h.sample, h.sampled = f, s
	return f
}

// giveTo puts a frame into the queue of a reader that may see it and has not had it. A
// reader whose queue is full is cut. mu is held.
func (h *hub) giveTo(r *reader, f *frame) {
	_, joined := h.readers[r]
	switch {
	case f == nil, !joined, !r.by.sees(f.organization):
		return
	case f == r.sample, f.at.number > 0 && f.at.number <= r.after:
		return
	}
	if f == h.sample {
		r.sample = f
	}
	select {
	case r.queue <- f:
	default:
		h.drop(r)
	}
}

// drop cuts a reader off: what is in its queue has no gap, and nothing follows it. Cutting it
// off twice changes nothing. mu is held.
func (h *hub) drop(r *reader) {
	if _, joined := h.readers[r]; joined {
		delete(h.readers, r)
		close(r.cut)
	}
}
