package perfmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/exp/slices"
)

// journal makes changes one after the other: it numbers records, commits them to the
// store, lets their owners apply them and then notifies people. Nothing else changes
// alerts, thresholds, settings, baselines, learnt detectors and markers.
type journal struct {
	store Store // nil: memory alone
	log   *hostLog

	// seen is the status as of the latest change, for those who must not wait for a store.
	seen atomic.Pointer[StoreStatus]

	// rolled is until when points are rolled up in an Archive; nil: nothing is known.
	rolled atomic.Pointer[time.Time]

	mu     changeLock // one change at a time
	number uint64     // of the last record; mu

	// Of the store; mu. What the monitor finds by itself waits here while it fails.
	stored  uint64 // the number of the last record in it
	pending []Record
	points  []Point
	errors  uint64     // calls that failed
	lost    uint64     // records and points that found no room here
	failure string     // "" while it works
	oldest  time.Time  // when the hour begins of the oldest point in an Archive; zero: none
	notes   []string   // what the store had to say when it was opened
	late    *storeCall // was given up on, and has not returned
}

// changeLock is a mutex on which one can wait in the made-up time of a test, too.
type changeLock chan struct{}

func (l changeLock) Lock()   { l <- struct{}{} }
func (l changeLock) Unlock() { <-l }

// worker does the step loop's changes one after the other, so that the loop need not
// wait for a slow store. Its goroutine lives while there is something to do.
type worker struct {
	failed  func(p any)
	dropped atomic.Uint64 // jobs that found no room

	mu      sync.Mutex
	jobs    []func() // mu
	running bool     // mu
	idle    sync.WaitGroup
}

// maxJobs bounds how many jobs wait.
const maxJobs = 256

// do has job done, and returns a channel that is closed when it is.
func (w *worker) do(job func()) (done chan struct{}) {
	done = make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.jobs) >= maxJobs {
		w.dropped.Add(1)
		close(done)
		return done
	}
	w.jobs = append(w.jobs, func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				w.failed(p)
			}
		}()
		job()
	})
	if !w.running {
		w.running = true
		w.idle.Add(1)
		go w.run()
	}
	return done
}

// wait waits until the jobs so far are done, for so long at most.
func (w *worker) wait(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-w.do(func() {}):
	case <-timer.C:
	}
}

func (w *worker) run() {
	defer w.idle.Done()
	for {
		w.mu.Lock()
		if len(w.jobs) == 0 {
			w.running = false
			w.mu.Unlock()
			return
		}
		job := w.jobs[0]
		w.jobs = slices.Delete(w.jobs, 0, 1) // few wait, and its memory is used again
		w.mu.Unlock()
		job()
	}
}

// storeCall is one call of the store.
type storeCall struct {
	done chan struct{}
	err  error
	// then is what follows when the call succeeds after all; the journal's mutex is held.
	then func()
}

const (
	storeDeadline  = 5 * time.Second
	pendingRecords = 10_000
	pendingPoints  = 1_000
)

// change makes the records of somebody's action and commits them: they take effect
// together or, with an error, not at all.
func (m *Monitor) change(by string, make func(now moment) ([]Record, error)) error {
	if m.parent != nil {
		return m.parent.change(by, make)
	}
	j := &m.journal
	j.mu.Lock()
	defer j.unlock()
	if m.isClosed() {
		return wrap(ErrClosed)
	}
	now := m.bookTime(m.watch.now())
	if f := m.fleet; f != nil && f.inReach() {
		return f.change(now, author(by), make)
	}
	records, err := make(now)
	if err != nil || len(records) == 0 {
		return wrap(err)
	}
	j.stamp(records, now, author(by))
	if err := j.append(records, func() { m.commit(records) }); err != nil {
		return fmt.Errorf("perfmon: %w: %s", ErrStore, describe(err))
	}
	m.commit(records)
	return nil
}

// find commits what the monitor found by itself. It takes effect even when the store
// fails, and is kept for when the store is back.
func (m *Monitor) find(now moment, make func() []Record) {
	if m.parent != nil {
		m.parent.fleet.find(now, make)
		return
	}
	j := &m.journal
	changed := false
	j.mu.Lock()
	defer func() {
		if changed {
			j.unlock()
		} else {
			j.mu.Unlock()
		}
	}()
	if f := m.fleet; f != nil && !f.judgesAlone() {
		return
	}
	records := make()
	if m.fleet != nil {
		records = m.fleet.ofTheFleet(records)
	}
	if len(records) == 0 {
		return
	}
	changed = true
	m.commitFound(records, now)
}

// commitFound commits what was found to the store of this process; the journal's mutex is
// held.
func (m *Monitor) commitFound(records []Record, now moment) {
	if len(records) == 0 {
		return
	}
	j := &m.journal
	j.stamp(records, now, ByMonitor)
	if err := j.append(records, func() {}); err != nil {
		j.keep(records)
	}
	m.commit(records)
}

