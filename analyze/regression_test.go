package analyze_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/backend-prs/perfmon/analyze"
)

func TestRegressed(t *testing.T) {
	wavy := func(level float64, n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = level * (1 + 0.01*[]float64{-1, 0.5, 1, -0.5, 0.2, -0.8, 0.6}[i*3%7])
		}
		return x
	}
	base := analyze.EstimateMean(wavy(100, 240))
	for _, test := range []struct {
		name   string
		recent []float64
		worse  analyze.Direction
		want   bool
	}{
		{"up by 20 %", wavy(120, 30), analyze.HigherIsWorse, true},
		{"up by 20 %, and neutral", wavy(120, 30), analyze.Neutral, true},
		{"up by 20 %, which is better", wavy(120, 30), analyze.LowerIsWorse, false},
		{"down by 20 %", wavy(80, 30), analyze.LowerIsWorse, true},
		{"up by 14 %", wavy(114, 30), analyze.HigherIsWorse, false},
		{"nine numbers", concat(wavy(150, 9), repeat(nan, 20), repeat(inf, 1)), analyze.HigherIsWorse, false},
		{"ten numbers", concat(wavy(150, 10), repeat(nan, 20)), analyze.HigherIsWorse, true},
		{"nothing", nil, analyze.HigherIsWorse, false},
		{"one number of thirty", concat(repeat(100, 29), repeat(3000, 1)), analyze.HigherIsWorse, false},
	} {
		d, got := analyze.Regressed(base, test.recent, test.worse, 0.15)
		if got != test.want {
			t.Errorf("%s: %v with %+v", test.name, got, d)
		}
	}
	if _, got := analyze.Regressed(analyze.Mean{Value: analyze.ValueOf(1)}, wavy(2, 30), analyze.HigherIsWorse, 0.15); got {
		t.Error("a baseline without an error is enough")
	}
	if d, got := analyze.Regressed(analyze.EstimateMean(repeat(1e300, 60)), repeat(1.5e300, 30), analyze.HigherIsWorse, 0.15); !got || math.Abs(d.Value.Float()/5e299-1) > 1e-9 {
		t.Errorf("huge: %v, %+v", got, d)
	}
}

func TestUnusual(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	level := func(v float64, n int) []float64 {
		x := ar(rng, n, 0.3)
		for i := range x {
			x[i] = v + 5*x[i]
		}
		return x
	}
	base := analyze.EstimateMean(level(100, 240))
	for _, test := range []struct {
		usual float64
		n     int
		want  bool
	}{{100, 90, true}, {130, 90, true}, {142, 90, false}, {150, 90, false}, {170, 90, false}, {150, 9, true}, {150, 0, true}} {
		if got := analyze.Unusual(base, level(150, 30), level(test.usual, test.n), analyze.HigherIsWorse, 0.15); got != test.want {
			t.Errorf("150 where %v was usual at %d points: %v", test.usual, test.n, got)
		}
	}
}

func TestSteady(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	level := func(v float64, n int) []float64 {
		x := ar(rng, n, 0.3)
		for i := range x {
			x[i] = v + 3*x[i]
		}
		return x
	}
	for _, test := range []struct {
		name           string
		values         []float64
		at, from, upTo int
	}{
		{"all alike", level(100, 240), 180, 0, 0},
		{"a change long before", concat(level(150, 80), level(100, 160)), 180, 78, 82},
		{"a change within", concat(level(150, 200), level(100, 40)), 180, 180, 180},
		{"wild before", concat(level(100, 60), level(40, 5), level(160, 5), level(30, 5), level(170, 5), level(100, 160)), 180, 78, 180},
		{"nothing before", level(100, 60), 0, 0, 0},
		{"nothing", nil, 0, 0, 0},
		{"beyond the end", level(100, 20), 50, 20, 20},
	} {
		if got := analyze.Steady(minutes(len(test.values)), test.values, test.at); got < test.from || got > test.upTo {
			t.Errorf("%s: from %d on, want %d to %d", test.name, got, test.from, test.upTo)
		}
	}
}

func ExampleRegressed() {
	_, seconds := twoHours()
	base := analyze.EstimateMean(seconds[:60])
	d, worse := analyze.Regressed(base, seconds[90:], analyze.HigherIsWorse, 0.15)
	fmt.Printf("%t: %.0f ms more\n", worse, 1000*d.Value.Float())
	// Output: true: 50 ms more
}
