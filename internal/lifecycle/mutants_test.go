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

		{"a good value ends a run of critical ones", rule, "www.cc.cc.", "2:opened*"},
		{"and the next run needs as many as any", rule, "www.ccc", "2:opened* 6:escalated*"},

		{"what is dismissed resolves after as many good values", rule, "wwwd...", "2:opened* 3:dismissed* 6:resolved"},
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
	opened, _ := lc.State{}.Next(rule, lc.Event{At: epoch, Level: lc.Warning})
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
			until, cooling := test.state.Cooling(rule, epoch.Add(test.after))
			if cooling != test.cooling {
				t.Errorf("cooling is %v, want %v", cooling, test.cooling)
			}
			if want := epoch.Add(time.Minute); test.state.Level != lc.Good && !until.Equal(want) {
				t.Errorf("it ends at %v, want %v", until, want)
			}
		})
	}
}
