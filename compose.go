package perfmon

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/exp/slices"
)

// compose makes the next message where one is due.
func (c *channel) compose(now time.Time) (wake time.Time, again bool) {
	c.m.journal.mu.Lock()
	s := c.next()
	c.m.journal.unlock()
	p := s.plan(now, &c.rules)
	var report *Notification
	if f := c.m.fleet; f == nil || !f.alone() { // one that is missed alone is sent when the fleet is back
		report = c.weekly(s, now)
	}
	if due := c.nextReport(s); !due.IsZero() && (p.wake.IsZero() || due.Before(p.wake)) {
		p.wake = due
	}
	ahead := c.reportedAhead(s, now)
	if p.kind == "" && len(p.drop) == 0 && len(p.held) == 0 && report == nil && !ahead && len(s.Queue) == 0 {
		c.gather(p.gathering)
		return p.wake, false
	}
	var n Notification
	claimed := ""
	if p.kind != "" {
		n = c.alertNotification(now, s, &p)
	}
	err := c.decide(func() []Record {
		next := c.next()
		if next.Sending != nil {
			return nil // another leader was faster
		}
		records := c.hold(next, &p)
		next.forget(p.drop, c.rules.look)
		if ahead {
			next.Reported = c.m.notify.weekly.due(now)
		}
		if report != nil && len(next.Queue) < maxQueued {
			report.ID = c.m.alerts.newID(now)
			next.Queue = append(next.Queue, OutboxMessage{Notification: *report})
			next.Reported = c.m.notify.weekly.due(now)
		}
		switch {
		case p.kind != "":
			n.ID = c.m.alerts.newID(now)
			next.send(n, &p, now, c.rules.look)
		case len(next.Queue) > 0:
			first := next.Queue[0]
			next.Sending, next.Queue = &first, next.Queue[1:]
		}
		if next.Sending != nil {
			claimed = next.Sending.Notification.ID
		}
		return append(records, Record{Outbox: next})
	})
	if err != nil {
		return now.Add(c.m.stepLength), false
	}
	c.claimed = claimed
	return time.Time{}, true
}

// hold notes which changes silences hold back, and returns the silences with their counts;
// the journal's mutex is held.
func (c *channel) hold(next *OutboxRecord, p *outboxPlan) (records []Record) {
	counts := map[string]uint64{}
	for _, h := range p.held {
		counts[h.silence]++
		if x := next.alert(h.alert.ID); x != nil {
			x.HeldBy, x.HeldRecord = h.silence, h.alert.Record
		}
	}
	for _, id := range sortedNames(counts) {
		if s, ok := c.m.silences.get(id); ok {
			s.HeldBack += counts[id]
			records = append(records, Record{Silence: &s})
		}
	}
	return records
}

// forget drops what is not to be told. An alert that was told and is not over stays, for
// what happens to it next.
func (r *OutboxRecord) forget(ids []string, look func(string) *Alert) {
	for _, id := range ids {
		i, ok := r.place(id)
		if !ok {
			continue
		}
		x := &r.Alerts[i]
		if a := look(id); a != nil && a.State != AlertResolved && !x.Told.IsZero() {
			x.Since = time.Time{}
			continue
		}
		r.Alerts = slices.Delete(r.Alerts, i, i+1)
	}
}

// send makes n the message that is being delivered, of all that the plan tells and folds.
func (r *OutboxRecord) send(n Notification, p *outboxPlan, now time.Time, look func(string) *Alert) {
	m := &OutboxMessage{Notification: n}
	mark := func(a *Alert, folded bool) {
		m.Alerts = append(m.Alerts, a.ID)
		i, ok := r.place(a.ID)
		if !ok {
			return
		}
		latest := look(a.ID)
		changed := latest != nil && latest.Record != a.Record
		if a.State == AlertResolved && !changed {
			r.Alerts = slices.Delete(r.Alerts, i, i+1)
			return
		}
		x := &r.Alerts[i]
		x.Told, x.Folded, x.Since = now, folded, time.Time{}
		if changed {
			x.Since = now // what happened meanwhile is told next
		}
	}
	for _, a := range p.tell {
		mark(a, false)
	}
	for _, a := range p.fold {
		mark(a, true)
	}
	r.Sending = m
}

// alertNotification words what a plan tells, but for its ID.
func (c *channel) alertNotification(now time.Time, s *OutboxRecord, p *outboxPlan) Notification {
	m, listed := c.m.whole(), maxNoticeAlerts
	if c.rules.batch > 0 {
		listed = len(p.tell) // all of them
	}
	tell := slices.Clone(p.tell)
	sortStableFunc(tell, worseFirst)
	n := Notification{Kind: p.kind, Time: now, Service: m.service}
	worst := m.worstNow(tell)
	for i, a := range tell {
		if i == listed {
			n.More = len(tell) - listed
			break
		}
		x := s.alert(a.ID)
		n.Alerts = append(n.Alerts, m.notice(a, x == nil || x.Told.IsZero(), worst))
	}
	n.Title = m.notificationTitle(tell, p.kind)
	n.Text = notificationText(&n)
	n.Link = m.pageAt(tell, now)
	return n
}

