package analyze

import (
	"math"
	"testing"
)

// A difference counts below a p-value of 0.05, and not at it.
func TestJudge(t *testing.T) {
	v := ValueOf
	of := func(change, p float64) Difference { return Difference{Value: v(change), PValue: v(p)} }
	for _, test := range []struct {
		name       string
		d          Difference
		base       float64
		worse      Direction
		want       TrendDirection
		confidence float64
	}{
		{"up", of(1, 0.01), 1, HigherIsWorse, Degrading, 0.99},
		{"down", of(-1, 0.01), 1, HigherIsWorse, Improving, 0.99},
		{"up is better", of(1, 0.01), 1, LowerIsWorse, Improving, 0.99},
		{"down is worse", of(-1, 0.01), 1, LowerIsWorse, Degrading, 0.99},
		{"neutral", of(1, 0.01), 1, Neutral, Stable, 0},
		{"just below", of(1, math.Nextafter(0.05, 0)), 1, HigherIsWorse, Degrading, 0.95},
		{"at the boundary", of(1, 0.05), 1, HigherIsWorse, Stable, 0},
		{"without a standard error", Difference{Value: v(1)}, 1, HigherIsWorse, Stable, 0},
		{"exact, within five percent", Difference{Value: v(5), StdErr: v(0), PValue: v(0.5)}, 100, HigherIsWorse, Stable, 1},
		{"exact, beyond", Difference{Value: v(5.1), StdErr: v(0), PValue: v(0.5)}, 100, HigherIsWorse, Stable, 0},
	} {
		direction, confidence := judge(test.d, test.base, test.worse)
		if direction != test.want || !(math.Abs(confidence-test.confidence) <= 1e-9) {
			t.Errorf("%s: %s with %v, want %s with %v", test.name, direction, confidence, test.want, test.confidence)
		}
	}
}
