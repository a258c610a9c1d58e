package main

import (
	"math"
	"math/rand/v2"
)

// A kind of noise: numbers of mean 0 and variance 1, independent of each other.
type kind struct {
	name string
	draw func(*rand.Rand) float64
}

var (
	normal = kind{"normal", (*rand.Rand).NormFloat64}
	// heavy is Student's t with 3 degrees of freedom, whose variance is 3.
	heavy = kind{"t(3)", func(r *rand.Rand) float64 {
		square := 0.0
		for range 3 {
			z := r.NormFloat64()
			square += z * z
		}
		return r.NormFloat64() / math.Sqrt(square/3) / math.Sqrt(3)
	}}
	// skewed is e to a normal number, less its mean, by its standard deviation.
	skewed = kind{"lognormal", func(r *rand.Rand) float64 {
		return (math.Exp(r.NormFloat64()) - math.Sqrt(math.E)) / math.Sqrt(math.E*(math.E-1))
	}}
	kinds = []kind{normal, heavy, skewed}
)

// correlated returns n numbers of mean 0 and variance 1 of an autoregression of order
// one with innovations of that kind.
func correlated(r *rand.Rand, n int, rho float64, k kind) []float64 {
	x := make([]float64, n)
	v, scale := 0.0, math.Sqrt(1-rho*rho)
	for range 100 {
		v = rho*v + scale*k.draw(r)
	}
	for i := range x {
		v = rho*v + scale*k.draw(r)
		x[i] = v
	}
	return x
}

// around100 are numbers about 100 with a standard deviation of 10.
func around100(r *rand.Rand, n int, rho float64, k kind) []float64 {
	x := correlated(r, n, rho, k)
	for i := range x {
		x[i] = 100 + 10*x[i]
	}
	return x
}

const day = 24 * 60 // minutes

// daily is numbers about a level that goes up and down by a share of itself each day.
func daily(r *rand.Rand, n int, amplitude, rho float64, k kind) []float64 {
	x := around100(r, n, rho, k)
	phase := r.Float64()
	for i := range x {
		x[i] *= 1 + amplitude*math.Sin(2*math.Pi*(float64(i)/day+phase))
	}
	return x
}

// raise multiplies the numbers from an index on.
func raise(x []float64, from int, factor float64) []float64 {
	for i := from; i < len(x); i++ {
		x[i] *= factor
	}
	return x
}

// lift adds to the numbers from an index on.
func lift(x []float64, from int, rise float64) []float64 {
	for i := from; i < len(x); i++ {
		x[i] += rise
	}
	return x
}
