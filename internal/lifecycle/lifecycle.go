// Package lifecycle is the state machine of one alert key: a metric in a scope.
// Events go in, transitions come out; there is no clock, no lock and no I/O.
//
//	          violations in a row
//	clear ───────────────────────────▶ open ◀──▶ acknowledged
//	  ▲      (reopened while the last    │             │
//	  │       one is still cooling)      ▼             ▼
//	  └──────── good values in a row ◀── dismissed ◀───┘
//
// An open alert may rise from warning to critical, never back, and keeps its identity.
// Time is elapsed time, so that nothing done to the clock on the wall moves a cooldown.
package lifecycle

import "time"

// Level is how bad a value, or an alert, is.
type Level uint8

const (
	Good Level = iota
	Warning
	Critical
)

// Rule holds the numbers that a key is judged by.
type Rule struct {
	// Violations in a row open an alert, as many critical ones escalate it, and as
	// many good values in a row resolve it. At least 1.
	Violations int `json:"violations"`
	// Cooldown counts from an alert's opening. Within it a new run of violations
	// reopens that alert instead of opening another.
	Cooldown time.Duration `json:"cooldown"`
}

// Status is where a key stands.
type Status uint8

const (
	Clear Status = iota
	Open
	Acknowledged
	Dismissed
)

// Active reports whether the alert needs somebody's attention.
func (s Status) Active() bool { return s == Open || s == Acknowledged }

// State is all that the machine remembers of a key. The zero value is a key never seen.
type State struct {
	Status     Status        `json:"status,omitempty"`
	Level      Level         `json:"level,omitempty"`      // of the last alert, also after it resolved; Good: there was none
	Violating  int           `json:"violating,omitempty"`  // violations in a row, counted up to the rule's
	Critical   int           `json:"critical,omitempty"`   // critical violations in a row, likewise
	Recovering int           `json:"recovering,omitempty"` // good values in a row
	CoolFrom   time.Duration `json:"cool_from,omitempty"`  // when the cooldown began
	Muted      bool          `json:"muted,omitempty"`      // reopened within the cooldown, and nobody was told
	Covered    bool          `json:"covered,omitempty"`    // opened under an alert of the service, and nobody was told
}

// Kind says what an event is.
type Kind uint8

const (
	Observe     Kind = iota // the key has a value, of some level
	Raise                   // the host says that something is wrong
	Withdraw                // the host, or the end of a rule, says that it is over
	Acknowledge             // somebody is at it
	Dismiss                 // somebody does not want to hear of it
	Escalate                // somebody makes a warning critical
	Remain                  // time passes, and the host that raised it has not said that it is over
)

// Event is what happens to a key.
type Event struct {
	Kind  Kind
	At    time.Duration // elapsed time
	Level Level         // of Observe and Raise
	// Covered says that an alert of the service covers this key: nobody is told of
	// this one while it does.
	Covered bool
	// AtOnce makes one violation enough.
	AtOnce bool
}

// Change is what an event did to an alert.
type Change uint8

const (
	Opened    Change = iota
	Reopened         // within the cooldown: nobody is told
	Announced        // it was there already, and now people are told
	Escalated
	WasAcknowledged
	WasDismissed
	Resolved
)

// Transition is one change. Notify says whether people are told.
type Transition struct {
	Change Change
	Notify bool
}

// Quiet reports whether nobody was told that the alert is there.
func (s State) Quiet() bool { return s.Muted || s.Covered }

// Cooling returns when the cooldown ends, and whether it still holds at t.
func (s State) Cooling(r Rule, t time.Duration) (until time.Duration, cooling bool) {
	if s.Level == Good {
		return 0, false
	}
	until = s.CoolFrom + r.Cooldown
	return until, t < until
}

// Idle reports whether the key remembers nothing that still matters at t.
func (s State) Idle(r Rule, t time.Duration) bool {
	_, cooling := s.Cooling(r, t)
	return s.Status == Clear && s.Violating == 0 && !cooling
}

// Recount returns the state with its runs counted anew: levels are those of the latest
// values, oldest first, by a rule that has changed.
func (s State) Recount(r Rule, levels []Level) State {
	s.Violating, s.Critical, s.Recovering = 0, 0, 0
	for _, l := range levels {
		s = s.count(r, l)
	}
	if s.Status == Clear {
		s.Recovering = 0
	}
	return s
}

