package perfmon

import (
	"errors"
	"time"

	"golang.org/x/exp/slices"
)

// In a fleet each notifier has one outbox, which is a record that all replicas share. The
// leader alone adds to it and sends, and right before each send it writes the record with
// its token: so a leader that was replaced meanwhile sends nothing, and the next one goes on
// from the record. A replica that goes on alone has outboxes of its own, for the alerts that
// it opens itself; what is left in them is added to the shared ones when it joins again.

// errNotJoined says that a replica has not met its fleet yet.
var errNotJoined = errors.New("this replica has not joined the fleet yet")

// fleetGrace is how many steps a new leader waits before it sends a message that another
// replica had begun to send: whoever had may still note that it was delivered.
const fleetGrace = 2

// partedOutbox is what a replica knew of a shared outbox when it went on alone.
type partedOutbox struct {
	state *OutboxRecord
	inbox map[string]inboxItem
}

// whole returns the monitor that has the figures people are told of: those of the fleet
// where there is one.
func (m *Monitor) whole() *Monitor {
	if v, ok := m.Instance(""); ok {
		return v
	}
	return m
}

// now is the time that alerts go by.
func (c *channel) now() time.Time {
	if c.m.fleet == nil {
		return c.m.Now()
	}
	return c.m.bookTime(c.m.watch.now()).wall
}

// decide commits what a notifier is to be told. In a fleet only the leader does, and
// an error says that nothing was changed.
func (c *channel) decide(make func() []Record) error { return c.record(false, make) }

// record commits records of an outbox. A fact, such as a delivery, any replica may add.
func (c *channel) record(fact bool, make func() []Record) error {
	f := c.m.fleet
	if f == nil {
		c.m.find(c.m.watch.now(), make)
		return nil
	}
	j := &c.m.journal
	j.mu.Lock()
	defer j.unlock()
	now := f.time(c.m.watch.now())
	if f.alone() {
		c.m.commitFound(make(), now)
		return nil
	}
	token := f.token.Load()
	switch {
	case !f.inReach():
		return errNotJoined
	case fact:
		token = 0
	case token == 0:
		return ErrFenced
	}
	err := f.append(token, func() ([]Record, error) { return make(), nil }, now, ByMonitor)
	if errors.Is(err, ErrFenced) {
		f.token.Store(0)
	}
	return err
}

// mayAct reports whether this replica may tell the notifier something now; where not, wake
// is when to ask again. What it has delivered it notes first, whoever leads.
func (c *channel) mayAct(now time.Time) (wake time.Time, ok bool) {
	if c.m.fleet == nil {
		return time.Time{}, true
	}
	soon := now.Add(c.m.stepLength)
	if c.unnoted != nil && c.noteDelivered() != nil {
		return soon, false
	}
	if !c.m.leads() {
		return time.Time{}, false // it is woken when that changes
	}
	s := c.state.Load()
	if !c.enrolled(s) {
		if c.decide(func() []Record { return c.enrolment() }) != nil {
			return soon, false
		}
		s = c.state.Load()
	}
	if s.Sending != nil && c.claimed != s.Sending.Notification.ID {
		c.claimed = s.Sending.Notification.ID
		c.mu.Lock()
		c.seen.tries = 1 // by another replica, so that it may have arrived
		c.seen.delay = fleetGrace * c.m.stepLength
		c.seen.next = now.Add(c.seen.delay)
		c.mu.Unlock()
	}
	return time.Time{}, true
}

// claim makes sure, right before a message is sent, that this replica is still the one to
// send it.
func (c *channel) claim(id string) bool {
	if c.m.fleet == nil {
		return true
	}
	sending := func(s *OutboxRecord) bool { return s.Sending != nil && s.Sending.Notification.ID == id }
	err := c.decide(func() []Record {
		if s := c.next(); sending(s) {
			return []Record{{Outbox: s}}
		}
		return nil
	})
	return err == nil && sending(c.state.Load())
}

// delivery is a message that was delivered.
type delivery struct {
	id string
	at time.Time
}

// noteDelivered notes the message of unnoted as delivered. On an error it is to be tried
// again.
func (c *channel) noteDelivered() error {
	d := c.unnoted
	err := c.record(true, func() []Record {
		s := c.next()
		before := len(s.Queue)
		s.Queue = slices.DeleteFunc(s.Queue, func(m OutboxMessage) bool { return m.Notification.ID == d.id })
		if s.Sending != nil && s.Sending.Notification.ID == d.id {
			s.Sending = nil
		} else if len(s.Queue) == before {
			return nil // another replica has noted it
		}
		s.Delivered = d.at
		return []Record{{Outbox: s}}
	})
	if err == nil {
		c.unnoted = nil
	}
	return err
}

// tells reports whether notifiers are to be told of a record here: a replica that is alone
// leaves the alerts of the fleet to the fleet. The journal's mutex is held.
func (f *fleetMember) tells(r Record) bool {
	if f.shared.taking || !f.alone() {
		return true
	}
	_, ofTheFleet := f.shared.base[r.Identity()]
	return !ofTheFleet
}

// part gives the notifier an outbox for the time alone; the journal's mutex is held.
func (c *channel) part() {
	s := c.state.Load()
	c.mu.Lock()
	c.parted = &partedOutbox{s, c.inbox}
	c.inbox = map[string]inboxItem{}
	c.mu.Unlock()
	c.state.Store(&OutboxRecord{Notifier: c.name, Cursor: c.m.journal.number, Reported: s.Reported, Delivered: s.Delivered})
}

// rejoin goes back to the shared outbox and returns the one of the time alone, nil where
// there was none; the journal's mutex is held.
func (c *channel) rejoin() (alone *OutboxRecord) {
	if c.parted == nil {
		return nil
	}
	alone = c.next()
	c.state.Store(c.parted.state)
	c.mu.Lock()
	c.inbox = c.parted.inbox
	c.mu.Unlock()
	c.parted = nil
	return alone
}

// repart undoes rejoin: the fleet could not be told.
func (c *channel) repart(alone *OutboxRecord) {
	if alone != nil {
		c.part()
		c.state.Store(alone)
	}
}

// merged returns the shared outbox with what is in one of this replica, but for alerts that
// others have changed, by their identities; nil where there is nothing to add. The journal's
// mutex is held.
func (c *channel) merged(own *OutboxRecord, theirs map[string]bool) *OutboxRecord {
	s := c.next()
	added := false
	for _, x := range own.Alerts {
		i, known := s.place(x.ID)
		if known || theirs["alert "+x.ID] || c.rules.look(x.ID) == nil {
			continue
		}
		s.Alerts = slices.Insert(s.Alerts, i, x)
		added = true
	}
	messages := slices.Clone(own.Queue)
	if own.Sending != nil {
		messages = append(messages, *own.Sending)
	}
	for _, m := range messages {
		same := func(o OutboxMessage) bool { return o.Notification.ID == m.Notification.ID }
		if s.Sending != nil && same(*s.Sending) || slices.ContainsFunc(s.Queue, same) || len(s.Queue) >= maxQueued {
			continue
		}
		s.Queue = append(s.Queue, m)
		added = true
	}
	if !added {
		return nil
	}
	if s.Reported.IsZero() {
		s.Reported = own.Reported
	}
	return s
}
