package lifecycle_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	lc "github.com/backend-prs/perfmon/internal/lifecycle"
)

var changes = map[lc.Change]string{
	lc.Opened: "opened", lc.Reopened: "reopened", lc.Announced: "announced", lc.Escalated: "escalated",
	lc.WasAcknowledged: "acknowledged", lc.WasDismissed: "dismissed", lc.Resolved: "resolved",
}

// run plays a script, one letter every ten seconds, and returns what changed as
// "step:change", with a * where somebody is told:
//
//	. good   w warning   c critical   - absent   a acknowledge   d dismiss   e escalate
//	R raise warning   C raise critical   W withdraw
//	r the raised one is still there
//	q warning   Q critical, both covered by an alert of the service   ! critical at once
func run(rule lc.Rule, script string) string {
	var s lc.State
	var got []string
	for i, letter := range script {
		e := lc.Event{At: time.Duration(i) * 10 * time.Second}
		switch letter {
		case '-':
			continue
		case 'w':
			e.Level = lc.Warning
		case 'c':
			e.Level = lc.Critical
		case 'a':
			e.Kind = lc.Acknowledge
		case 'd':
			e.Kind = lc.Dismiss
		case 'e':
			e.Kind = lc.Escalate
		case 'R':
			e.Kind, e.Level = lc.Raise, lc.Warning
		case 'C':
			e.Kind, e.Level = lc.Raise, lc.Critical
		case 'W':
			e.Kind = lc.Withdraw
		case 'r':
			e.Kind = lc.Remain
		case 'q':
			e.Level, e.Covered = lc.Warning, true
		case 'Q':
			e.Level, e.Covered = lc.Critical, true
		case '!':
			e.Level, e.AtOnce = lc.Critical, true
		}
		var ts []lc.Transition
		s, ts = s.Next(rule, e)
		for _, t := range ts {
			told := ""
			if t.Notify {
				told = "*"
			}
			got = append(got, fmt.Sprintf("%d:%s%s", i, changes[t.Change], told))
		}
	}
	return strings.Join(got, " ")
}

