package perfmon

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/exp/slices"
)

// Notifications says how the notifiers fare, and tries them.
type Notifications struct{ m *Monitor }

// Notifications returns the notifications of the monitor.
func (m *Monitor) Notifications() Notifications {
	if m.parent != nil {
		m = m.parent
	}
	return Notifications{m}
}

// NotifierStatus is how a notifier fares.
type NotifierStatus struct {
	Name string `json:"notifier"`
	// Waiting is how many alerts have changes of which it is to tell, also those that a
	// silence or the hours of its routes hold back. Queued are other messages that wait.
	Waiting int `json:"waiting"`
	Queued  int `json:"queued"`
	// Sending is the ID of the message that is being delivered, Tries how often that failed,
	// and NextTry when it is tried again.
	Sending string    `json:"sending,omitempty"`
	Tries   int       `json:"tries,omitempty"`
	NextTry time.Time `json:"next_try,omitzero"`
	Running bool      `json:"running"` // a call is going on
	// Delivered, Failed and Panics count since the monitor was made: messages, tries, and
	// calls that panicked or ended their goroutine.
	Delivered   uint64    `json:"delivered"`
	Failed      uint64    `json:"failed"`
	Panics      uint64    `json:"panics"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastFailure time.Time `json:"last_failure,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	// Dead counts the messages that could not be delivered, DeadLetters are the latest.
	Dead        uint64          `json:"dead"`
	DeadLetters []LetterSummary `json:"dead_letters"`
}

// LetterSummary is a dead letter without what it says.
type LetterSummary struct {
	ID    string           `json:"id"` // of the notification
	Kind  NotificationKind `json:"kind"`
	Title string           `json:"title"`
	At    time.Time        `json:"at"` // when it was given up
	Tries int              `json:"tries"`
	Error string           `json:"error"`
}

// List returns how each notifier fares, in the order of the options.
func (ns Notifications) List() []NotifierStatus {
	list := []NotifierStatus{}
	for _, c := range ns.m.channels {
		list = append(list, c.status())
	}
	return list
}

// DeadLetters returns the dead letters of a notifier that are kept, the oldest first: at
// most 20. Error: ErrNotFound.
func (ns Notifications) DeadLetters(notifier string) ([]DeadLetter, error) {
	c, err := ns.m.channel(notifier)
	if err != nil {
		return nil, wrap(err)
	}
	return slices.Clone(c.dead.Load().Letters), nil
}

// Resend has a dead letter sent again, with the ID that it had. by names who does it.
// Errors: ErrNotFound, ErrClosed, ErrStore.
func (ns Notifications) Resend(notifier, id, by string) error {
	c, err := ns.m.channel(notifier)
	if err != nil {
		return wrap(err)
	}
	err = ns.m.change(by, func(moment) ([]Record, error) {
		dead := *c.dead.Load()
		i := slices.IndexFunc(dead.Letters, func(l DeadLetter) bool { return l.Notification.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("dead letter %q of notifier %s: %w", truncate(id, 40), notifier, ErrNotFound)
		}
		next := c.state.Load().clone()
		if len(next.Queue) >= maxQueued {
			c.full.Add(1)
			return nil, fmt.Errorf("notifier %s: %d messages wait already, which is the most: try again when they are sent", notifier, maxQueued)
		}
		next.Queue = append(next.Queue, OutboxMessage{Notification: dead.Letters[i].Notification})
		dead.Letters = slices.Delete(slices.Clone(dead.Letters), i, i+1)
		return []Record{{DeadLetters: &dead}, {Outbox: next}}, nil
	})
	if err == nil {
		c.poke()
	}
	return err
}

// Test sends a test message through a notifier, now and once, and returns what became of it:
// nil where the notifier took it. It waits for a call that is going on. by names who does it,
// and is in the message. Errors besides those of the notifier: ErrNotFound, ErrClosed, and
// those of ctx.
func (ns Notifications) Test(ctx context.Context, notifier, by string) error {
	m := ns.m
	c, err := m.channel(notifier)
	if err != nil {
		return wrap(err)
	}
	if m.isClosed() {
		return wrap(ErrClosed)
	}
	now := m.Now()
	n := Notification{
		ID: m.notificationID(), Kind: NotifyTest, Time: now, Service: m.service,
		Title: fmt.Sprintf("Test message of %s", m.service.Name),
		Text:  fmt.Sprintf("%s asked at %s whether the notifier %s works. It does.", author(by), now.Format(time.RFC3339), notifier),
		Link:  m.notify.page,
	}
	if err := c.lend(ctx); err != nil {
		return wrap(err)
	}
	if !c.enter() {
		c.giveBack()
		return wrap(ErrClosed)
	}
	call := c.begin(n)
	c.running.Done() // begin counts the call itself
	defer func() {
		go func() { <-call.done; c.giveBack() }() // it may take longer than anybody waits
	}()
	late := time.NewTimer(m.notify.deadline)
	defer late.Stop()
	select {
	case <-call.done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = c.late()
	}
	if err == nil {
		err = call.err()
	}
	c.countTest(now, err)
	return wrap(err)
}

// enter counts one who is about to call the notifier; ok is false where the monitor is closed.
func (c *channel) enter() (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.running.Add(1)
	return true
}

// gather notes whether a message is due soon anyway.
func (c *channel) gather(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gathering = yes
}

// countTest notes what became of a test.
func (c *channel) countTest(now time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.seen.failure, c.seen.err = now, err.Error()
		return
	}
	c.seen.success = now
}

