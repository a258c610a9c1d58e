package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/backend-prs/perfmon/analyze"
)

// compareLast compares the last points of a series with as many before.
func compareLast(x []float64, points int) analyze.Trend {
	times := minutes(len(x))
	return analyze.CompareWindows(times, x, times[len(x)-points-1], analyze.HigherIsWorse)
}

// trends compares windows of simulated series.
func (e *evaluation) trends() {
	rng := e.rng("trends")
	runs := e.runs(20, 1000)
	sum, worst, where := 0.0, 0.0, ""
	cells := 0.0
	for _, n := range []int{30, 60, 120} {
		for _, rho := range []float64{0, 0.3, 0.5, 0.7, 0.9} {
			e.done("trends of nothing, kinds", int(cells), 45)
			for _, k := range kinds {
				wrong := 0
				for range runs {
					if compareLast(around100(rng, 2*n, rho, k), n).Direction != analyze.Stable {
						wrong++
					}
				}
				share := 100 * float64(wrong) / float64(runs)
				sum += share
				cells++
				if share > worst {
					worst, where = share, fmt.Sprintf("%d points, correlation %v, %s", n, rho, k.name)
				}
			}
		}
	}
	e.most(percent, "trend, nothing changed: series with a direction, mean over 45 kinds of series", sum/cells, 2)
	e.say("of the worst kind %.1f %%: %s", worst, where)
	runs = e.runs(200, 2000)
	for _, test := range []struct{ factor, rho, least float64 }{{1.3, 0.7, 92}, {1.15, 0.5, 90}} {
		found := 0
		for range runs {
			if compareLast(raise(around100(rng, 120, test.rho, normal), 60, test.factor), 60).Direction == analyze.Degrading {
				found++
			}
		}
		e.least(percent, fmt.Sprintf("trend, a %.0f %% step, correlation %v: found", 100*(test.factor-1), test.rho), 100*float64(found)/float64(runs), test.least)
	}
	e.confidence(rng)
	e.rhythm(rng)
}

// confidence looks at how often a verdict is right that is given with a confidence of 0.8
// or more, when one series in ten changed.
func (e *evaluation) confidence(rng *rand.Rand) {
	var right, given, ways, rightWays, changed, sure float64
	for range e.runs(800, 20_000) {
		n := []int{30, 60, 120}[rng.IntN(3)]
		x := around100(rng, 2*n, []float64{0, 0.3, 0.5, 0.7, 0.9}[rng.IntN(5)], kinds[rng.IntN(3)])
		want := analyze.Stable
		if rng.IntN(10) == 0 {
			changed++
			switch rng.IntN(4) {
			case 0:
				x, want = raise(x, n, 1.3), analyze.Degrading
			case 1:
				x, want = raise(x, n, 1.15), analyze.Degrading
			case 2:
				x, want = raise(x, n, 1/1.3), analyze.Improving
			case 3:
				x, want = raise(x, n, 1/1.15), analyze.Improving
			}
		}
		t := compareLast(x, n)
		if t.Confidence < 0.8 {
			continue
		}
		given++
		if t.Direction == want {
			right++
		}
		if t.Direction != analyze.Stable {
			ways++
			if t.Direction == want {
				rightWays++
			}
		}
		if want != analyze.Stable && t.Direction == want {
			sure++
		}
	}
	e.least(percent, "trend, one in ten changed: right of the verdicts with confidence 0.8 or more", 100*right/given, 90)
	e.least(percent, "trend, the same, right of the directions alone", 100*rightWays/ways, 90)
	e.say("%.0f %% of the changes got their direction with that confidence", 100*sure/changed)
}

// rhythm looks at series that go up and down by day, two days of which are held.
func (e *evaluation) rhythm(rng *rand.Rand) {
	runs := e.runs(60, 300)
	wrong, found, looks := 0, 0, 0
	for _, amplitude := range []float64{0.2, 0.45, 0.7} {
		for _, rho := range []float64{0, 0.5, 0.7} {
			e.done("daily rhythms", looks, 9*runs)
			for range runs {
				x := daily(rng, 2*day, amplitude, rho, normal)
				looks++
				if compareLast(x, 60).Direction != analyze.Stable {
					wrong++
				}
				if compareLast(raise(x, 2*day-60, 1.3), 60).Direction == analyze.Degrading {
					found++
				}
			}
		}
	}
	e.most(percent, "trend, a plain daily rhythm, two days held: looks with a direction", 100*float64(wrong)/float64(looks), 2)
	e.least(percent, "trend, the same, a 30 % step: found", 100*float64(found)/float64(looks), 90)
}
