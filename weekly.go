package perfmon

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/exp/slices"
)

// weeklySetup is when the weekly report is made, and who gets it.
type weeklySetup struct {
	day      time.Weekday
	hour     int
	location *time.Location
	to       []string // names of notifiers; empty: all
}

// WithWeeklyReport has the named notifiers sent a report each week, on a day at an hour (0
// to 23) on the clocks of a location (nil: UTC); without names, all notifiers. It is sent
// once, also where the process ends meanwhile and there is a store. One that was missed is
// sent late; of several that were missed, the latest alone. Default: none.
//
// It compares the week with the one before as far as history reaches: over two weeks with a
// store that keeps long history, else as far as the retention.
func WithWeeklyReport(day time.Weekday, hour int, location *time.Location, to ...string) Option {
	return func(c *config) error {
		if day < time.Sunday || day > time.Saturday {
			return &FieldError{"WithWeeklyReport: day", int(day), "time.Sunday to time.Saturday"}
		}
		if hour < 0 || hour > 23 {
			return &FieldError{"WithWeeklyReport: hour", hour, "0 to 23"}
		}
		if location == nil {
			location = time.UTC
		}
		c.notify.weekly = &weeklySetup{day, hour, location, slices.Clone(to)}
		return nil
	}
}

// due returns when the latest report was due.
func (w *weeklySetup) due(now time.Time) time.Time {
	local := now.In(w.location)
	back := (int(local.Weekday()) - int(w.day) + 7) % 7
	at := func(days int) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()-days, w.hour, 0, 0, 0, w.location)
	}
	due := at(back)
	if due.After(now) {
		due = at(back + 7)
	}
	return due.UTC()
}

// next returns when the report after one is due.
func (w *weeklySetup) next(due time.Time) time.Time {
	local := due.In(w.location)
	return time.Date(local.Year(), local.Month(), local.Day()+7, w.hour, 0, 0, 0, w.location).UTC()
}

// weekly returns the report that is due, nil where none is.
func (c *channel) weekly(s *OutboxRecord, now time.Time) *Notification {
	due := c.nextReport(s)
	if due.IsZero() || due.After(now) || len(s.Queue) >= maxQueued {
		return nil
	}
	m := c.m.whole()
	r := m.weeklyReport(now)
	return &Notification{
		Kind: NotifyReport, Time: now, Service: m.service, Report: r, Link: m.pageAt(nil, now),
		Title: truncate(fmt.Sprintf("%s: the week to %s", m.service.Name, r.Until.In(m.notify.weekly.location).Format("2 January 2006")), 200),
		Text:  r.text(),
	}
}

// nextReport returns when the next report is due, or was; zero where the notifier gets none.
func (c *channel) nextReport(s *OutboxRecord) time.Time {
	w := c.m.notify.weekly
	if w == nil || len(w.to) > 0 && !slices.Contains(w.to, c.name) || s.Reported.IsZero() {
		return time.Time{}
	}
	return w.next(s.Reported)
}

// reportedAhead reports whether the clock was far ahead when a report was made: by it the
// next would be due in a long time.
func (c *channel) reportedAhead(s *OutboxRecord, now time.Time) bool {
	return c.m.notify.weekly != nil && s.Reported.After(now.Add(week+day))
}

