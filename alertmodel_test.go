package perfmon_test

import (
	"time"

	"github.com/backend-prs/perfmon"
)

// alertModel says what must become of the alerts of one metric of the service. It was written
// from docs/alerts.md, and not from the code: it keeps every value, and looks back at them,
// where the monitor counts.
type alertModel struct {
	inARow      int
	cooldown    time.Duration
	absentAfter time.Duration // 0: an absent value is nothing

	now    time.Duration
	values []perfmon.Severity // since the run was last forgotten; "" is a good one
	valued time.Duration      // when the last value came; negative: never
	heard  time.Duration      // when the last value came, or it was missed
	alerts []*modelAlert
	told   []modelEvent
}

// modelAlert is an alert as people see it.
type modelAlert struct {
	Severity perfmon.Severity
	State    perfmon.AlertState
	Cause    perfmon.Cause
	Reopened int
	Quiet    bool

	cooling time.Duration // since when
	good    int           // values in a row that count for the recovery
	byHost  bool
}

// modelEvent is what people are told.
type modelEvent struct {
	Alert    int // the first is 0
	Change   perfmon.AlertChange
	Severity perfmon.Severity
	State    perfmon.AlertState
}

// last returns the newest alert, nil where there is none.
func (m *alertModel) last() *modelAlert {
	if len(m.alerts) == 0 {
		return nil
	}
	return m.alerts[len(m.alerts)-1]
}

// unresolved returns the alert that is not over, nil where there is none.
func (m *alertModel) unresolved() *modelAlert {
	if a := m.last(); a != nil && a.State != perfmon.AlertResolved {
		return a
	}
	return nil
}

func (a *modelAlert) active() bool {
	return a != nil && (a.State == perfmon.AlertOpen || a.State == perfmon.AlertAcknowledged)
}

// tell notes that people are told, unless the alert is quiet.
func (m *alertModel) tell(change perfmon.AlertChange) {
	if a := m.last(); !a.Quiet {
		m.told = append(m.told, modelEvent{len(m.alerts) - 1, change, a.Severity, a.State})
	}
}

// run reports whether the latest values, as many as make a run, are at least so bad.
func (m *alertModel) run(critical bool) bool {
	if len(m.values) < m.inARow {
		return false
	}
	for _, v := range m.values[len(m.values)-m.inARow:] {
		if v == "" || critical && v != perfmon.Critical {
			return false
		}
	}
	return true
}

// pass lets one step pass, with a value that is "", a warning or critical, or with none.
func (m *alertModel) pass(step time.Duration, value perfmon.Severity, present bool) {
	m.now += step
	switch {
	case present:
		m.valued, m.heard = m.now, m.now
		if m.values = append(m.values, value); value == "" {
			m.good()
		} else {
			m.bad(value, m.run(false), m.run(true), perfmon.CauseThreshold)
		}
	case m.absentAfter > 0 && m.valued >= 0 && m.now-m.valued >= m.absentAfter:
		m.heard = m.now
		m.values = append(m.values, perfmon.Critical)
		m.bad(perfmon.Critical, true, true, perfmon.CauseAbsence) // at once, of the highest severity that has a limit
	case m.now-m.heard >= time.Hour:
		if a := m.unresolved(); a != nil && !a.byHost {
			m.resolve()
		}
		m.values = nil
	}
	// One that came back within its cooldown and is still there when that is over is told. Of one that
	// only the host knows of, there are no values to wait for.
	if a := m.last(); a.active() && a.byHost && a.Quiet && a.State == perfmon.AlertOpen && !m.isCooling(a) {
		m.announce()
	}
}

// isCooling reports whether no other alert opens.
func (m *alertModel) isCooling(a *modelAlert) bool { return m.now < a.cooling+m.cooldown }

// good is a good value: as many in a row as open an alert resolve it.
func (m *alertModel) good() {
	a := m.unresolved()
	if a == nil {
		return
	}
	if a.good++; a.good == m.inARow {
		a.byHost = false
		m.resolve()
	}
}

// bad is a violation. warning and critical say whether it makes a run of such.
func (m *alertModel) bad(value perfmon.Severity, warning, critical bool, cause perfmon.Cause) {
	a := m.unresolved()
	if a == nil {
		if warning {
			severity := perfmon.Warning
			if critical {
				severity = perfmon.Critical
			}
			m.open(severity, cause, false)
		}
		return
	}
	a.good = 0
	switch {
	case !a.active():
	case a.Severity == perfmon.Warning && critical:
		a.State, a.Cause, a.byHost = perfmon.AlertOpen, cause, false
		m.escalate()
	case a.Quiet && a.State == perfmon.AlertOpen && !m.isCooling(a):
		if value == perfmon.Warning {
			a.Severity = perfmon.Warning
		}
		a.Cause, a.byHost = cause, false
		m.announce()
	case a.Cause != perfmon.CauseHost && a.Cause != cause:
		a.Cause = cause
		m.tell(perfmon.ChangeUpdated)
	}
}

// open opens an alert, or reopens the last one where that is cooling.
func (m *alertModel) open(severity perfmon.Severity, cause perfmon.Cause, byHost bool) {
	a := m.last()
	if a == nil || !m.isCooling(a) {
		a = &modelAlert{Severity: severity, State: perfmon.AlertOpen, Cause: cause, cooling: m.now, byHost: byHost}
		m.alerts = append(m.alerts, a)
		m.tell(perfmon.ChangeOpened)
		return
	}
	worse := a.Severity == perfmon.Warning && severity == perfmon.Critical
	a.Severity, a.State, a.Cause, a.byHost = severity, perfmon.AlertOpen, cause, byHost
	a.Quiet, a.good = true, 0
	a.Reopened++
	if worse {
		m.announce() // of what got worse, people hear at once
	}
}

// announce tells people of a quiet alert, as opened. So the cooldown begins anew.
func (m *alertModel) announce() {
	a := m.last()
	a.Quiet, a.cooling = false, m.now
	m.tell(perfmon.ChangeOpened)
}

func (m *alertModel) escalate() {
	a := m.last()
	a.Severity = perfmon.Critical
	if a.Quiet {
		m.announce()
		return
	}
	m.tell(perfmon.ChangeEscalated)
}

func (m *alertModel) resolve() {
	a := m.last()
	a.State, a.good = perfmon.AlertResolved, 0
	m.tell(perfmon.ChangeResolved)
	a.Quiet = false
}

// act is what somebody does by hand to an alert; false where it is not active.
func (m *alertModel) act(what string, i int) bool {
	a := m.alerts[i]
	if i != len(m.alerts)-1 || !a.active() && (what != "resolve" || a.State == perfmon.AlertResolved) {
		return false
	}
	switch what {
	case "acknowledge":
		if a.State == perfmon.AlertOpen {
			a.State = perfmon.AlertAcknowledged
			m.tell(perfmon.ChangeAcknowledged)
		}
	case "dismiss":
		a.State, a.good = perfmon.AlertDismissed, 0
		m.tell(perfmon.ChangeDismissed)
	case "escalate":
		if a.Severity == perfmon.Warning {
			m.escalate()
		}
	case "resolve":
		m.resolve()
		m.values = nil
	}
	return true
}

// raise is an alert of the host's own.
func (m *alertModel) raise(severity perfmon.Severity) {
	switch a := m.unresolved(); {
	case a == nil:
		m.open(severity, perfmon.CauseHost, true)
	case a.active() && a.Severity == perfmon.Warning && severity == perfmon.Critical:
		a.State, a.Cause, a.byHost, a.good = perfmon.AlertOpen, perfmon.CauseHost, true, 0
		m.escalate()
	}
}
