// Package lifecycle is the state machine of one alert key: a metric in a scope.
// Events go in, transitions come out; there is no clock, no lock and no I/O.
//
//	          violations in a row
//	clear ───────────────────────────▶ open ◀──▶ acknowledged
//	  ▲      (reopened when the last     │             │
//	  │       one is still cooling)      ▼             ▼
//	  └──────── good values in a row ◀── dismissed ◀───┘
//
// An open alert may rise from warning to critical, never back, and keeps its identity.
package lifecycle

import "time"

// Level is how bad a value, or an alert, is.
type Level uint8

const (
	Good Level = iota
	Warning
	Critical
)

// Rule is what the machine goes by.
type Rule struct {
	// Violations in a row open an alert, as many critical ones escalate it, and as
	// many good values in a row resolve it. At least 1.
	Violations int
	// Cooldown counts from an alert's opening. Within it a new run of violations
	// reopens that alert instead of opening one.
	Cooldown time.Duration
	// Armed says that violations count only once a good value was seen.
	Armed bool
}

// Status is where a key stands.
type Status uint8

const (
	Clear Status = iota
	Open
	Acknowledged
	Dismissed
)

// Active reports whether someone has to be told of the alert.
func (s Status) Active() bool { return s == Open || s == Acknowledged }

// State is all the machine remembers of a key. The zero value is a key never seen.
type State struct {
	Status     Status
	Level      Level // of the last alert, also after it was resolved; Good: there was none
	Violating  int   // violations in a row
	Critical   int   // critical violations in a row
	Recovering int   // good values in a row
	SeenGood   bool
	CoolFrom   time.Time // when the cooldown began
	Muted      bool      // reopened, and nobody was told yet
}

// Kind is what an event is.
type Kind uint8

const (
	Observe     Kind = iota // the metric has a value, of some level
	Raise                   // the host says that something is wrong
	Withdraw                // the host, or the end of a threshold, says it is over
	Acknowledge             // somebody is at it
	Dismiss                 // somebody does not want to hear of it
	Escalate                // somebody makes a warning critical
)

// Event is what happens to a key.
type Event struct {
	Kind  Kind
	At    time.Time
	Level Level // of Observe and Raise
}

// Change is what an event did to an alert.
type Change uint8

const (
	Opened   Change = iota
	Reopened        // within the cooldown: nobody is told
	Announced
	Escalated
	WasAcknowledged
	WasDismissed
	Resolved
)

// Transition is one change. Notify says whether anybody is to be told.
type Transition struct {
	Change Change
	Notify bool
}

// Cooling returns when the cooldown ends, and whether it still holds at t.
func (s State) Cooling(r Rule, t time.Time) (until time.Time, cooling bool) {
	if s.Level == Good {
		return time.Time{}, false
	}
	until = s.CoolFrom.Add(r.Cooldown)
	return until, t.Before(until)
}

// Next returns the state after an event and what changed by it: nothing, when the
// event does not apply, such as acknowledging what is not open.
func (s State) Next(r Rule, e Event) (State, []Transition) {
	switch e.Kind {
	case Observe:
		if e.Level == Good {
			return s.good(r)
		}
		return s.bad(r, e)
	case Raise:
		return s.raise(r, e)
	case Withdraw:
		s.Violating, s.Critical = 0, 0
		return s.resolve()
	case Acknowledge:
		if s.Status == Open {
			s.Status = Acknowledged
			return s, []Transition{{WasAcknowledged, true}}
		}
	case Dismiss:
		if s.Status.Active() {
			s.Status = Dismissed
			s.Recovering = 0
			return s, []Transition{{WasDismissed, true}}
		}
	case Escalate:
		if s.Status.Active() && s.Level == Warning {
			return s.escalate()
		}
	}
	return s, nil
}

func (s State) good(r Rule) (State, []Transition) {
	s.SeenGood = true
	s.Violating, s.Critical = 0, 0
	if s.Status == Clear {
		return s, nil
	}
	if s.Recovering++; s.Recovering < r.Violations {
		return s, nil
	}
	return s.resolve()
}

func (s State) bad(r Rule, e Event) (State, []Transition) {
	if r.Armed && !s.SeenGood {
		return s, nil
	}
	s.Recovering = 0
	s.Violating++
	if e.Level == Critical {
		s.Critical++
	} else {
		s.Critical = 0
	}
	critical := s.Critical >= r.Violations
	switch {
	case s.Status == Clear && s.Violating >= r.Violations:
		level := Warning
		if critical {
			level = Critical
		}
		return s.open(r, level, e.At)
	case s.Status.Active() && s.Level == Warning && critical:
		// What somebody acknowledged was the warning.
		s.Status = Open
		return s.escalate()
	case s.Status.Active() && s.Muted:
		// Still bad when the cooldown is over: silence must not outlast it.
		if _, cooling := s.Cooling(r, e.At); !cooling {
			s.Muted = false
			s.CoolFrom = e.At
			return s, []Transition{{Announced, true}}
		}
	}
	return s, nil
}

// raise opens or escalates at once: the host has already counted.
func (s State) raise(r Rule, e Event) (State, []Transition) {
	s.Recovering = 0
	switch {
	case s.Status == Clear:
		return s.open(r, max(e.Level, Warning), e.At)
	case s.Status.Active() && e.Level > s.Level:
		s.Status = Open
		return s.escalate()
	}
	return s, nil
}

func (s State) open(r Rule, level Level, at time.Time) (State, []Transition) {
	s.Recovering = 0
	_, cooling := s.Cooling(r, at)
	s.Status = Open
	if !cooling {
		s.Level, s.CoolFrom, s.Muted = level, at, false
		return s, []Transition{{Opened, true}}
	}
	s.Muted = true
	reopened := Transition{Reopened, false}
	if level <= s.Level {
		return s, []Transition{reopened}
	}
	s, escalated := s.escalate()
	return s, append([]Transition{reopened}, escalated...)
}

func (s State) escalate() (State, []Transition) {
	s.Level, s.Muted = Critical, false
	return s, []Transition{{Escalated, true}}
}

// resolve ends an alert. Those who were never told that it came back, or did not
// want to hear of it, are not told that it went.
func (s State) resolve() (State, []Transition) {
	if s.Status == Clear {
		return s, nil
	}
	notify := s.Status.Active() && !s.Muted
	s.Status, s.Recovering, s.Muted = Clear, 0, false
	return s, []Transition{{Resolved, notify}}
}
