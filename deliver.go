package perfmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"golang.org/x/exp/slices"
)

// startChannels starts what brings messages to notifiers.
func (m *Monitor) startChannels() {
	m.mu.Lock()
	ctx := m.ctx
	m.mu.Unlock()
	for _, c := range m.channels {
		c.running.Add(1)
		go func() {
			defer c.running.Done()
			c.run(ctx)
		}()
	}
}

// enrol notes from where on each notifier is to be told, before anything can happen that is
// to be told. One that is new is told of what is active already.
func (m *Monitor) enrol() {
	if m.fleet != nil {
		return // whoever leads does, when it has joined
	}
	for _, c := range m.channels {
		if !c.enrolled(c.state.Load()) {
			m.find(m.watch.now(), c.enrolment)
		}
	}
}

// enrolled reports whether it is known from where on the notifier is to be told.
func (c *channel) enrolled(s *OutboxRecord) bool {
	return s.Cursor > 0 && (c.m.notify.weekly == nil || !s.Reported.IsZero())
}

// enrolment makes it known; the journal's mutex is held.
func (c *channel) enrolment() []Record {
	restored := c.state.Load()
	if c.enrolled(restored) {
		return nil
	}
	s := c.next()
	if c.m.notify.weekly != nil {
		s.Reported = c.m.notify.weekly.due(c.now())
	}
	if restored.Cursor > 0 {
		return []Record{{Outbox: s}}
	}
	s.Alerts = slices.DeleteFunc(s.Alerts, func(x OutboxAlert) bool {
		a := c.m.alerts.get(x.ID)
		return a == nil || !a.Active()
	})
	s.Cursor++ // that of this record
	return []Record{{Outbox: s}}
}

// waitForChannels waits until the notifiers are at rest, so that the store is told of it
// before it is closed: for closeGrace at most.
func (m *Monitor) waitForChannels() {
	for _, c := range m.channels {
		c.mu.Lock()
		c.closing = true
		c.mu.Unlock()
	}
	rest := make(chan struct{})
	go func() {
		for _, c := range m.channels {
			c.running.Wait()
		}
		close(rest)
	}()
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-rest:
	case <-grace.C:
	}
}

// pokeChannels has all notifiers look at what there is to do.
func (m *Monitor) pokeChannels() {
	for _, c := range m.channels {
		c.poke()
	}
}

// run tells the notifier until ctx ends. It owns charts.
func (c *channel) run(ctx context.Context) {
	var charts madeCharts
	for ctx.Err() == nil {
		wake, again := c.contained(ctx, &charts)
		if again {
			continue
		}
		c.sleep(ctx, wake)
	}
}

// contained is act. A panic in it, which would be a bug of this package, costs this notifier a
// while and not the host.
func (c *channel) contained(ctx context.Context, charts *madeCharts) (wake time.Time, again bool) {
	defer func() {
		if p := recover(); p != nil {
			c.noteFailure(c.now(), "a bug of perfmon: "+describe(p), true)
			wake, again = c.now().Add(maxRetry), false
		}
	}()
	return c.act(ctx, charts)
}

// sleep waits until a time (zero: any) or until something may have changed. It looks at the
// clock each minute, as the clock may be set.
func (c *channel) sleep(ctx context.Context, wake time.Time) {
	var due <-chan time.Time
	if !wake.IsZero() {
		now := c.now()
		timer := c.m.clock.Timer(max(min(wake.Sub(now), time.Minute), time.Millisecond))
		defer timer.Stop()
		if !c.now().Equal(now) && !c.m.realTime {
			return // a clock that is stepped moved before the timer was set
		}
		due = timer.C
	}
	select {
	case <-due:
	case <-c.kick:
	case <-ctx.Done():
	}
}