// text says in plain lines how the week was.
func (r *WeeklyReport) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s to %s\n", r.From.Format(time.RFC3339), r.Until.Format(time.RFC3339))
	fmt.Fprintf(&b, "%s\n", r.Requests)
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"Got worse", texts(r.Worse)}, {"Got better", texts(r.Better)}, {"Alerts", texts(r.Alerts)},
		{"Worst endpoints", texts(r.WorstEndpoints)}, {"Deploys", texts(r.Deploys)},
	} {
		fmt.Fprintf(&b, "%s:%s\n", part.title, map[bool]string{true: " none"}[len(part.lines) == 0])
		for i, line := range part.lines {
			if i == textAlerts {
				fmt.Fprintf(&b, "  and %d more\n", len(part.lines)-i)
				break
			}
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func texts[T fmt.Stringer](list []T) []string {
	lines := make([]string, len(list))
	for i, v := range list {
		lines[i] = v.String()
	}
	return lines
}

// String is the alert and how long it lasted.
func (a ReportAlert) String() string {
	return fmt.Sprintf("%s for %v: %s", a.Severity, time.Duration(a.DurationSeconds*float64(time.Second)).Round(time.Second), a.Message)
}

const (
	// weeklyAlerts bounds how many alerts a report lists.
	weeklyAlerts = 200
	// weeklyChanges bounds how many metrics a report lists on either side, weeklyLeast is
	// the least change in percent that it lists, and weeklyPoints how many points of each
	// week it rests on at least.
	weeklyChanges = 10
	weeklyLeast   = 5
	weeklyPoints  = 12
)

// weeklyReport tells how the last week was.
func (m *Monitor) weeklyReport(now time.Time) *WeeklyReport {
	h := m.History()
	r := &WeeklyReport{From: now.Add(-week), Until: now, Requests: h.Requests(week), Worse: []WeeklyChange{}, Better: []WeeklyChange{}, Alerts: []ReportAlert{}, Deploys: []Marker{}}
	r.WorstEndpoints = WorstEndpoints(h.Endpoints(week), reportEndpoints)
	list, _ := m.Alerts().List(AlertQuery{Since: r.From, Limit: weeklyAlerts})
	for _, a := range list {
		r.Alerts = append(r.Alerts, ReportAlert{a, a.length(now).Seconds()})
	}
	for _, e := range h.Markers(week) {
		if e.Kind == MarkerDeploy {
			r.Deploys = append(r.Deploys, e)
		}
	}
	m.weeklyChanges(r)
	return r
}

// weeklyChanges lists the metrics whose mean differs from that of the week before. Metrics
// that are neither better nor worse when they are higher are left out, and those of the
// monitor itself.
func (m *Monitor) weeklyChanges(r *WeeklyReport) {
	s, err := m.History().Series(Scope{}, 2*week)
	if err != nil {
		return // cannot be: the scope is the service
	}
	for _, metric := range m.registry.catalog().metrics {
		if metric.Worse != HigherIsWorse && metric.Worse != LowerIsWorse || aboutSelf(metric.Name) {
			continue
		}
		var before, after weekMean
		for i, v := range s.Metrics[metric.Name].Values {
			switch {
			case s.Times[i].After(r.From):
				after.add(v)
			case s.Times[i].After(r.From.Add(-week)):
				before.add(v)
			}
		}
		if before.n < weeklyPoints || after.n < weeklyPoints {
			continue
		}
		c := WeeklyChange{Metric: metric.Name, Unit: metric.Unit, Before: ValueOf(before.mean()), After: ValueOf(after.mean())}
		if b := before.mean(); b != 0 {
			c.Percent = ValueOf(100 * (after.mean() - b) / max(b, -b))
		}
		if p, ok := c.Percent.Get(); before.mean() == after.mean() || ok && p < weeklyLeast && p > -weeklyLeast {
			continue
		}
		if (after.mean() > before.mean()) == (metric.Worse == HigherIsWorse) {
			r.Worse = append(r.Worse, c)
		} else {
			r.Better = append(r.Better, c)
		}
	}
	for _, list := range []*[]WeeklyChange{&r.Worse, &r.Better} {
		sortStableFunc(*list, func(a, b WeeklyChange) int { return b.size() - a.size() })
		*list = (*list)[:min(len(*list), weeklyChanges)]
	}
}

// size orders changes: the most first, and one from 0 before all others.
func (c WeeklyChange) size() int {
	p, ok := c.Percent.Get()
	if !ok {
		return 1 << 30
	}
	return int(min(max(p, -p)*100, 1<<29))
}

// String names the metric and the change.
func (c WeeklyChange) String() string {
	text := fmt.Sprintf("%s %s → %s", c.Metric, withUnit(c.Before.Float(), c.Unit), withUnit(c.After.Float(), c.Unit))
	if p, ok := c.Percent.Get(); ok {
		text += fmt.Sprintf(" (%+.0f %%)", p)
	}
	return text
}

// weekMean is a mean of the values that are there.
type weekMean struct {
	sum float64
	n   int
}

func (m *weekMean) add(v float64) {
	if v == v { // NaN is absent
		m.sum += v
		m.n++
	}
}

func (m *weekMean) mean() float64 { return m.sum / float64(m.n) }
