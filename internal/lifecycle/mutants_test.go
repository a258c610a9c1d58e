package lifecycle_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	lc "github.com/backend-prs/perfmon/internal/lifecycle"
)

// Edits of the machine that other tests let through. See docs/testing.md, mutation.
func TestBoundaries(t *testing.T) {
	rule := lc.Rule{Violations: 3, Cooldown: 3 * time.Minute}
	short := lc.Rule{Violations: 3}
	one := lc.Rule{Violations: 1}
	tests := []struct {
		name   string
		rule   lc.Rule
		script string
		want   string
	}{
		{"one violation opens where one is enough", one, "w", "0:opened*"},
		{"and one good value resolves", one, "w.", "0:opened* 1:resolved*"},
		{"and one critical value escalates", one, "wc", "0:opened* 1:escalated*"},

		{"withdrawing ends a run of violations", rule, "wwWw", ""},
		{"the run after it is as long as any", rule, "Wwww", "3:opened*"},
		{"withdrawing ends a run of critical values", short, "wccWccwccc", "2:opened* 3:resolved* 6:opened* 9:escalated*"},
		{"critical values after it count from the first", rule, "Wcccc", "3:opened*"},

		{"announced as a warning, it is one", rule, "QQQwccc", "2:opened 3:announced* 6:escalated*"},
		{"a good value ends a run of critical ones", rule, "www.cc.cc.", "2:opened*"},
		{"and the next run needs as many as any", rule, "www.ccc", "2:opened* 6:escalated*"},

		{"what is dismissed resolves after as many good values", rule, "wwwd...", "2:opened* 3:dismissed* 6:resolved*"},
		{"and not after one less", rule, "wwwd..", "2:opened* 3:dismissed*"},

		{"a recovery begun before the host raises again does not count", rule, "C..C..", "0:opened*"},
		{"the recovery after it is as long as any", rule, "C..C...", "0:opened* 6:resolved*"},
		{"raised higher, what was acknowledged is open again", rule, "RaCa", "0:opened* 1:acknowledged* 2:escalated* 3:acknowledged*"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, run(test.rule, test.script)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.script, diff)
			}
		})
	}
}

// The cooldown holds until its end, and no longer.
func TestCooldownBoundary(t *testing.T) {
	rule := lc.Rule{Violations: 1, Cooldown: time.Minute}
	opened, _ := lc.State{}.Next(rule, lc.Event{Level: lc.Warning})
	for _, test := range []struct {
		name    string
		state   lc.State
		after   time.Duration
		cooling bool
	}{
		{"a key without an alert", lc.State{}, 0, false},
		{"at the opening", opened, 0, true},
		{"just before the end", opened, time.Minute - 1, true},
		{"at the end", opened, time.Minute, false},
		{"after it", opened, time.Minute + 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			until, cooling := test.state.Cooling(rule, test.after)
			if cooling != test.cooling {
				t.Errorf("cooling is %v, want %v", cooling, test.cooling)
			}
			if want := time.Minute; test.state.Level != lc.Good && until != want {
				t.Errorf("it ends at %v, want %v", until, want)
			}
		})
	}
}

// play applies events ten seconds apart and returns the state after them.
func play(rule lc.Rule, events ...lc.Event) lc.State {
	var s lc.State
	for i, e := range events {
		e.At = time.Duration(i) * 10 * time.Second
		s, _ = s.Next(rule, e)
	}
	return s
}