// without returns a message without some of the alerts that it lists, nil where none is left.
func (m *Monitor) without(message *OutboxMessage, gone func(*AlertNotice) bool) *OutboxMessage {
	n := message.Notification
	var left []AlertNotice
	var tell []*Alert
	ids := slices.Clone(message.Alerts)
	for i := range n.Alerts {
		notice := &n.Alerts[i]
		if gone(notice) {
			ids = slices.DeleteFunc(ids, func(id string) bool { return id == notice.Alert.ID })
			continue
		}
		left = append(left, *notice)
		tell = append(tell, &notice.Alert)
	}
	if len(left) == 0 {
		return nil
	}
	n.Alerts = left
	if n.More == 0 {
		n.Title = m.notificationTitle(tell, n.Kind)
	}
	n.Text = notificationText(&n)
	return &OutboxMessage{Notification: n, Alerts: ids}
}

// worseFirst orders alerts: those that are not over first, then critical ones, then by age.
func worseFirst(a, b *Alert) int {
	rank := func(a *Alert) int {
		r := 0
		if a.State == AlertResolved {
			r += 2
		}
		if a.Severity != Critical {
			r++
		}
		return r
	}
	switch x, y := rank(a), rank(b); {
	case x != y:
		return x - y
	case a.ID < b.ID:
		return -1
	}
	return 1
}

// notice is an alert in a notification. first says that the notifier was not told of it.
func (m *Monitor) notice(a *Alert, first bool, worst []RequestStats) AlertNotice {
	e := AlertEvent{Number: a.Record, At: a.UpdatedAt, By: ByMonitor, Alert: a.clone()}
	if len(a.Changes) > 0 {
		last := a.Changes[len(a.Changes)-1]
		e.Change, e.At, e.By = last.Change, last.At, last.By
	}
	if e.Change == ChangeAnnounced || e.Change == ChangeReopened || first && a.State == AlertOpen {
		e.Change = ChangeOpened
	}
	n := AlertNotice{AlertEvent: e, DedupKey: "perfmon-" + a.ID}
	if a.Kind() == ScopeService && a.Active() && requestMetric(a.Metric) >= 0 {
		n.Worst = worst
	}
	if t := watching(m.thresholds.all(), a.Key()); t != nil {
		n.Runbook = t.Runbook
	}
	if m.notify.page != "" {
		n.Link = m.notify.page + "#/alerts/" + url.PathEscape(a.ID)
	}
	return n
}

const (
	worstWindow = 15 * time.Minute
	worstToName = 5
	textAlerts  = 10 // that a text lists
)

// worstNow returns the worst endpoints where an alert of the service is about requests.
func (m *Monitor) worstNow(tell []*Alert) []RequestStats {
	for _, a := range tell {
		if a.Kind() == ScopeService && a.Active() && requestMetric(a.Metric) >= 0 {
			return WorstEndpoints(m.History().Endpoints(worstWindow), worstToName)
		}
	}
	return nil
}

// notificationTitle says what, how bad and where.
func (m *Monitor) notificationTitle(tell []*Alert, kind NotificationKind) string {
	where := m.service.Name
	if m.service.Environment != "" {
		where += " (" + m.service.Environment + ")"
	}
	prefix := ""
	if kind == NotifyReminder {
		prefix = "Reminder: "
	}
	if len(tell) == 1 {
		a := tell[0]
		what := string(a.Severity)
		if a.State != AlertOpen {
			what += ", " + string(a.State)
		}
		return truncate(fmt.Sprintf("%s%s: %s (%s)", prefix, where, a.Key(), what), 200)
	}
	counts := map[string]int{}
	for _, a := range tell {
		if a.State == AlertResolved {
			counts["resolved"]++
		} else {
			counts[string(a.Severity)]++
		}
	}
	var parts []string
	for _, name := range []string{"critical", "warning", "resolved"} {
		if counts[name] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
		}
	}
	return truncate(fmt.Sprintf("%s%s: %d alerts: %s", prefix, where, len(tell), strings.Join(parts, ", ")), 200)
}

// notificationText lists the alerts in plain lines.
func notificationText(n *Notification) string {
	var b strings.Builder
	for i := range n.Alerts {
		if i == textAlerts {
			break
		}
		a := &n.Alerts[i]
		if n.Kind == NotifyReminder || n.Kind == NotifyRefresh {
			fmt.Fprintf(&b, "%s %s for %v: %s\n", a.Alert.Severity, a.Alert.State, n.Time.Sub(a.Alert.since()).Round(time.Second), a.Alert.Message)
		} else {
			fmt.Fprintf(&b, "%s\n", a.AlertEvent)
		}
		for _, w := range a.Worst {
			fmt.Fprintf(&b, "  %s\n", w)
		}
		if a.Runbook != "" {
			fmt.Fprintf(&b, "  runbook: %s\n", a.Runbook)
		}
	}
	if more := max(len(n.Alerts)-textAlerts, 0) + n.More; more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// pageMargin is how long before the first alert the page begins that a link leads to.
const pageMargin = 30 * time.Minute

// pageAt returns the link to the page as it was at a time: to the alert where it is one, else
// to the overview, with the time range around.
func (m *Monitor) pageAt(tell []*Alert, now time.Time) string {
	if m.notify.page == "" {
		return ""
	}
	from := now
	for _, a := range tell {
		if a.OpenedAt.Before(from) {
			from = a.OpenedAt
		}
	}
	from = from.Add(-pageMargin)
	if held := now.Add(-m.History().Reach()); from.Before(held) {
		from = held
	}
	view := "overview"
	if len(tell) == 1 {
		view = "alerts/" + url.PathEscape(tell[0].ID)
	}
	return fmt.Sprintf("%s#/%s?range=%d-%d", m.notify.page, view, from.Unix(), now.Unix())
}
