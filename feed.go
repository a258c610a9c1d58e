package perfmon

import (
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/exp/slices"
)

// AlertEvent is one change of an alert that people are notified of.
type AlertEvent struct {
	// Number is that of the record of the change. The events of an alert have ascending
	// numbers, and so have all events where none were merged.
	Number uint64 `json:"number,omitzero"`
	// Change is opened, escalated, updated, acknowledged, dismissed or resolved.
	Change AlertChange `json:"change"`
	At     time.Time   `json:"at"`
	By     string      `json:"by"`
	Alert  Alert       `json:"alert"` // as it was right after the change
}

// String is one line for a log.
func (e AlertEvent) String() string {
	if e.Change != ChangeResolved {
		return fmt.Sprintf("%s %s: %s", e.Alert.Severity, e.Change, e.Alert.Message)
	}
	after := e.At.Sub(e.Alert.since()).Round(time.Second)
	text := fmt.Sprintf("%s resolved after %v: %s", e.Alert.Severity, after, e.Alert.Key())
	if len(e.Alert.Changes) == 0 {
		return text
	}
	last := e.Alert.Changes[len(e.Alert.Changes)-1]
	if v, ok := last.Value.Get(); ok {
		text += " is " + withUnit(v, e.Alert.Unit)
	}
	if last.Note != "" {
		text += ": " + last.Note
	}
	return text
}

// eventOf returns the event that a record is to people, if it is one.
func eventOf(r Record) (e AlertEvent, ok bool) {
	a := r.Alert
	if a == nil || a.Alert == nil || !a.Notify {
		return e, false
	}
	e = AlertEvent{r.Number, a.Change, r.Time, r.Author, *a.Alert}
	if e.Change == ChangeAnnounced {
		e.Change = ChangeOpened
	}
	return e, true
}

// A backlog holds the events that wait for a subscriber to alerts. Up to mergeAfter of
// them wait in their order. Past that they are merged by alert: of each alert the latest
// event remains (and before it its opening, where that waits as well), critical alerts
// first. The latest state of an alert is never dropped, and memory is bounded by the
// number of alerts.
type backlog struct {
	queue  []AlertEvent
	merged map[string]*mergedEvent // by alert ID; nil while nothing is merged
	order  []*mergedEvent          // sorted when next is called, if unsorted
	sorted bool
}

// mergedEvent is what waits about one alert.
type mergedEvent struct {
	first   uint64      // the number of the first event that waits
	opening *AlertEvent // where it is among those that wait, and not the latest
	latest  AlertEvent
	merges  int // events that wait
}

// mergeAfter is how many events wait for a subscriber before they are merged.
const mergeAfter = 256

func (b *backlog) len() int { return len(b.queue) + len(b.order) }

func (b *backlog) add(e AlertEvent) {
	if b.merged == nil {
		if b.queue = append(b.queue, e); len(b.queue) <= mergeAfter {
			return
		}
		b.merged = map[string]*mergedEvent{}
		queue := b.queue
		b.queue = nil
		for _, e := range queue {
			b.merge(e)
		}
		return
	}
	b.merge(e)
}

func (b *backlog) merge(e AlertEvent) {
	m := b.merged[e.Alert.ID]
	if m == nil {
		m = &mergedEvent{first: e.Number}
		b.merged[e.Alert.ID] = m
		b.order = append(b.order, m)
	}
	if m.opening == nil && m.merges > 0 && m.latest.Change == ChangeOpened {
		opening := m.latest
		m.opening = &opening
	}
	m.latest = e
	m.merges++
	b.sorted = false
}

// next takes the next event; skipped is how many were merged into others.
func (b *backlog) next() (e AlertEvent, skipped int, ok bool) {
	if len(b.queue) > 0 {
		e, b.queue = b.queue[0], b.queue[1:]
		return e, 0, true
	}
	if len(b.order) == 0 {
		return e, 0, false
	}
	if !b.sorted {
		sortFunc(b.order, compareMerged)
		b.sorted = true
	}
	m := b.order[0]
	if m.opening != nil {
		e, m.opening = *m.opening, nil
		m.merges--
		return e, 0, true
	}
	b.order = b.order[1:]
	delete(b.merged, m.latest.Alert.ID)
	if len(b.order) == 0 {
		b.merged, b.order = nil, nil
	}
	return m.latest, m.merges - 1, true
}

func compareMerged(a, b *mergedEvent) int {
	x, y := a.latest.Alert.Severity == Critical, b.latest.Alert.Severity == Critical
	switch {
	case x != y && x, x == y && a.first < b.first:
		return -1
	}
	return 1
}

// SubscriberStatus is how a callback has fared.
type SubscriberStatus struct {
	To        string `json:"to"`       // "alerts", "samples" or "live"
	Callback  string `json:"callback"` // the name of the function
	Queued    int    `json:"queued"`
	Delivered uint64 `json:"delivered"`
	Merged    uint64 `json:"merged"`  // events that were merged into a later one of the same alert
	Dropped   uint64 `json:"dropped"` // samples that a newer one replaced
	Panics    uint64 `json:"panics"`  // calls that panicked or ended their goroutine
	Running   bool   `json:"running"` // a call is going on
}

// subscribers calls the host's functions, each in a goroutine of its own that lives
// while something waits.
type subscribers[T any] struct {
	to  string
	log *hostLog

	mu      sync.Mutex
	list    []*subscriber[T] // mu
	refused uint64           // that found no room; mu
	closed  bool             // mu
}

// inbox is what waits for a subscriber. It is guarded by the mutex of subscribers.
type inbox[T any] interface {
	add(T)
	next() (v T, skipped int, ok bool)
	len() int
}