// What a state holds is stored, so nothing of an old run or recovery stays in it.
func TestStates(t *testing.T) {
	rule := lc.Rule{Violations: 2, Cooldown: time.Minute}
	good, warning, critical := lc.Event{}, lc.Event{Level: lc.Warning}, lc.Event{Level: lc.Critical}
	covered := lc.Event{Level: lc.Warning, Covered: true}
	for _, test := range []struct {
		name   string
		events []lc.Event
		want   lc.State
	}{
		{"a good value", []lc.Event{good}, lc.State{}},
		{"a good value after a bad one", []lc.Event{critical, good}, lc.State{}},
		{"withdrawn while clear", []lc.Event{critical, {Kind: lc.Withdraw}}, lc.State{}},
		{"one violation", []lc.Event{critical}, lc.State{Violating: 1, Critical: 1}},
		{"one violation after a good value", []lc.Event{good, critical, critical}, lc.State{Status: lc.Open, Level: lc.Critical, Violating: 2, Critical: 2, CoolFrom: 20 * time.Second}},
		{"one warning at once", []lc.Event{{Level: lc.Warning, AtOnce: true}}, lc.State{Status: lc.Open, Level: lc.Warning, Violating: 1}},
		{"open, one good value", []lc.Event{warning, warning, good}, lc.State{Status: lc.Open, Level: lc.Warning, Recovering: 1, CoolFrom: 10 * time.Second}},
		{"resolved", []lc.Event{warning, warning, good, good}, lc.State{Level: lc.Warning, CoolFrom: 10 * time.Second}},
		{"resolved under cover", []lc.Event{covered, covered, good, good}, lc.State{Level: lc.Warning, CoolFrom: 10 * time.Second}},
		{"resolved after it reopened", []lc.Event{warning, warning, good, good, warning, warning, good, good}, lc.State{Level: lc.Warning, CoolFrom: 10 * time.Second}},
		{"raised while it recovers", []lc.Event{warning, warning, good, {Kind: lc.Raise, Level: lc.Warning}}, lc.State{Status: lc.Open, Level: lc.Warning, CoolFrom: 10 * time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, play(rule, test.events...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A key is forgotten when it is clear, in no run, and no longer cooling.
func TestIdle(t *testing.T) {
	rule := lc.Rule{Violations: 1, Cooldown: time.Minute}
	for _, test := range []struct {
		name  string
		state lc.State
		at    time.Duration
		want  bool
	}{
		{"never seen", lc.State{}, 0, true},
		{"in a run", lc.State{Violating: 1}, 0, false},
		{"open", lc.State{Status: lc.Open, Level: lc.Warning}, time.Hour, false},
		{"dismissed", lc.State{Status: lc.Dismissed, Level: lc.Warning}, time.Hour, false},
		{"cooling", lc.State{Level: lc.Warning}, time.Minute - 1, false},
		{"cool", lc.State{Level: lc.Warning}, time.Minute, true},
		{"cool and in a run", lc.State{Level: lc.Warning, Violating: 2}, time.Minute, false},
	} {
		if got := test.state.Idle(rule, test.at); got != test.want {
			t.Errorf("%s: idle is %v", test.name, got)
		}
	}
}

// A run is counted anew from the latest values alone.
func TestRecount(t *testing.T) {
	rule := lc.Rule{Violations: 3}
	clear, open := lc.State{Violating: 2, Critical: 2, Recovering: 2}, lc.State{Status: lc.Open, Level: lc.Warning, Violating: 2, Critical: 2, Recovering: 2}
	for _, test := range []struct {
		name   string
		from   lc.State
		levels []lc.Level
		want   lc.State
	}{
		{"nothing", clear, nil, lc.State{}},
		{"good", clear, []lc.Level{lc.Good, lc.Good}, lc.State{}},
		{"a warning", clear, []lc.Level{lc.Good, lc.Warning}, lc.State{Violating: 1}},
		{"both kinds", clear, []lc.Level{lc.Warning, lc.Critical}, lc.State{Violating: 2, Critical: 1}},
		{"more than count", clear, []lc.Level{lc.Critical, lc.Critical, lc.Critical, lc.Critical}, lc.State{Violating: 3, Critical: 3}},
		{"open, nothing", open, nil, lc.State{Status: lc.Open, Level: lc.Warning}},
		{"open, good", open, []lc.Level{lc.Critical, lc.Good, lc.Good}, lc.State{Status: lc.Open, Level: lc.Warning, Recovering: 2}},
	} {
		if diff := cmp.Diff(test.want, test.from.Recount(rule, test.levels)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