// notificationID returns a new ID.
func (m *Monitor) notificationID() (id string) {
	m.journal.mu.Lock()
	defer m.journal.unlock()
	return m.alerts.newID(m.watch.now().wall)
}

// Told says whether a notifier would be told of an alert, and why.
type Told struct {
	Notifier string `json:"notifier"`
	Told     bool   `json:"told"`
	Why      string `json:"why"` // one sentence
	// Silence is the ID of the silence that holds it back.
	Silence string `json:"silence_id,omitempty"`
	// Later is when the notifier would be told where it is not told at the time; zero where
	// that is never, or not within a week.
	Later time.Time `json:"later,omitzero"`
}

// AlertOutline is what decides who is told of an alert.
type AlertOutline struct {
	Metric   string
	Scope    Scope
	Severity Severity
}

// WhoIsTold says for each notifier whether it would be told of an alert that opens, or
// is still open, at a time: by its routes, their hours and the silences. It sends nothing.
// Error: *FieldError.
func (ns Notifications) WhoIsTold(alert AlertOutline, at time.Time) ([]Told, error) {
	if !validName(alert.Metric) {
		return nil, wrap(&FieldError{"Metric", alert.Metric, "1 to 64 of a-z, 0-9 and _, a letter first"})
	}
	if alert.Severity != Warning && alert.Severity != Critical {
		return nil, wrap(&FieldError{"Severity", alert.Severity, `"warning" or "critical"`})
	}
	a := &Alert{Metric: alert.Metric, Scope: alert.Scope, Severity: alert.Severity, State: AlertOpen}
	list := []Told{}
	for _, c := range ns.m.channels {
		r := c.rules.rule(a, at, false)
		told := Told{Notifier: c.name, Told: r.told, Why: r.why, Silence: r.silence}
		if !r.told && !r.never {
			told.Later = c.rules.later(a, at)
		}
		list = append(list, told)
	}
	return list, nil
}

// later returns when an alert that is held back would be told, within a week or so.
func (rules *outboxRules) later(a *Alert, at time.Time) time.Time {
	end := at.Add(week + day)
	for at.Before(end) {
		r := rules.rule(a, at, false)
		if r.told {
			return at
		}
		if r.never || !r.until.After(at) {
			break
		}
		at = r.until
	}
	return time.Time{}
}

