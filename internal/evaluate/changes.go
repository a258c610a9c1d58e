package main

import "fmt"

// changes looks for change points in simulated series.
func (e *evaluation) changes() {
	rng := e.rng("changes")
	runs := e.runs(200, 2000)
	for _, rho := range []float64{0, 0.5, 0.7, 0.9} {
		e.done(fmt.Sprintf("change points of nothing, correlation %v, series", rho), 0, runs)
		wrong := 0
		for range runs {
			if len(changePoints(around100(rng, 120, rho, normal))) > 0 {
				wrong++
			}
		}
		e.most(percent, fmt.Sprintf("change points, 120 points, nothing changed, correlation %v: series with one", rho), 100*float64(wrong)/float64(runs), 5)
	}
	days := e.runs(6, 60)
	found, series := 0, 0
	for _, amplitude := range []float64{0.2, 0.45, 0.7} {
		for _, rho := range []float64{0, 0.5, 0.7} {
			for range days {
				found += len(changePoints(daily(rng, 2*day, amplitude, rho, normal)))
				series++
			}
		}
	}
	e.most("%.2f", "change points, 48 h of a daily rhythm, for each series", float64(found)/float64(series), 0.2)
	for _, test := range []struct {
		rho, least float64
	}{{0, 95}, {0.5, 75}, {0.7, 55}} {
		hits, _ := e.steps(runs, test.rho, 1.3)
		e.least(percent, fmt.Sprintf("change points, a 30 %% step found within 3 points, correlation %v", test.rho), 100*hits, test.least)
	}
	for _, rho := range []float64{0, 0.5, 0.7} {
		hits, spurious := e.steps(runs, rho, 2)
		e.least(percent, fmt.Sprintf("change points, a 100 %% step found within 3 points, correlation %v", rho), 100*hits, 98)
		e.most("%.2f", fmt.Sprintf("change points, spurious beside a 100 %% step, correlation %v", rho), spurious, 0.1)
	}
}

// steps raises series of 120 points by a factor, somewhere in their middle two thirds,
// and returns which share of the steps is found within 3 points, and how much else is
// found in a series.
func (e *evaluation) steps(runs int, rho, factor float64) (hits, spurious float64) {
	e.done(fmt.Sprintf("steps, correlation %v, factor %v, series", rho, factor), 0, runs)
	rng := e.rng(fmt.Sprint("steps ", rho, factor))
	for range runs {
		at := 20 + rng.IntN(81)
		x := lift(around100(rng, 120, rho, normal), at, 100*(factor-1))
		hit := 0.0
		for _, found := range changePoints(x) {
			if hit == 0 && max(found-at, at-found) <= 3 {
				hit = 1
				continue
			}
			spurious += 1 / float64(runs)
		}
		hits += hit / float64(runs)
	}
	return hits, spurious
}