func TestRules(t *testing.T) {
	rule := lc.Rule{Violations: 3, Cooldown: 3 * time.Minute} // the cooldown is 18 steps
	short := lc.Rule{Violations: 3}
	tests := []struct {
		name   string
		rule   lc.Rule
		script string
		want   string
	}{
		{"good values do nothing", rule, "......", ""},
		{"two violations are no alert", rule, "ww.ww.cc.", ""},
		{"three in a row open", rule, "..www", "4:opened*"},
		{"three critical ones open as critical, and rise no further", rule, "ccccccc", "2:opened*"},
		{"a run of both kinds opens as warning", rule, "wcw", "2:opened*"},
		{"and becomes critical after three critical ones", rule, "wccc", "2:opened* 3:escalated*"},
		{"an open one does not open again", rule, "wwwwwwwww", "2:opened*"},
		{"an absent value neither violates nor ends a run", rule, "w-w--w", "5:opened*"},
		{"nor does it resolve", rule, "www..----", "2:opened*"},
		{"as many good values resolve as violations opened", rule, "www..." + "...", "2:opened* 5:resolved*"},
		{"a violation in between starts the recovery anew", rule, "www..w..w...", "2:opened* 11:resolved*"},
		{"dithering around the limit makes one alert", rule, "wwww.w.w.w.ww..w.w.w...", "2:opened* 22:resolved*"},
		{"a warning that gets worse escalates once", rule, "wwwwcccccc", "2:opened* 6:escalated*"},
		{"two critical ones do not", rule, "wwwccwccwcc", "2:opened*"},
		{"a critical one is not milder for a while", rule, "cccwwwwwccc", "2:opened*"},

		{"within the cooldown it reopens silently, and goes silently", rule, "www...www...", "2:opened* 5:resolved* 8:reopened 11:resolved"},
		{"after the cooldown it opens anew", rule, "www..." + strings.Repeat(".", 13) + "www", "2:opened* 5:resolved* 21:opened*"},
		{"the last step of the cooldown is still within", rule, "www..." + strings.Repeat(".", 11) + "www", "2:opened* 5:resolved* 19:reopened"},
		{"a reopened one that got worse is told of, and so is its end", rule, "www...ccc...", "2:opened* 5:resolved* 8:reopened 8:escalated 8:announced* 11:resolved*"},
		{"a reopened one still bad when the cooldown ends is told of", rule, "www...www" + strings.Repeat("w", 15) + "...", "2:opened* 5:resolved* 8:reopened 20:announced* 26:resolved*"},
		{"without a cooldown nothing reopens", short, "www...www...", "2:opened* 5:resolved* 8:opened* 11:resolved*"},

		{"acknowledging is told of, once", rule, "wwwaaw", "2:opened* 3:acknowledged*"},
		{"what is acknowledged still resolves", rule, "wwwa...", "2:opened* 3:acknowledged* 6:resolved*"},
		{"and escalates", rule, "wwwacccc", "2:opened* 3:acknowledged* 6:escalated*"},
		{"and may be acknowledged again when it did", rule, "wwwaccca", "2:opened* 3:acknowledged* 6:escalated* 7:acknowledged*"},
		{"nothing open, nothing to act on", rule, "ade.w", ""},
		{"dismissed stays away while the value is bad", rule, "wwwdwwwwcccccc", "2:opened* 3:dismissed*"},
		{"its end is told", rule, "wwwdww...", "2:opened* 3:dismissed* 8:resolved*"},
		{"and may come back then", short, "wwwdww...www", "2:opened* 3:dismissed* 8:resolved* 11:opened*"},
		{"a recovery begun before the dismissal does not count", rule, "www..d..", "2:opened* 5:dismissed*"},
		{"an acknowledged one may be dismissed", rule, "wwwad", "2:opened* 3:acknowledged* 4:dismissed*"},
		{"escalated by hand, once", rule, "wwwee", "2:opened* 3:escalated*"},
		{"and not again by the value", rule, "wwweccc", "2:opened* 3:escalated*"},
		{"a critical one cannot be escalated", rule, "ccce", "2:opened*"},

		{"a critical one that comes back as a warning is a warning", rule, "ccc...wwwccc", "2:opened* 5:resolved* 8:reopened 11:escalated 11:announced*"},
		{"an acknowledged one is not announced again", rule, "www...wwwa" + strings.Repeat("w", 15) + "...", "2:opened* 5:resolved* 8:reopened 9:acknowledged 27:resolved"},

		{"covered, it opens and goes without a word", rule, "qqqq...", "2:opened 6:resolved"},
		{"it is announced when the cover is gone", rule, "qqqqww...", "2:opened 4:announced* 8:resolved*"},
		{"it is announced as a warning by one critical value, and escalates after a run", rule, "www...www" + strings.Repeat("w", 11) + "ccc...",
			"2:opened* 5:resolved* 8:reopened 20:announced* 22:escalated* 25:resolved*"},
		{"by one critical value when the cover is gone, too", rule, "qqqcww...", "2:opened 3:announced* 8:resolved*"},
		{"by hand it escalates as it is told", rule, "qqqe...", "2:opened 3:escalated 3:announced* 6:resolved*"},
		{"acknowledged and dismissed without a word, too", rule, "qqqad", "2:opened 3:acknowledged 4:dismissed"},
		{"covered, it escalates without a word", rule, "qqqQQQ...", "2:opened 5:escalated 8:resolved"},
		{"what was told before the cover came keeps being told", rule, "wwwqQQQ...", "2:opened* 6:escalated 9:resolved*"},
		{"once at once is enough", rule, "!", "0:opened*"},
		{"it resolves as others do", rule, "!......", "0:opened* 3:resolved*"},

		{"the host raises at once", rule, "R", "0:opened*"},
		{"raising again does nothing", rule, "RR", "0:opened*"},
		{"raising higher escalates", rule, "RC", "0:opened* 1:escalated*"},
		{"raised again within the cooldown, it is announced when that is over", rule, "RWRrrrrrrrrrrrrrrrrrrW", "0:opened* 1:resolved* 2:reopened 18:announced* 21:resolved*"},
		{"but not where somebody is at it", rule, "CWCarrrrrrrrrrrrrrrrrW", "0:opened* 1:resolved* 2:reopened 3:acknowledged 21:resolved"},
		{"one that was told is not told again by staying", rule, "Rrrrrrrrrrrrrrrrrrrrr", "0:opened*"},
		{"withdrawing resolves", rule, "CW", "0:opened* 1:resolved*"},
		{"raising again within the cooldown reopens", rule, "RWRW", "0:opened* 1:resolved* 2:reopened 3:resolved"},
		{"what was dismissed is not raised again", rule, "RdRC", "0:opened* 1:dismissed*"},
		{"withdrawing ends what was dismissed", rule, "RdW", "0:opened* 1:dismissed* 2:resolved*"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, run(test.rule, test.script)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.script, diff)
			}
		})
	}
}

