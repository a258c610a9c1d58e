package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
	"unsafe"

	"github.com/backend-prs/perfmon/analyze"
)

// A plain kind of series, on which nothing happens.
type plain struct {
	name string
	make func(*rand.Rand, int) []float64
}

// plains are series of a point a minute on which every anomaly is a false one.
var plains = []plain{
	{"white noise", func(r *rand.Rand, n int) []float64 { return around100(r, n, 0, normal) }},
	{"correlation 0.7", func(r *rand.Rand, n int) []float64 { return around100(r, n, 0.7, normal) }},
	{"correlation 0.95", func(r *rand.Rand, n int) []float64 { return around100(r, n, 0.95, normal) }},
	{"t(3)", func(r *rand.Rand, n int) []float64 { return around100(r, n, 0, heavy) }},
	{"lognormal", func(r *rand.Rand, n int) []float64 {
		x := correlated(r, n, 0.5, normal)
		for i := range x {
			x[i] = math.Exp(0.5 * x[i])
		}
		return x
	}},
	{"daily", func(r *rand.Rand, n int) []float64 { return daily(r, n, 0.5, 0, normal) }},
	{"daily, correlation 0.7", func(r *rand.Rand, n int) []float64 { return daily(r, n, 0.3, 0.7, normal) }},
	{"office hours", func(r *rand.Rand, n int) []float64 {
		x := around100(r, n, 0.3, normal)
		for i := range x {
			if h := i % day / 60; h >= 8 && h < 18 {
				x[i] *= 1.5
			}
		}
		return x
	}},
	{"a nightly job", func(r *rand.Rand, n int) []float64 {
		x := around100(r, n, 0.3, normal)
		for i := range x {
			if at := i % day; at >= 120 && at < 140 {
				x[i] *= 2
			}
		}
		return x
	}},
	{"errors, few", func(r *rand.Rand, n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			if r.IntN(20) == 0 {
				x[i] = 1 + r.ExpFloat64()
			}
		}
		return x
	}},
	{"counts", func(r *rand.Rand, n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Max(math.Round(8+3*r.NormFloat64()), 0)
		}
		return x
	}},
	{"a sawtooth, as a heap", func(r *rand.Rand, n int) []float64 {
		x := make([]float64, n)
		v := 50.0
		for i := range x {
			if v += 2 + r.NormFloat64(); v > 100 {
				v = 50 + 5*r.NormFloat64()
			}
			x[i] = v
		}
		return x
	}},
}

// anomaliesOf returns the indices of the anomalies of a series of a point a minute.
func anomaliesOf(x []float64) (at []int) {
	d := analyze.NewDetector()
	for i, v := range x {
		if d.Add(start.Add(time.Duration(i)*time.Minute), v).Score >= analyze.AnomalyScore {
			at = append(at, i)
		}
	}
	return at
}

// anomalies counts false anomalies on plain series, and finds what is put into them.
func (e *evaluation) anomalies() {
	rng := e.rng("anomalies")
	runs := e.runs(2, 15)
	var sums [3]float64
	names := [...]string{"on day 1", "a day on days 2 to 7", "a day in week 2"}
	for i, p := range plains {
		e.done("plain series", i, len(plains))
		var counts [3]float64
		for range runs {
			for _, at := range anomaliesOf(p.make(rng, 14*day)) {
				switch {
				case at < day:
					counts[0] += 1 / float64(runs)
				case at < 7*day:
					counts[1] += 1 / float64(runs) / 6
				default:
					counts[2] += 1 / float64(runs) / 7
				}
			}
		}
		e.say("%-24s %.2f %.2f %.2f", p.name, counts[0], counts[1], counts[2])
		for i := range sums {
			sums[i] += counts[i] / float64(len(plains))
		}
	}
	for i, most := range []float64{0.3, 0.4, 0.1} {
		e.most("%.2f", "anomalies, false ones a metric "+names[i], sums[i], most)
	}
	e.injected(rng)
	e.units(rng)
	e.cost(rng)
}

// injected puts anomalies into series after three days, alone and an hour after another.
func (e *evaluation) injected(rng *rand.Rand) {
	runs := e.runs(12, 150)
	const at = 3*day + 417
	kinds := []struct {
		name   string
		length int
		put    func(v float64) float64
	}{
		{"a spike, x 3", 1, func(v float64) float64 { return 3 * v }},
		{"a shift by 50 %", 60, func(v float64) float64 { return v + 50 }},
		{"a drop to 0", 10, func(float64) float64 { return 0 }},
		{"a burst of noise", 30, func(v float64) float64 { return v + 50*rng.NormFloat64() }},
	}
	all, found := 0.0, 0.0
	for part, alone := range []bool{true, false} {
		for i, k := range kinds {
			e.done("injected anomalies", part*len(kinds)+i, 2*len(kinds))
			hits := 0.0
			for i := range runs {
				x := around100(rng, at+60, 0.7, normal)
				if i%2 == 1 {
					x = daily(rng, at+60, 0.3, 0.7, normal)
				}
				if !alone {
					x[at-30-rng.IntN(25)] *= 2.2
				}
				for j := at; j < at+k.length; j++ {
					x[j] = k.put(x[j])
				}
				for _, f := range anomaliesOf(x) {
					if f >= at && f < at+max(k.length, 15) {
						hits++
						break
					}
				}
			}
			all += float64(runs)
			found += hits
			e.say("%-24s alone %v: %.0f %%", k.name, alone, 100*hits/float64(runs))
		}
	}
	e.least(percent, "anomalies, injected after three days: found, alone and within the hour after another", 100*found/all, 95)
}

// units counts series on which the anomalies depend on the unit.
func (e *evaluation) units(rng *rand.Rand) {
	different := 0
	for range e.runs(4, 20) {
		x := daily(rng, 5*day, 0.3, 0.5, heavy)
		want := fmt.Sprint(anomaliesOf(x))
		for _, unit := range []float64{1e-9, 1e12} {
			y := make([]float64, len(x))
			for i, v := range x {
				y[i] = v * unit
			}
			if fmt.Sprint(anomaliesOf(y)) != want {
				different++
			}
		}
	}
	e.most("%.0f", "anomalies, series on which they depend on the unit (x 1e-9, 1e12)", float64(different), 0)
}

// cost measures a detector.
func (e *evaluation) cost(rng *rand.Rand) {
	x := daily(rng, 7*day, 0.3, 0.5, normal)
	began := processorTime()
	anomaliesOf(x)
	e.most("%.2f", "anomalies, cost of a point in µs of a processor", float64((processorTime()-began).Microseconds())/float64(len(x)), 15)
	e.most("%.1f", "anomalies, memory of a detector in KiB", float64(unsafe.Sizeof(analyze.Detector{}))/1024, 48)
}
