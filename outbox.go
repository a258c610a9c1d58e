package perfmon

import (
	"time"

	"golang.org/x/exp/slices"
)

// OutboxRecord is all that one notifier has told and has still to tell. A change of an alert
// whose record has a higher number than Cursor is in none of it yet: it follows from the
// alert's own record.
type OutboxRecord struct {
	Notifier string `json:"notifier"`
	Cursor   uint64 `json:"cursor"`
	// Alerts are those that wait or were told and are not over, by ID.
	Alerts []OutboxAlert `json:"alerts,omitempty"`
	// Sending is the message that is being delivered; nil where none is.
	Sending *OutboxMessage `json:"sending,omitempty"`
	// Queue are messages about no change of an alert, which wait: reports, and those that
	// somebody sends again.
	Queue []OutboxMessage `json:"queue,omitempty"`
	// Reported is when the latest weekly report was due that was made, or that was not to
	// be made as the notifier is newer.
	Reported time.Time `json:"reported,omitzero"`
	// Delivered is when the latest message was delivered.
	Delivered time.Time `json:"delivered,omitzero"`
}

// OutboxAlert is where a notifier stands with an alert.
type OutboxAlert struct {
	ID string `json:"alert_id"`
	// Since is when the first of the changes came that wait; zero where none waits.
	Since time.Time `json:"since,omitzero"`
	// Told is when the alert was last in a message; zero where it never was.
	Told time.Time `json:"told,omitzero"`
	// Folded is an endpoint's alert that was told as part of the service's.
	Folded bool `json:"folded,omitempty"`
	// HeldBy is the silence that last held its changes back, and HeldRecord the number of
	// the latest of them.
	HeldBy     string `json:"held_by,omitempty"`
	HeldRecord uint64 `json:"held_record,omitempty"`
}

// OutboxMessage is a message on its way.
type OutboxMessage struct {
	Notification Notification `json:"notification"` // without its charts
	// Alerts are the IDs of all alerts that it covers, also of those that it does not list.
	Alerts []string `json:"alert_ids,omitempty"`
}

// DeadLetter is a message that could not be delivered.
type DeadLetter struct {
	At           time.Time    `json:"at"` // when it was given up
	Tries        int          `json:"tries"`
	Error        string       `json:"error"` // of the last try
	Notification Notification `json:"notification"`
}

// DeadLettersRecord holds the dead letters of one notifier that are kept, the oldest first.
type DeadLettersRecord struct {
	Notifier string       `json:"notifier"`
	Letters  []DeadLetter `json:"letters"`
	// Count is how many there have been.
	Count uint64 `json:"count"`
}

// cut drops the oldest letters that are too many, or too large, and returns how many.
func (r *DeadLettersRecord) cut() (dropped uint64) {
	bytes, keep := 0, 0
	for i := len(r.Letters) - 1; i >= 0; i-- {
		bytes += r.Letters[i].size()
		if keep == maxDeadLetters || keep > 0 && bytes > maxDeadLetterBytes {
			break
		}
		keep++
	}
	extra := len(r.Letters) - keep
	r.Letters = slices.Delete(r.Letters, 0, extra)
	return uint64(extra)
}

// bytes is about what the letters take in memory.
func (r *DeadLettersRecord) bytes() (n int) {
	for i := range r.Letters {
		n += r.Letters[i].size()
	}
	return n
}

// size is about what a letter takes in memory.
func (l *DeadLetter) size() int {
	n := 512 + len(l.Error) + len(l.Notification.Title) + len(l.Notification.Text)
	for i := range l.Notification.Alerts {
		n += eventSize(&l.Notification.Alerts[i].AlertEvent)
	}
	return n
}

const (
	maxDeadLetters     = 20      // that are kept of each notifier
	maxDeadLetterBytes = 1 << 20 // that those of one notifier take; the latest is always kept
	maxQueued          = 20      // messages in a Queue
	maxNoticeAlerts    = 50      // that a notification lists
	maxOutboxTries     = 100     // of a message
	maxOutboxAge       = 24 * time.Hour
	minOutboxTrying    = 10 * time.Minute // that one of such an age is tried, as after a weekend
	minRetry           = 5 * time.Second
	maxRetry           = 10 * time.Minute
	maxRetryAfter      = 6 * time.Hour // that a receiver may ask for
	hoursGranularity   = time.Minute   // of Route.Hours
)