// commit lets each owner apply its records, and notifies people; the journal's mutex is
// held.
func (m *Monitor) commit(records []Record) {
	for _, r := range records {
		m.apply(r)
		if m.fleet != nil {
			m.fleet.note(r)
		}
		if e, ok := eventOf(r); ok {
			m.events.add(e)
			m.alertSubs.publish(e)
			if m.fleet == nil || m.fleet.tells(r) {
				m.publishToChannels(e)
			}
		}
	}
}

func (m *Monitor) publishToChannels(e AlertEvent) {
	for _, c := range m.channels {
		c.publish(&e)
	}
}

// apply hands a record to its owner. Restoring is applying the records of the store.
func (m *Monitor) apply(r Record) {
	switch {
	case r.Alert != nil:
		m.alerts.apply(r.Alert)
	case r.Threshold != nil:
		m.thresholds.apply(r.Threshold)
	case r.Settings != nil:
		m.applySettings(r.Settings)
	case r.Baseline != nil:
		m.baselines.apply(*r.Baseline)
	case r.Detector != nil:
		m.anomalies.apply(r.Detector)
	case r.Marker != nil:
		m.markers.apply(r.Marker)
	case r.Silence != nil:
		m.silences.apply(r.Silence)
		m.pokeChannels()
	case r.Outbox != nil:
		if c, err := m.channel(r.Outbox.Notifier); err == nil {
			c.apply(r.Outbox)
		}
	case r.DeadLetters != nil:
		if c, err := m.channel(r.DeadLetters.Notifier); err == nil {
			c.dead.Store(r.DeadLetters)
		}
	}
	if m.fleet != nil {
		m.fleet.view.mirror(r)
	}
}

// stamp numbers records; mu is held.
func (j *journal) stamp(records []Record, now moment, by string) {
	for i := range records {
		r := &records[i]
		j.number++
		r.Number, r.Time, r.Author = j.number, now.wall, by
		if r.Alert != nil && r.Alert.Alert != nil {
			r.Alert.Alert.Record = r.Number
		}
	}
}

// append commits records to the store, those that wait for it first. Where the store
// does not answer in time, that is an error, and late is called if it succeeds after all.
// mu is held.
func (j *journal) append(records []Record, late func()) error {
	if j.store == nil {
		return nil
	}
	if err := j.flush(); err != nil {
		return err
	}
	return j.write(records, late)
}

// write appends records to the store; mu is held.
func (j *journal) write(records []Record, late func()) error {
	after, last := j.stored, records[len(records)-1].Number
	err := j.call(func(ctx context.Context, _ func()) error { return j.store.Append(ctx, after, records) }, func() {
		j.stored = last
		// What the monitor found by itself was kept to be written again.
		j.pending = slices.DeleteFunc(j.pending, func(r Record) bool { return r.Number >= records[0].Number && r.Number <= last })
		late()
	})
	if err == nil {
		j.stored = last
	}
	return err
}

// keep holds records back for a store that fails; mu is held.
func (j *journal) keep(records []Record) {
	for i := range records {
		if r := &records[i]; r.Outbox != nil || r.DeadLetters != nil {
			// They are large, and change with each message: only the latest still matters.
			id := r.Identity()
			j.pending = slices.DeleteFunc(j.pending, func(o Record) bool { return o.Identity() == id })
		}
	}
	j.pending = append(j.pending, records...)
	if extra := len(j.pending) - pendingRecords; extra > 0 {
		j.pending = slices.Delete(j.pending, 0, extra)
		j.lost += uint64(extra)
	}
}

// flush writes what waits for the store; mu is held.
func (j *journal) flush() error {
	if err := j.settle(); err != nil {
		return err
	}
	if len(j.pending) > 0 {
		if err := j.write(slices.Clone(j.pending), func() {}); err != nil {
			return err
		}
		j.pending = nil
	}
	for len(j.points) > 0 {
		p := j.points[0]
		dropFirst := func() { j.points = j.points[1:] }
		if err := j.call(func(ctx context.Context, _ func()) error { return j.store.AddPoint(ctx, p) }, dropFirst); err != nil {
			return err
		}
		dropFirst()
	}
	return nil
}

// addPoint keeps a point of history in the store.
func (j *journal) addPoint(p Point) {
	j.mu.Lock()
	defer j.unlock()
	if j.store == nil {
		return
	}
	if j.oldest.IsZero() {
		j.oldest = blockStart(p.Time, time.Hour)
	}
	if len(j.points) == pendingPoints {
		j.lost++ // the newest goes: the first may be on its way
		return
	}
	j.points = append(j.points, p)
	_ = j.flush() // what fails waits, and health says so
}

// settle takes over the outcome of a call that was given up on. While that has not
// returned, there is no other. mu is held.
func (j *journal) settle() error {
	if j.late == nil {
		return nil
	}
	select {
	case <-j.late.done:
	default:
		return j.failed(fmt.Errorf("a call has not returned after %v", storeDeadline))
	}
	c := j.late
	j.late = nil
	if c.err == nil {
		c.then()
	}
	return nil
}