// act does one thing that is due. again says that there may be more, else wake when.
func (c *channel) act(ctx context.Context, charts *madeCharts) (wake time.Time, again bool) {
	c.gather(false)
	now := c.now()
	if wake, ok := c.mayAct(now); !ok {
		return wake, false
	}
	tries, next := c.retry(now)
	s := c.state.Load()
	switch {
	case next.After(now):
		return next, false
	case s.Sending == nil:
		return c.compose(now)
	case (tries > 0 || s.Sending.Notification.ID != c.claimed) && c.superseded(s.Sending):
		if c.takeBack() != nil {
			return now.Add(c.m.stepLength), false
		}
		return time.Time{}, true
	}
	if c.lend(ctx) != nil {
		return time.Time{}, false
	}
	if c.state.Load() != s {
		c.giveBack() // Resend came before
		return time.Time{}, true
	}
	n := s.Sending.Notification
	if !c.claim(n.ID) {
		c.giveBack()
		return now.Add(c.m.stepLength), false
	}
	n.Charts = charts.of(ctx, c.m, &n)
	c.deliver(ctx, n)
	return time.Time{}, true
}

// retry returns how often the message failed, and when it may be tried again.
func (c *channel) retry(now time.Time) (tries int, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen.next.Sub(now) > c.seen.delay {
		c.seen.next = now // the clock was set back
	}
	return c.seen.tries, c.seen.next
}

// superseded reports whether something newer is known of an alert in a message, so that it
// would not be true any more.
func (c *channel) superseded(m *OutboxMessage) bool {
	return slices.ContainsFunc(m.Notification.Alerts, func(n AlertNotice) bool { return !c.stillSo(&n.Alert) })
}

// stillSo reports whether nothing newer is known of an alert.
func (c *channel) stillSo(told *Alert) bool {
	a := c.rules.look(told.ID)
	return a == nil || a.Record == told.Record
}

// takeBack takes out of a message that was not delivered what would not be true any more:
// it waits again. The rest keeps its ID, as the message may have arrived after all.
func (c *channel) takeBack() error {
	return c.decide(func() []Record {
		s := c.next()
		if s.Sending == nil {
			return nil
		}
		left := c.m.without(s.Sending, func(n *AlertNotice) bool { return !c.stillSo(&n.Alert) })
		for _, id := range s.Sending.Alerts {
			if left == nil || !slices.Contains(left.Alerts, id) {
				if a := c.rules.look(id); a != nil && !a.Quiet {
					s.wait(id, s.Sending.Notification.Time)
				}
			}
		}
		s.Sending = left
		return []Record{{Outbox: s}}
	})
}

// notifyCall is one call of a notifier.
type notifyCall struct {
	done chan struct{} // closed when it has returned; then the rest may be read

	text          string // what went wrong, "" where nothing did
	after         time.Duration
	undeliverable bool
	panicked      bool

	cancel context.CancelFunc
}

