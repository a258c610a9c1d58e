package analyze_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/backend-prs/perfmon/analyze"
)

// Every function answers for a million points, and rightly.
func TestMillionPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	const n = 1_000_000
	times, x := minutes(n), wave(n, 20)
	for i, v := range ar(rand.New(rand.NewPCG(3, 1)), n, 0.7) {
		x[i] += 2 * v
		if i >= n/2 {
			x[i] += 100
		}
	}
	t.Run("Summarize", func(t *testing.T) {
		if s := analyze.Summarize(x); s.Count != n || math.Abs(s.Mean.Float()-150) > 1 || s.Min.Float() > 90 || s.Max.Float() < 210 {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("Compare", func(t *testing.T) {
		d := analyze.Compare(analyze.EstimateMean(x[:n/2]), analyze.EstimateMean(x[n/2:]))
		if !(d.Low.Float() < 100 && d.High.Float() > 100 && d.PValue.Float() < 1e-6) {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("CompareWindows", func(t *testing.T) {
		trend := analyze.CompareWindows(times, x, times[n/2-1], analyze.HigherIsWorse)
		if trend.Direction != analyze.Degrading || trend.Points != n || math.Abs(trend.ChangePercent.Float()-100) > 2 {
			t.Errorf("got %+v", trend)
		}
	})
	t.Run("ChangePoints", func(t *testing.T) {
		found := analyze.ChangePoints(times, x)
		if len(found) != 1 || math.Abs(float64(found[0].Index-n/2)) > n/200 {
			t.Errorf("got %+v", found)
		}
	})
	t.Run("Seasonality", func(t *testing.T) {
		s := analyze.Seasonality(times, x)
		if !s.Found || s.Days != n/1440 || math.Abs(s.Hours[6]-s.Hours[18]-40) > 2 {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("Detector", func(t *testing.T) {
		d := analyze.NewDetector()
		found := []int{}
		for i, v := range x {
			if i == n-500 {
				v *= 3
			}
			if d.Add(times[i], v).Score >= analyze.AnomalyScore {
				found = append(found, i)
			}
		}
		if len(found) == 0 || found[len(found)-1] != n-500 || len(found) > n/1440/5 {
			t.Errorf("%d anomalies in %d days, want few, the last at %d: %v", len(found), n/1440, n-500, found)
		}
	})
}