// count counts one value in the runs.
func (s State) count(r Rule, l Level) State {
	if l == Good {
		s.Violating, s.Critical = 0, 0
		s.Recovering++
		return s
	}
	s.Recovering = 0
	s.Violating = min(s.Violating+1, r.Violations)
	if l == Critical {
		s.Critical = min(s.Critical+1, r.Violations)
	} else {
		s.Critical = 0
	}
	return s
}

// Next returns the state after an event and what it changed: nothing when the event
// does not apply, such as acknowledging an alert that is not open.
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
			return s, []Transition{{WasAcknowledged, !s.Quiet()}}
		}
	case Dismiss:
		if s.Status.Active() {
			s.Status = Dismissed
			s.Recovering = 0
			return s, []Transition{{WasDismissed, !s.Quiet()}}
		}
	case Escalate:
		if s.Status.Active() && s.Level == Warning {
			return s.escalate(true, e.At)
		}
	case Remain:
		if s.Status == Open && s.Muted {
			e.Level = s.Level
			return s.announce(r, e)
		}
	}
	return s, nil
}

func (s State) good(r Rule) (State, []Transition) {
	if s.Status == Clear {
		s.Violating, s.Critical = 0, 0
		return s, nil
	}
	if s = s.count(r, Good); s.Recovering < r.Violations {
		return s, nil
	}
	return s.resolve()
}

func (s State) bad(r Rule, e Event) (State, []Transition) {
	if e.AtOnce {
		r.Violations = 1
	}
	s = s.count(r, e.Level)
	critical := s.Critical >= r.Violations
	switch {
	case s.Status == Clear && s.Violating >= r.Violations:
		level := Warning
		if critical {
			level = Critical
		}
		return s.open(r, level, e)
	case s.Status.Active() && s.Level == Warning && critical:
		// What somebody acknowledged was the warning.
		s.Status = Open
		return s.escalate(!e.Covered, e.At)
	case s.Status.Active() && s.Quiet() && !e.Covered:
		return s.announce(r, e)
	}
	return s, nil
}

// announce tells people of an alert that is still there when the reason to keep quiet
// is gone. If somebody has acknowledged it, there is nobody to call.
func (s State) announce(r Rule, e Event) (State, []Transition) {
	if _, cooling := s.Cooling(r, e.At); cooling && s.Muted || s.Status == Acknowledged {
		return s, nil
	}
	s.Muted, s.Covered = false, false
	s.CoolFrom = e.At
	s.Level = min(s.Level, e.Level) // what people are told is true now; one worse value is no run
	return s, []Transition{{Announced, true}}
}

// raise opens or escalates at once: the host has already counted.
func (s State) raise(r Rule, e Event) (State, []Transition) {
	s.Recovering = 0
	switch {
	case s.Status == Clear:
		return s.open(r, max(e.Level, Warning), e)
	case s.Status.Active() && e.Level > s.Level:
		s.Status = Open
		return s.escalate(true, e.At)
	}
	return s, nil
}

func (s State) open(r Rule, level Level, e Event) (State, []Transition) {
	s.Recovering = 0
	_, cooling := s.Cooling(r, e.At)
	before := s.Level
	s.Status, s.Level, s.Covered = Open, level, e.Covered
	if !cooling {
		s.CoolFrom = e.At
		return s, []Transition{{Opened, !e.Covered}}
	}
	s.Muted = true
	reopened := Transition{Reopened, false}
	if level <= before {
		return s, []Transition{reopened}
	}
	s, escalated := s.escalate(!e.Covered, e.At)
	return s, append([]Transition{reopened}, escalated...)
}

// escalate makes an alert critical. Where nobody was told that it is there, people are
// told that it opened.
func (s State) escalate(notify bool, at time.Duration) (State, []Transition) {
	s.Level = Critical
	if !notify {
		return s, []Transition{{Escalated, false}}
	}
	quiet := s.Quiet()
	s.Muted, s.Covered = false, false
	if quiet {
		s.CoolFrom = at
		return s, []Transition{{Escalated, false}, {Announced, true}}
	}
	return s, []Transition{{Escalated, true}}
}

// resolve ends an alert. People who were never told that it is there are not told that
// it went.
func (s State) resolve() (State, []Transition) {
	if s.Status == Clear {
		return s, nil
	}
	notify := !s.Quiet()
	s.Status, s.Recovering, s.Muted, s.Covered = Clear, 0, false, false
	return s, []Transition{{Resolved, notify}}
}