// clone returns a copy whose lists may be changed.
func (r *OutboxRecord) clone() *OutboxRecord {
	c := *r
	c.Alerts, c.Queue = slices.Clone(r.Alerts), slices.Clone(r.Queue)
	return &c
}

// alert returns the entry of an alert, nil where there is none.
func (r *OutboxRecord) alert(id string) *OutboxAlert {
	if i, ok := r.place(id); ok {
		return &r.Alerts[i]
	}
	return nil
}

func (r *OutboxRecord) place(id string) (int, bool) {
	return slices.BinarySearchFunc(r.Alerts, id, func(a OutboxAlert, id string) int {
		switch {
		case a.ID < id:
			return -1
		case a.ID > id:
			return 1
		}
		return 0
	})
}

// wait notes that a change of an alert waits.
func (r *OutboxRecord) wait(id string, since time.Time) {
	i, ok := r.place(id)
	if !ok {
		r.Alerts = slices.Insert(r.Alerts, i, OutboxAlert{ID: id})
	}
	if a := &r.Alerts[i]; a.Since.IsZero() {
		a.Since = since
	}
}

// waiting returns how many alerts have changes that wait.
func (r *OutboxRecord) waiting() (n int) {
	for i := range r.Alerts {
		if !r.Alerts[i].Since.IsZero() {
			n++
		}
	}
	return n
}

// outboxRules is what a plan goes by.
type outboxRules struct {
	routes         []Route
	grouping       time.Duration
	remindCritical time.Duration
	remindWarning  time.Duration
	refresh        time.Duration          // 0: never; else there are no reminders
	batch          int                    // alerts in a message; 0: any number
	look           func(id string) *Alert // nil: there is none any more
	silenced       func(Key, time.Time) (Silence, bool)
	covered        func(metric string) bool // an alert of the service for it is active
}

// outboxPlan is what follows from an outbox at a time.
type outboxPlan struct {
	kind NotificationKind // "" where there is nothing to tell now
	tell []*Alert         // what to tell; endpoints that a service's alert stands for are left out
	fold []*Alert         // those
	drop []string         // alerts of which nothing is to be told any more
	held []heldBack       // changes that a silence holds back, and that were not counted yet
	wake time.Time        // when to look again; zero: at the next change
	// gathering says that alerts wait for others to be told with them, until wake at most.
	gathering bool
}

type heldBack struct {
	alert   *Alert
	silence string
}

// plan says what is to be told at a time. It is pure: it changes nothing.
func (r *OutboxRecord) plan(now time.Time, rules *outboxRules) outboxPlan {
	var p outboxPlan
	var ready, remind, early []*Alert
	var due time.Time
	wake := func(t time.Time) {
		if !t.IsZero() && (p.wake.IsZero() || t.Before(p.wake)) {
			p.wake = t
		}
	}
	for i := range r.Alerts {
		x := &r.Alerts[i]
		a := rules.look(x.ID)
		if a == nil {
			p.drop = append(p.drop, x.ID)
			continue
		}
		if x.Folded && x.Since.IsZero() && a.Active() && !rules.covered(a.Metric) {
			if v := rules.rule(a, now, true); v.told {
				ready, due = append(ready, a), now // what stood for it is over
			}
			continue
		}
		if x.Since.IsZero() {
			if at, ok := rules.reminder(x, a, now); ok && !at.After(now) {
				if v := rules.rule(a, now, true); v.told || rules.refresh > 0 {
					remind = append(remind, a)
				} else {
					wake(v.until)
				}
			} else if ok {
				if at.Sub(now) <= rules.refresh/2 {
					early = append(early, a) // with those that are due, so that calls are few
				}
				wake(at)
			}
			continue
		}
		switch v := rules.rule(a, now, !x.Told.IsZero()); {
		case x.Folded && a.State == AlertResolved, x.Told.IsZero() && a.State == AlertDismissed:
			p.drop = append(p.drop, x.ID) // the service's alert told it, or somebody knows already
		case v.told:
			ready = append(ready, a)
			if at := due1(x.Since, rules.grouping, now); due.IsZero() || at.Before(due) {
				due = at
			}
		case v.never, x.Told.IsZero() && !a.Active():
			// One that came and went while it was held back is told nobody.
			p.drop = append(p.drop, x.ID)
			if v.silence != "" && (x.HeldBy != v.silence || x.HeldRecord != a.Record) {
				p.held = append(p.held, heldBack{a, v.silence})
			}
		default:
			if v.silence != "" && (x.HeldBy != v.silence || x.HeldRecord != a.Record) {
				p.held = append(p.held, heldBack{a, v.silence})
			}
			wake(v.until)
		}
	}
	switch {
	case len(ready) > 0 && !due.After(now):
		p.kind = NotifyAlerts
		p.tell, p.fold = r.folding(ready)
		if rules.batch > 0 {
			slices.SortStableFunc(p.tell, worseFirst)
			p.tell = rules.first(p.tell)
		}
	case len(remind) > 0 && rules.refresh > 0:
		p.kind, p.tell = NotifyRefresh, rules.first(append(remind, early...))
	case len(remind) > 0:
		p.kind, p.tell = NotifyReminder, rules.first(remind)
	case len(ready) > 0:
		p.gathering = true
		wake(due)
	}
	return p
}