// lend waits until no call of the notifier goes on; giveBack must follow.
func (c *channel) lend(ctx context.Context) error {
	select {
	case c.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *channel) giveBack() { <-c.busy }

// begin calls the notifier, contained.
func (c *channel) begin(n Notification) *notifyCall {
	ctx, cancel := context.WithTimeout(context.Background(), c.m.notify.deadline)
	call := &notifyCall{done: make(chan struct{}), cancel: cancel}
	c.running.Add(1)
	go func() {
		defer c.running.Done()
		defer cancel()
		defer close(call.done)
		text, panicked := contain(func() error {
			err := c.n.Notify(ctx, n)
			call.classify(err)
			return err
		}, func(text string) { call.text, call.panicked = text, true })
		if text != "" {
			call.text, call.panicked = text, panicked
		}
	}()
	return call
}

// classify reads what an error says, which runs code of the host.
func (call *notifyCall) classify(err error) {
	if err == nil {
		return
	}
	call.text = "it failed without a word" // what Error returns may be empty
	var later *RetryError
	if errors.As(err, &later) && later != nil {
		call.after = min(max(later.After, 0), maxRetryAfter)
	}
	var never *UndeliverableError
	call.undeliverable = errors.As(err, &never)
}

// err is what became of a call that has returned.
func (call *notifyCall) err() error {
	if call.text == "" {
		return nil
	}
	return errors.New(cleanText(call.text))
}

// late is the failure of a call that takes too long.
func (c *channel) late() error { return fmt.Errorf("no answer within %v", c.m.notify.deadline) }

// deliver tries the message that is being sent, and gives the notifier back when the call
// has returned. The deadline protects the host, so it goes by real time.
func (c *channel) deliver(ctx context.Context, n Notification) {
	call := c.begin(n)
	late := time.NewTimer(c.m.notify.deadline)
	defer late.Stop()
	for waiting := true; waiting; {
		select {
		case <-call.done:
			waiting = false
		case <-late.C:
			c.noteFailure(c.now(), c.late().Error(), false)
		case <-ctx.Done():
			if !call.finish() {
				return // it is tried again by the next monitor; the notifier is not lent any more
			}
			waiting = false
		}
	}
	c.settle(call, n)
	c.giveBack()
}

// finish lets a call come to its end when the monitor is closed. It reports whether it has.
func (call *notifyCall) finish() bool {
	grace := time.NewTimer(closeGrace / 2)
	defer grace.Stop()
	select {
	case <-call.done:
		return true
	case <-grace.C:
	}
	call.cancel()
	grace.Reset(closeGrace / 4)
	select {
	case <-call.done:
		return true
	case <-grace.C:
		return false
	}
}

// noteFailure counts a failure; the first of a series is logged.
func (c *channel) noteFailure(now time.Time, text string, panicked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.seen.failing {
		c.m.log.write(slog.LevelError, "a notifier fails", "notifier", c.name, "error", text)
	}
	c.seen.failure, c.seen.err, c.seen.failing = now, text, true
	if panicked {
		c.seen.panics++
	}
}

// settle draws the consequences of a call.
func (c *channel) settle(call *notifyCall, n Notification) {
	at := moment{c.now(), c.m.watch.now().elapsed}
	now := at.wall
	if err := call.err(); err != nil {
		c.noteFailure(now, err.Error(), call.panicked)
		c.failed(at, call, n, err.Error())
		return
	}
	c.mu.Lock()
	if c.seen.failing {
		c.m.log.write(slog.LevelInfo, "a notifier works again", "notifier", c.name)
	}
	c.seen.delivered++
	c.seen.success, c.seen.tries, c.seen.next, c.seen.failing = now, 0, time.Time{}, false
	c.mu.Unlock()
	c.unnoted = &delivery{n.ID, now}
	_ = c.noteDelivered() // in a fleet that is out of reach it is tried again
}

// failed has a message tried again later, or gives it up.
func (c *channel) failed(at moment, call *notifyCall, n Notification, text string) {
	now := at.wall
	c.mu.Lock()
	c.seen.failed++
	c.seen.tries++
	if c.seen.tries == 1 {
		c.seen.trying = at.elapsed
	}
	tries := c.seen.tries
	c.seen.delay = retryAfter(tries, call.after)
	c.seen.next = now.Add(c.seen.delay)
	old := now.Sub(n.Time) >= maxOutboxAge && at.elapsed-c.seen.trying >= minOutboxTrying
	if !call.undeliverable && tries < maxOutboxTries && !old {
		c.mu.Unlock()
		return
	}
	c.seen.tries = 0
	if call.undeliverable {
		c.seen.next = time.Time{} // the receiver is there
	}
	c.mu.Unlock()
	n.Charts = nil
	err := c.decide(func() []Record {
		dead := *c.dead.Load()
		dead.Count++
		dead.Letters = append(slices.Clone(dead.Letters), DeadLetter{now, tries, text, n})
		c.forgotten.Add(dead.cut())
		s := c.next()
		s.Sending = nil
		return []Record{{DeadLetters: &dead}, {Outbox: s}}
	})
	if err != nil {
		return // it is still being sent, and whoever leads goes on
	}
	c.m.log.write(slog.LevelError, "a message could not be delivered", "notifier", c.name, "title", n.Title, "error", text)
}

// retryAfter returns how long to wait after so many tries: 5 s doubled each time up to 10
// min, half of it at random so that many do not come at once, and never less than the
// receiver asked for. (Exponential backoff with equal jitter: M. Brooker, "Exponential
// Backoff And Jitter", 2015.)
func retryAfter(tries int, asked time.Duration) time.Duration {
	d := maxRetry
	if tries < 8 {
		d = min(minRetry<<(tries-1), maxRetry)
	}
	d = d/2 + rand.N(d/2)
	if asked > 0 {
		return asked + rand.N(min(asked, minRetry)/5+1)
	}
	return d
}
