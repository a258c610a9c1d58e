package witnesstest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/backend-prs/perfmon/analyze"
)

// near reports whether two numbers are the same but for rounding.
func near(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}

// Mean, deviation and quantiles are those of gonum.
func TestSummary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{2, 3, 10, 101, 5000} {
		x := make([]float64, n)
		for i := range x {
			x[i] = 1e6 + math.Exp(3*r.NormFloat64())
		}
		s := analyze.Summarize(x)
		mean, deviation := stat.MeanStdDev(x, nil)
		slices.Sort(x)
		// Quantiles of type 7 interpolate between points i/(n-1): gonum has those of type 4,
		// between points i/n, which are the same for n - 1 gaps after the first.
		seven := func(p float64) float64 {
			if at := p * float64(n-1); at >= 1 {
				return stat.Quantile(at/float64(n-1), stat.LinInterp, x[1:], nil)
			} else {
				return x[0] + at*(x[1]-x[0])
			}
		}
		for name, pair := range map[string][2]float64{
			"mean": {s.Mean.Float(), mean}, "deviation": {s.StdDev.Float(), deviation},
			"median": {s.Median.Float(), seven(0.5)}, "p90": {s.P90.Float(), seven(0.9)}, "p95": {s.P95.Float(), seven(0.95)}, "p99": {s.P99.Float(), seven(0.99)},
		} {
			if !near(pair[0], pair[1]) {
				t.Errorf("%d numbers: %s is %v, gonum has %v", n, name, pair[0], pair[1])
			}
		}
	}
}

// The p-value and the interval of a difference, and the probability that it is small, are
// those of gonum's Student's t with the degrees of freedom that the difference names.
func TestDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for range 300 {
		series := func(level float64) []float64 {
			x := make([]float64, 5+r.IntN(60))
			for i := range x {
				x[i] = level + r.NormFloat64()
			}
			return x
		}
		d := analyze.Compare(analyze.EstimateMean(series(0)), analyze.EstimateMean(series(2*r.Float64())))
		student := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: d.DF.Float()}
		value, e := d.Value.Float(), d.StdErr.Float()
		half := e * student.Quantile(0.975)
		within := student.CDF((0.5-value)/e) - student.CDF((-0.5-value)/e)
		for name, pair := range map[string][2]float64{
			"p-value": {d.PValue.Float(), 2 * student.CDF(-math.Abs(value)/e)}, "low": {d.Low.Float(), value - half}, "high": {d.High.Float(), value + half},
			"within 0.5": {d.Within(0.5), within},
		} {
			if math.Abs(pair[0]-pair[1]) > 1e-7 {
				t.Fatalf("%s is %v, gonum has %v: %+v", name, pair[0], pair[1], d)
			}
		}
	}
}
