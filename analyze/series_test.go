package analyze_test

import (
	"math"
	"math/rand/v2"
	"time"
)

var nan, inf = math.NaN(), math.Inf(1)

var midnight = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)

// minutes returns n times, a minute apart.
func minutes(n int) []time.Time {
	times := make([]time.Time, n)
	for i := range times {
		times[i] = midnight.Add(time.Duration(i) * time.Minute)
	}
	return times
}

// ar makes a series of n normal numbers of variance 1, each of which depends on the one
// before.
func ar(rng *rand.Rand, n int, rho float64) []float64 {
	x := make([]float64, n)
	v := rng.NormFloat64()
	for i := range x {
		x[i] = v
		v = rho*v + rng.NormFloat64()*math.Sqrt(1-rho*rho)
	}
	return x
}

func repeat(v float64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
}

func concat(parts ...[]float64) (all []float64) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}