// first returns what one message has of a list; the rest goes on waiting.
func (rules *outboxRules) first(list []*Alert) []*Alert {
	if rules.batch > 0 && len(list) > rules.batch {
		return list[:rules.batch]
	}
	return list
}

// due1 is so long after a time. A time ahead of the clock means that the clock was set
// back: what waits is due at once.
func due1(since time.Time, d time.Duration, now time.Time) time.Time {
	if since.After(now) {
		return now
	}
	return since.Add(d)
}

// reminder returns when people are to be reminded of an alert, or a receiver is to hear again
// that it is active.
func (rules *outboxRules) reminder(x *OutboxAlert, a *Alert, now time.Time) (at time.Time, ok bool) {
	if rules.refresh > 0 {
		return due1(x.Told, rules.refresh, now), a.Active() && !x.Told.IsZero() && !x.Folded
	}
	every := rules.remindWarning
	if a.Severity == Critical {
		every = rules.remindCritical
	}
	if every == 0 || a.State != AlertOpen || a.Quiet || x.Told.IsZero() || x.Folded {
		return time.Time{}, false
	}
	return due1(x.Told, every, now), true
}

// folding separates the alerts of endpoints that nobody was told of from the rest where an
// alert of the service for the same metric is told in the same message.
func (r *OutboxRecord) folding(ready []*Alert) (tell, fold []*Alert) {
	service := map[string]bool{}
	for _, a := range ready {
		if a.Kind() == ScopeService && a.Active() {
			service[a.Metric] = true
		}
	}
	for _, a := range ready {
		if x := r.alert(a.ID); a.Kind() == ScopeEndpoint && service[a.Metric] && x.Told.IsZero() {
			fold = append(fold, a)
			continue
		}
		tell = append(tell, a)
	}
	return tell, fold
}

// ruling says whether an alert is told at a time, and why.
type ruling struct {
	told    bool
	never   bool      // the routes leave it out at any time
	silence string    // the ID of the one that holds it back
	until   time.Time // when to ask again, where it is held back
	why     string
}

func (rules *outboxRules) rule(a *Alert, at time.Time, toldBefore bool) ruling {
	if toldBefore && a.State != AlertOpen {
		return ruling{told: true, why: "it was told of this alert before"}
	}
	if a.Quiet {
		return ruling{never: true, why: "nobody is told of a quiet alert"}
	}
	v := rules.routed(a.Key(), a.Severity, at)
	if !v.told {
		return v
	}
	if s, ok := rules.silenced(a.Key(), at); ok {
		return ruling{silence: s.ID, until: s.end(), why: "a silence holds it back until " + s.end().Format(time.RFC3339)}
	}
	return v
}

// routed says whether one of the routes matches.
func (rules *outboxRules) routed(key Key, severity Severity, at time.Time) ruling {
	if len(rules.routes) == 0 {
		return ruling{told: true, why: "it has no routes, so it takes every alert"}
	}
	never, closed := "", false
	for i := range rules.routes {
		r := &rules.routes[i]
		why := r.about(key, severity)
		switch {
		case why != "":
			never = why
		case r.open(at):
			return ruling{told: true, why: "a route matches"}
		default:
			closed = true
		}
	}
	if closed {
		return ruling{until: at.Truncate(hoursGranularity).Add(hoursGranularity), why: "a route matches, but not at this time"}
	}
	if len(rules.routes) > 1 {
		never = "none of its routes matches"
	}
	return ruling{never: true, why: never}
}