// Whatever happens, in whatever order: the invariants hold.
func TestInvariants(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		rule := lc.Rule{
			Violations: 1 + rng.IntN(4),
			Cooldown:   time.Duration(rng.IntN(4)) * 2 * time.Minute,
		}
		var (
			s          lc.State
			at         time.Duration
			open       bool // an alert exists that is not resolved
			dismissed  bool
			level      lc.Level
			told       time.Duration // of the last opening anybody was told of
			toldAny    bool
			bad, good  int
			last       = lc.Good
			calm       = rng.IntN(2) == 0 // values that tend to stay
			transcript []string
		)
		for range 300 {
			at += 10 * time.Second
			e := lc.Event{At: at}
			if rng.IntN(12) == 0 {
				e.Kind = lc.Kind(1 + rng.IntN(5))
				e.Level = lc.Level(1 + rng.IntN(2))
			} else {
				if !calm || rng.IntN(6) == 0 {
					last = lc.Level(rng.IntN(3))
				}
				if e.Level = last; last == lc.Good {
					bad, good = 0, good+1
				} else {
					bad, good = bad+1, 0
				}
			}
			var ts []lc.Transition
			s, ts = s.Next(rule, e)
			for _, tr := range ts {
				transcript = append(transcript, fmt.Sprint(at, " ", changes[tr.Change], tr.Notify))
				fail := func(what string) {
					t.Fatalf("seed %d, %+v: %s\n%s", seed, rule, what, strings.Join(transcript, "\n"))
				}
				switch tr.Change {
				case lc.Opened, lc.Reopened:
					if open {
						fail("a second alert opened beside an open one")
					}
					if e.Kind == lc.Observe && bad < rule.Violations {
						fail(fmt.Sprintf("opened after %d violations", bad))
					}
					within := toldAny && at-told < rule.Cooldown
					if tr.Change == lc.Opened && within {
						fail("opened within the cooldown")
					}
					if tr.Change == lc.Reopened && (!within || tr.Notify) {
						fail("reopened outside the cooldown, or not silently")
					}
					if tr.Change == lc.Opened {
						told, toldAny = at, true
					}
					if level = s.Level; len(ts) > 1 {
						level = lc.Warning // and escalated by the same event
					}
					open, dismissed = true, false
				case lc.Announced:
					escalated := slices.ContainsFunc(ts, func(t lc.Transition) bool { return t.Change == lc.Escalated })
					if !open || dismissed || at-told < rule.Cooldown && !escalated {
						fail("announced what is not open, or too early")
					}
					if s.Level > level {
						fail("announced as worse than it is")
					}
					told, level = at, s.Level
				case lc.Escalated:
					if !open || dismissed || level == lc.Critical {
						fail("escalated what is not open or is critical already")
					}
					level = lc.Critical
				case lc.WasAcknowledged:
					if !open || dismissed {
						fail("acknowledged what is not open")
					}
				case lc.WasDismissed:
					if !open || dismissed {
						fail("dismissed what is not open")
					}
					dismissed = true
				case lc.Resolved:
					if !open {
						fail("resolved what is not open")
					}
					if e.Kind == lc.Observe && good < rule.Violations {
						fail(fmt.Sprintf("resolved after %d good values", good))
					}
					open, dismissed = false, false
				}
			}
			if open && s.Level != level {
				t.Fatalf("seed %d: the alert is %v, the machine says %v", seed, level, s.Level)
			}
			if open != (s.Status != lc.Clear) || dismissed != (s.Status == lc.Dismissed) {
				t.Fatalf("seed %d: status %v, open %v, dismissed %v", seed, s.Status, open, dismissed)
			}
			if s.Status == lc.Open && s.Muted && e.Kind == lc.Observe && e.Level != lc.Good && at-told >= rule.Cooldown {
				t.Fatalf("seed %d: still silent after the cooldown\n%s", seed, strings.Join(transcript, "\n"))
			}
		}
	}
}

func TestNextDependsOnItsInputAlone(t *testing.T) {
	rule := lc.Rule{Violations: 2, Cooldown: time.Minute}
	script := "w-wccaed...ww..RCW.cc"
	if a, b := run(rule, script), run(rule, script); a != b {
		t.Errorf("two runs differ: %s and %s", a, b)
	}
}
