package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/backend-prs/perfmon/analyze"
)

const (
	held        = 300  // points held when a baseline is established
	asked       = 60   // points that it is asked for
	sensitivity = 0.15 // the default
)

// establish estimates what is normal at the end of a series, as the monitor does.
func establish(x []float64) analyze.Mean {
	recent := x[max(len(x)-4*asked, 0):]
	begin := analyze.Steady(minutes(len(recent)), recent, len(recent)-asked)
	return analyze.EstimateMean(recent[begin:])
}

// regressedAt reports whether the last points up to end are a regression.
func regressedAt(base analyze.Mean, x []float64, end int, worse analyze.Direction) bool {
	recent := x[max(end-analyze.RegressionPoints, 0):end]
	if _, worseNow := analyze.Regressed(base, recent, worse, sensitivity); !worseNow {
		return false
	}
	from, to := end-day-2*analyze.RegressionPoints, end-day+analyze.RegressionPoints
	if from < 0 {
		return true
	}
	return analyze.Unusual(base, recent, x[from:to], worse, sensitivity)
}

// regressions establishes baselines, and looks for regressions at each point.
func (e *evaluation) regressions() {
	rng := e.rng("regressions")
	runs := e.runs(20, 400)
	total, worst, cells := 0.0, 0.0, 0.0
	for _, rho := range []float64{0.5, 0.7, 0.9} {
		for _, k := range kinds {
			e.done("regressions of nothing, kinds", int(cells), 9)
			wrong := 0
			for range runs {
				x := around100(rng, held+day, rho, k)
				base := establish(x[:held])
				for end := held + 1; end <= len(x); end++ {
					if regressedAt(base, x, end, analyze.HigherIsWorse) {
						wrong++
						break
					}
				}
			}
			share := 100 * float64(wrong) / float64(runs)
			total += share
			worst = max(worst, share)
			cells++
		}
	}
	e.most(percent, "regression, nothing changed, looked at each minute for a day: series with one", total/cells, 3)
	e.say("of the worst kind %.1f %%", worst)
	runs = e.runs(150, 3000)
	for _, test := range []struct{ factor, rho, least float64 }{{1.3, 0.7, 95}, {1.15, 0.5, 75}} {
		for _, history := range []int{held, asked} {
			found := 0
			for range runs {
				x := around100(rng, history+60, test.rho, normal)
				base := establish(x[:history])
				lift(x, history, 100*(test.factor-1))
				for end := history + 1; end <= len(x); end++ {
					if regressedAt(base, x, end, analyze.HigherIsWorse) {
						found++
						break
					}
				}
			}
			share := 100 * float64(found) / float64(runs)
			if history == held {
				e.least(percent, fmt.Sprintf("regression, a %.0f %% step, correlation %v: found within an hour", 100*(test.factor-1), test.rho), share, test.least)
			} else {
				e.say("with no more than the hour of the baseline held: %.1f %%", share)
			}
		}
	}
	e.done("evenings", 0, 1)
	e.evenings(rng)
}

// evenings looks for regressions of a throughput that falls each evening, on the second
// day after a baseline at noon, and halves at noon on the third.
func (e *evaluation) evenings(rng *rand.Rand) {
	runs := e.runs(20, 200)
	wrong, found := 0, 0
	for range runs {
		x := around100(rng, 3*day, 0.5, normal)
		for i := range x {
			x[i] *= 1 - 0.4*math.Cos(2*math.Pi*float64(i)/day) // noon is at half a day
		}
		base := establish(x[:day/2])
		for end := day + day/2; end <= 2*day+day/2; end++ {
			if regressedAt(base, x, end, analyze.LowerIsWorse) {
				wrong++
				break
			}
		}
		raise(x, 2*day+day/2, 0.7)
		for end := 2*day + day/2 + 1; end <= 2*day+day/2+60; end++ {
			if regressedAt(base, x, end, analyze.LowerIsWorse) {
				found++
				break
			}
		}
	}
	e.most(percent, "regression, the fall of throughput each evening, once a day is held: days with one", 100*float64(wrong)/float64(runs), 5)
	e.say("a fall by 30 %% at noon is found within an hour on %.0f %% of such days", 100*float64(found)/float64(runs))
}