type subscriber[T any] struct {
	owner   *subscribers[T]
	f       func(T)
	name    string
	inbox   inbox[T]       // owner.mu
	running bool           // owner.mu
	ended   bool           // owner.mu: cancelled
	done    sync.WaitGroup // the goroutine
	calling atomic.Bool

	delivered, merged, panics atomic.Uint64
}

func (ss *subscribers[T]) add(name string, f func(T), in inbox[T]) (cancel func()) {
	s := &subscriber[T]{owner: ss, f: f, inbox: in, name: name}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return func() {}
	}
	if len(ss.list) >= maxCallbacks {
		if ss.refused++; ss.refused == 1 {
			ss.log.write(slog.LevelError, "there are too many callbacks; this one and further ones are not called", "callback", name, "most", maxCallbacks)
		}
		return func() {}
	}
	ss.list = append(ss.list, s)
	return func() {
		ss.mu.Lock()
		defer ss.mu.Unlock()
		s.ended = true
		ss.list = slices.DeleteFunc(ss.list, func(o *subscriber[T]) bool { return o == s })
	}
}

// publish never waits.
func (ss *subscribers[T]) publish(v T) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return
	}
	for _, s := range ss.list {
		s.inbox.add(v)
		if !s.running {
			s.running = true
			s.done.Add(1)
			go s.run()
		}
	}
}

// run calls the function for what waits, and ends when nothing does.
func (s *subscriber[T]) run() {
	defer s.done.Done()
	for {
		v, ok := s.take()
		if !ok {
			return
		}
		s.calling.Store(true)
		text, panicked := contain(func() error { s.f(v); return nil }, func(text string) {
			s.calling.Store(false)
			s.failed(text)
			s.done.Add(1)
			go s.run() // in place of this goroutine, which ends
		})
		s.calling.Store(false)
		if panicked {
			s.failed(text)
		}
	}
}

func (s *subscriber[T]) take() (v T, ok bool) {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	skipped := 0
	if !s.ended {
		v, skipped, ok = s.inbox.next()
	}
	if !ok {
		s.running = false
		return v, false
	}
	s.delivered.Add(1)
	s.merged.Add(uint64(skipped))
	return v, true
}

// failed counts a failure; only the first is logged.
func (s *subscriber[T]) failed(text string) {
	if s.panics.Add(1) == 1 {
		s.owner.log.write(slog.LevelError, "a callback failed", "callback", s.name, "error", text)
	}
}

// close ends the subscriptions after what waits now. It returns those that are at work.
func (ss *subscribers[T]) close() []*subscriber[T] {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.closed = true
	return slices.Clone(ss.list)
}

// abandon drops what waits: Close has waited long enough, and the host ends what its
// callbacks use.
func (ss *subscribers[T]) abandon() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, s := range ss.list {
		s.ended = true
	}
}

func (ss *subscribers[T]) status() []SubscriberStatus {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	list := []SubscriberStatus{}
	for _, s := range ss.list {
		st := SubscriberStatus{
			To: ss.to, Callback: s.name, Queued: s.inbox.len(), Delivered: s.delivered.Load(), Merged: s.merged.Load(),
			Panics: s.panics.Load(), Running: s.calling.Load(),
		}
		if r, ok := any(s.inbox).(*recent); ok {
			st.Dropped = r.dropped
		}
		list = append(list, st)
	}
	return list
}

// recent is the inbox of a subscriber to samples: the newest ones.
type recent struct {
	samples []Sample
	dropped uint64
}

// sampleQueue is how many samples wait for a subscriber.
const sampleQueue = 16

func (r *recent) len() int { return len(r.samples) }

func (r *recent) add(s Sample) {
	if len(r.samples) == sampleQueue {
		r.samples = slices.Delete(r.samples, 0, 1)
		r.dropped++
	}
	r.samples = append(r.samples, s)
}

func (r *recent) next() (s Sample, skipped int, ok bool) {
	if len(r.samples) == 0 {
		return s, 0, false
	}
	s = r.samples[0]
	r.samples = slices.Delete(r.samples, 0, 1) // few wait, and its memory is used again
	return s, 0, true
}

// functionName names a callback for diagnostics, such as "main.main.func1".
func functionName(f any) string { return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name() }

// OnAlert calls f for each alert that opened, escalated, was updated, acknowledged,
// dismissed or resolved: one call at a time, in a goroutine of f's own. The changes of an
// alert come in their order. Where f is so slow that more than 256 events wait, what
// waits is merged by alert, and critical alerts go first: f is called with the opening of
// an alert and with its latest state. No alert's latest state is ever dropped. A panic in
// f is counted in Diagnostics, and f is called again for the next event.
//
// cancel ends it, at once and for good; it may be called from anywhere, also from f and
// twice. OnAlert panics when f is nil. Past 1,000 callbacks at a time, further ones are not
// called; Diagnostics counts them.
func (m *Monitor) OnAlert(f func(AlertEvent)) (cancel func()) {
	if f == nil {
		panic("perfmon: OnAlert: f is nil")
	}
	own := func(e AlertEvent) {
		e.Alert = e.Alert.clone() // f may change what it gets
		f(e)
	}
	return m.alertSubs.add(functionName(f), own, &backlog{})
}

// Subscribe calls f with the live sample of each step, as OnAlert calls its function.
// Of the samples that wait for f, the newest 16 are kept.
func (m *Monitor) Subscribe(f func(Sample)) (cancel func()) {
	if f == nil {
		panic("perfmon: Subscribe: f is nil")
	}
	return m.sampleSubs.add(functionName(f), f, &recent{})
}
