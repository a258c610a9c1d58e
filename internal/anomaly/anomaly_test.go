package anomaly_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/backend-prs/perfmon/internal/anomaly"
)

// detect returns where a series has anomalies.
func detect(x []float64) (at []int) {
	d := anomaly.New()
	for i, v := range x {
		if d.Add(v).Score >= anomaly.Threshold {
			at = append(at, i)
		}
	}
	return at
}

func noise(rng *rand.Rand, n int, rho float64) []float64 {
	x := make([]float64, n)
	v := 0.0
	for i := range x {
		v = rho*v + rng.NormFloat64()*math.Sqrt(1-rho*rho)
		x[i] = 100 + 5*v
	}
	return x
}

// What changes is found, within the dozen points that are looked at.
func TestAnomaliesAreFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, at = 2000, 1500
	for name, change := range map[string]func(x []float64, i int){
		"a spike":             func(x []float64, i int) { x[at] = 200 },
		"a drop":              func(x []float64, i int) { x[at] = 0 },
		"a shift":             func(x []float64, i int) { x[i] += 30 },
		"much more noise":     func(x []float64, i int) { x[i] += 30 * rng.NormFloat64() },
		"a service that died": func(x []float64, i int) { x[i] = 0 },
	} {
		for _, rho := range []float64{0, 0.6} {
			found := 0
			const runs = 50
			for range runs {
				x := noise(rng, n, rho)
				for i := at; i < n; i++ {
					change(x, i)
				}
				for _, i := range detect(x) {
					if i >= at && i < at+24 {
						found++
						break
					}
				}
			}
			if found < 48 {
				t.Errorf("%s, autocorrelation %v: found in %d of %d series", name, rho, found, runs)
			}
		}
	}
}

// Noise that goes on as ever has few: less than one in 300 points.
func TestNoiseHasFewAnomalies(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for name, series := range map[string]func() []float64{
		"white":          func() []float64 { return noise(rng, 3000, 0) },
		"autocorrelated": func() []float64 { return noise(rng, 3000, 0.8) },
		"heavy tails": func() []float64 {
			x := noise(rng, 3000, 0)
			for i := range x {
				x[i] = math.Exp(x[i] / 5)
			}
			return x
		},
		"constant": func() []float64 { return make([]float64, 3000) },
	} {
		found := 0
		for range 10 {
			found += len(detect(series()))
		}
		t.Logf("%s: %d in 30,000 points", name, found)
		if found > 100 {
			t.Errorf("%s: %d in 30,000 points", name, found)
		}
	}
}

// What goes on is reported once, not at every point.
func TestOneReportForOneChange(t *testing.T) {
	x := noise(rand.New(rand.NewPCG(3, 3)), 2000, 0)
	for i := 1500; i < 2000; i++ {
		x[i] += 100
	}
	after := 0
	for _, i := range detect(x) {
		if i >= 1500 {
			after++
		}
	}
	if after < 1 || after > 4 {
		t.Errorf("a shift is reported %d times", after)
	}
}

func TestScoresAreBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	d := anomaly.New()
	for i := range 20_000 {
		v := rng.NormFloat64() * math.Exp(100*rng.NormFloat64())
		if i%7 == 0 {
			v = 0
		}
		r := d.Add(v)
		if !(r.Score >= 0 && r.Score <= 1) || i < anomaly.Warmup && r.Score != 0 {
			t.Fatalf("point %d, %v, scores %v", i, v, r.Score)
		}
	}
}