// call calls the store, contained, and gives up on it when the deadline has passed since
// it began or last called alive. mu is held.
func (j *journal) call(f func(ctx context.Context, alive func()) error, then func()) error {
	// The deadline protects the host, so it goes by real time whatever the clock is.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	silence := time.AfterFunc(storeDeadline, cancel)
	defer silence.Stop()
	alive := func() { silence.Reset(storeDeadline) }
	c := &storeCall{done: make(chan struct{}), then: then}
	go func() {
		defer close(c.done)
		text, panicked := contain(func() error { c.err = f(ctx, alive); return nil }, func(text string) { c.err = errors.New(text) })
		if panicked {
			c.err = errors.New(text)
		}
	}()
	select {
	case <-c.done:
	case <-ctx.Done():
		j.late = c
		return j.failed(fmt.Errorf("no answer within %v", storeDeadline))
	}
	if c.err != nil {
		return j.failed(c.err)
	}
	j.failure = ""
	return nil
}

// failed notes an error; the first of a series is logged. mu is held.
func (j *journal) failed(err error) error {
	j.errors++
	text := describe(err)
	if j.failure == "" {
		j.log.write(slog.LevelError, "the store failed; the monitor goes on in memory", "error", text)
	}
	j.failure = text
	return err
}

// StoreStatus is how the store fares.
type StoreStatus struct {
	Kind           string `json:"kind"`            // "memory" where there is none
	Failure        string `json:"failure"`         // "" while it works
	PendingRecords int    `json:"pending_records"` // that wait for it
	PendingPoints  int    `json:"pending_points"`
	Lost           uint64 `json:"lost"`   // records and points that waited too long
	Errors         uint64 `json:"errors"` // calls that failed or came back too late
	// WaitingSince is the date of the oldest record or point that waits.
	WaitingSince time.Time `json:"waiting_since,omitzero"`
	Record       uint64    `json:"record"` // the number of the last record
	// Notes are what the store had to say when it was opened, such as that its file was
	// damaged and is kept beside a new one.
	Notes []string `json:"notes,omitempty"`
}

// status returns how the store fared at the latest change.
func (j *journal) status() StoreStatus {
	if s := j.seen.Load(); s != nil {
		return *s
	}
	return StoreStatus{Kind: "memory"}
}

// unlock ends a change.
func (j *journal) unlock() {
	s := &StoreStatus{Kind: "memory", Failure: j.failure, PendingRecords: len(j.pending), PendingPoints: len(j.points), Lost: j.lost, Errors: j.errors, Record: j.number, Notes: j.notes}
	if len(j.pending) > 0 {
		s.WaitingSince = j.pending[0].Time
	}
	if len(j.points) > 0 && (s.WaitingSince.IsZero() || j.points[0].Time.Before(s.WaitingSince)) {
		s.WaitingSince = j.points[0].Time
	}
	if j.store != nil {
		s.Kind = fmt.Sprintf("%T", j.store)
	}
	j.seen.Store(s)
	if oldest := j.oldest; !oldest.IsZero() {
		j.rolled.Store(&oldest)
	}
	j.mu.Unlock()
}

// restore takes over what the store holds, before the monitor starts.
func (m *Monitor) restore(store Store) error {
	j := &m.journal
	now := m.bookTime(m.watch.now())
	record := func(r Record) error {
		j.number, j.stored = r.Number, r.Number
		if r.Alert != nil {
			a := *r.Alert
			a.State = a.State.restored(now)
			r.Alert = &a
		}
		if r.Threshold != nil && !r.Threshold.Removed {
			if _, ok := m.registry.catalog().find(r.Threshold.Threshold.Metric); ok {
				if _, err := r.Threshold.Threshold.complete(m.registry.catalog()); err != nil {
					return err
				}
			}
		}
		if r.Settings != nil {
			m.restoreSettings(r.Settings)
			return nil
		}
		m.apply(r)
		if e, ok := eventOf(r); ok {
			m.publishToChannels(e) // what was told already goes when the outbox is read
		}
		if m.fleet != nil {
			m.fleet.note(r)
		}
		return nil
	}
	j.mu.Lock()
	defer j.unlock()
	j.store = store
	blocks := m.restoreBlocks(now)
	err := j.call(func(ctx context.Context, alive func()) error {
		err := store.Load(ctx,
			func(r Record) error { alive(); return record(r) },
			func(p Point) error {
				alive()
				if err := blocks(ctx, alive); err != nil {
					return err
				}
				if j.oldest.IsZero() {
					j.oldest = blockStart(p.Time, time.Hour)
				}
				return m.restorePoint(p)
			})
		if err != nil {
			return err
		}
		return blocks(ctx, alive) // where there was no point
	}, func() {})
	if err != nil {
		_ = j.closeStore() // the first error says more
		return fmt.Errorf("restore from the store: %w", &hostError{err})
	}
	j.readNotes()
	m.alerts.sweep(now)
	m.silences.sweep(now.wall)
	m.events.begin(j.number)
	return nil
}

// restored sets the elapsed times of a key, which count from the start of a process, by
// the dates.
func (k KeyState) restored(now moment) KeyState {
	k.Life.CoolFrom = 0
	if !k.CoolFrom.IsZero() {
		k.Life.CoolFrom = now.elapsed - max(now.wall.Sub(k.CoolFrom), 0)
	}
	return k
}
