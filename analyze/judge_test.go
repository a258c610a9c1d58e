package analyze

import (
	"math"
	"testing"
)

// A difference counts below its limit, and not at it.
func TestDirection(t *testing.T) {
	v := ValueOf
	of := func(change, p float64) Difference { return Difference{Value: v(change), PValue: v(p)} }
	unusual := func(change, p float64) *Difference { d := of(change, p); return &d }
	for _, test := range []struct {
		name    string
		d       Difference
		unusual *Difference
		worse   Direction
		want    TrendDirection
	}{
		{"up", of(1, 0.01), nil, HigherIsWorse, Degrading},
		{"down", of(-1, 0.01), nil, HigherIsWorse, Improving},
		{"up is better", of(1, 0.01), nil, LowerIsWorse, Improving},
		{"down is worse", of(-1, 0.01), nil, LowerIsWorse, Degrading},
		{"neutral", of(1, 0.01), nil, Neutral, Stable},
		{"just below", of(1, math.Nextafter(significance, 0)), nil, HigherIsWorse, Degrading},
		{"at the limit", of(1, significance), nil, HigherIsWorse, Stable},
		{"without a standard error", Difference{Value: v(1)}, nil, HigherIsWorse, Stable},
		{"as is usual", of(1, 0.001), unusual(0.1, 0.5), HigherIsWorse, Stable},
		{"more than is usual", of(1, 0.001), unusual(0.5, 0.01), HigherIsWorse, Degrading},
		{"a usual fall is missing", of(0.1, 0.5), unusual(0.5, 0.01), HigherIsWorse, Degrading},
		{"calm after a rise on the day before", of(0.07, 0.9), unusual(0.5, 0.01), HigherIsWorse, Stable},
		{"a rise, but less than is usual", of(1, 0.001), unusual(-1, 0.01), HigherIsWorse, Stable},
		{"just below, beside what is usual", of(1, 0.5), unusual(1, math.Nextafter(significanceOfBoth, 0)), HigherIsWorse, Degrading},
		{"at the limit, beside what is usual", of(1, 0), unusual(1, significanceOfBoth), HigherIsWorse, Stable},
	} {
		if got := direction(test.d, test.unusual, test.worse); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestConfidence(t *testing.T) {
	v := ValueOf
	for _, test := range []struct {
		name string
		to   TrendDirection
		d    Difference
		want float64
	}{
		{"exact", Degrading, Difference{PValue: v(0)}, 1},
		// 9 times -e p ln p is 0.25.
		{"a change, four to one", Degrading, Difference{PValue: v(0.0015850197)}, 0.8},
		{"a change that may be chance", Improving, Difference{PValue: v(0.015)}, 1 / (1 + 9*math.E*0.015*4.199705)},
		{"stable, within five percent", Stable, Difference{Value: v(5), StdErr: v(0)}, 1},
		{"beyond", Stable, Difference{Value: v(5.1), StdErr: v(0)}, 0},
		{"not known", Stable, Difference{Value: v(1)}, 0},
	} {
		if got := confidence(test.to, test.d, 100); !(math.Abs(got-test.want) <= 1e-6) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