// channel returns the channel of a notifier.
func (m *Monitor) channel(name string) (*channel, error) {
	for _, c := range m.channels {
		if c.name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("notifier %q: %w", truncate(name, 80), ErrNotFound)
}

// channel brings messages to one notifier. What it has told and has to tell is in records,
// which the journal owns; the goroutine run alone asks for changes of it, but for Resend.
// In a fleet the records are shared, and whoever leads asks for changes.
type channel struct {
	m     *Monitor
	name  string
	n     Notifier
	rules outboxRules

	state atomic.Pointer[OutboxRecord]
	dead  atomic.Pointer[DeadLettersRecord]
	// full counts the messages that had no room in the queue, forgotten the dead letters that
	// had none.
	full, forgotten atomic.Uint64

	mu    sync.Mutex
	inbox map[string]inboxItem // changes past the Cursor of state, by alert; mu
	prune int                  // how large inbox may grow before it is pruned; mu
	seen  channelCounts        // mu
	// gathering says that a message is due soon anyway, so that further changes wake nobody.
	gathering bool // mu
	closing   bool // no test begins any more; mu

	// unnoted is a message that was delivered and is still to be noted so in a fleet, claimed
	// the ID of the latest that this process saw to; run alone has both.
	unnoted *delivery
	claimed string
	parted  *partedOutbox // while the replica is alone; the journal's mutex

	kick    chan struct{} // something may have changed
	busy    chan struct{} // full while a call of the notifier goes on
	running sync.WaitGroup
}

// inboxItem is what is new about an alert.
type inboxItem struct {
	number uint64    // of the latest change
	since  time.Time // when the first came
}

// channelCounts is what a status tells besides the state.
type channelCounts struct {
	delivered, failed, panics uint64
	success, failure          time.Time
	err                       string
	failing                   bool // since the last success
	tries                     int
	next                      time.Time
	delay                     time.Duration // of next, from the last failure on
	trying                    time.Duration // elapsed time at the first of tries
}

func newChannel(m *Monitor, s notifierSetup, setup *notifySetup) *channel {
	c := &channel{m: m, name: s.name, n: s.n, inbox: map[string]inboxItem{}, prune: pruneInbox, kick: make(chan struct{}, 1), busy: make(chan struct{}, 1)}
	c.rules = outboxRules{
		routes: s.routes, grouping: setup.grouping, remindCritical: setup.remindCritical, remindWarning: setup.remindWarning,
		batch: s.batch, refresh: s.refresh, look: m.alerts.get, silenced: m.silences.of,
		covered: func(metric string) bool {
			k, _ := m.alerts.key(Key{Metric: metric})
			return k.Life.Status.Active()
		},
	}
	c.state.Store(&OutboxRecord{Notifier: s.name})
	c.dead.Store(&DeadLettersRecord{Notifier: s.name})
	return c
}

// publish takes note of a change. It never waits.
func (c *channel) publish(e *AlertEvent) {
	c.mu.Lock()
	item, ok := c.inbox[e.Alert.ID]
	if !ok {
		item.since = e.At
	}
	item.number = e.Number
	c.inbox[e.Alert.ID] = item
	gathering, full := c.gathering, len(c.inbox) > c.prune
	c.mu.Unlock()
	if full {
		c.forgetOld()
	}
	if !gathering {
		c.poke()
	}
}

// pruneInbox is above what an inbox holds where a notifier works.
const pruneInbox = 2 * maxAlerts

// forgetOld drops alerts that are not kept any more from the inbox, which grows while a call of
// the notifier hangs.
func (c *channel) forgetOld() {
	gone := map[string]bool{}
	for id := range c.waitingItems() {
		if c.rules.look(id) == nil {
			gone[id] = true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range gone {
		delete(c.inbox, id)
	}
	c.prune = max(pruneInbox, 2*len(c.inbox))
}

// waitingItems returns a copy of the inbox.
func (c *channel) waitingItems() map[string]inboxItem {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.inbox)
}

// poke has run look at what there is to do.
func (c *channel) poke() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// next returns the state with the inbox in it, without alerts that are not kept any more, to be changed; the journal's mutex is held,
// so no change is on its way.
func (c *channel) next() *OutboxRecord {
	s := c.state.Load().clone()
	s.Alerts = slices.DeleteFunc(s.Alerts, func(x OutboxAlert) bool { return c.rules.look(x.ID) == nil })
	for id, item := range c.waitingItems() {
		if item.number > s.Cursor && c.rules.look(id) != nil {
			s.wait(id, item.since)
		}
	}
	s.Cursor = c.m.journal.number
	return s
}

// apply takes over a record.
func (c *channel) apply(r *OutboxRecord) {
	c.state.Store(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, item := range c.inbox {
		if item.number <= r.Cursor {
			delete(c.inbox, id)
		}
	}
}

// status says how the notifier fares.
func (c *channel) status() NotifierStatus {
	s, dead := c.state.Load(), c.dead.Load()
	st := NotifierStatus{Name: c.name, Waiting: s.waiting(), Queued: len(s.Queue), Running: len(c.busy) > 0, Dead: dead.Count, DeadLetters: []LetterSummary{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, item := range c.inbox {
		if a := s.alert(id); item.number > s.Cursor && (a == nil || a.Since.IsZero()) {
			st.Waiting++
		}
	}
	n := &c.seen
	st.Delivered, st.Failed, st.Panics = n.delivered, n.failed, n.panics
	st.LastSuccess, st.LastFailure, st.LastError = n.success, n.failure, n.err
	if st.LastSuccess.IsZero() {
		st.LastSuccess = s.Delivered // of an earlier process
	}
	if s.Sending != nil {
		st.Sending, st.Tries, st.NextTry = s.Sending.Notification.ID, n.tries, n.next
	}
	for i := len(dead.Letters) - 1; i >= 0; i-- {
		l := &dead.Letters[i]
		st.DeadLetters = append(st.DeadLetters, LetterSummary{l.Notification.ID, l.Notification.Kind, l.Notification.Title, l.At, l.Tries, l.Error})
	}
	return st
}
