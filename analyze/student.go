package analyze

import "math"

// studentCDF is the distribution function of Student's t with df degrees of freedom.
func studentCDF(t, df float64) float64 {
	if math.IsNaN(t) || !(df > 0) {
		return math.NaN()
	}
	if math.IsInf(df, 1) {
		return 0.5 * math.Erfc(-t/math.Sqrt2)
	}
	tail := 0.5 * incompleteBeta(df/2, 0.5, df/(df+t*t))
	if t > 0 {
		return 1 - tail
	}
	return tail
}

// twoSided returns the p-value of a t statistic against no difference.
func twoSided(t, df float64) float64 {
	if math.IsInf(t, 0) {
		return 0
	}
	return math.Min(2*studentCDF(-math.Abs(t), df), 1)
}

// studentQuantile inverts studentCDF for p from 0.5 up.
func studentQuantile(p, df float64) float64 {
	if !(df > 0) || !(p >= 0.5 && p < 1) {
		return math.NaN()
	}
	return falling(func(t float64) float64 { return p - studentCDF(t, df) }, 2)
}

// falling returns where f, a difference of probabilities that falls from f(0) >= 0 to
// below 0, crosses 0. It begins with guess. The method is the false position with the
// Illinois rule (Dowell and Jarratt, "A Modified Regula Falsi Method for Computing the
// Root of an Equation", 1971).
func falling(f func(float64) float64, guess float64) float64 {
	const tolerance = 1e-11
	low, high := 0.0, guess
	above, below := f(low), f(high)
	for below > 0 && high < 1e12*guess {
		low, above = high, below
		high *= 2
		below = f(high)
	}
	for range 100 {
		x := high - below*(high-low)/(below-above)
		y := f(x)
		switch {
		case math.Abs(y) < tolerance:
			return x
		case y > 0:
			low, above, below = x, y, below/2
		default:
			high, below, above = x, y, above/2
		}
	}
	return (low + high) / 2
}

// incompleteBeta is the regularized incomplete beta function, by Lentz's continued
// fraction (Press, Teukolsky, Vetterling and Flannery, "Numerical Recipes", 3rd ed.,
// 2007, section 6.4).
func incompleteBeta(a, b, x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	if x > (a+1)/(a+b+2) {
		return 1 - front*betaFraction(b, a, 1-x)/b
	}
	return front * betaFraction(a, b, x) / a
}

func betaFraction(a, b, x float64) float64 {
	const tiny = 1e-300
	nonzero := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c := 1.0
	d := 1 / nonzero(1-(a+b)*x/(a+1))
	h := d
	for i := 1; i < 500; i++ {
		m := float64(i)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / nonzero(1+even*d)
		c = nonzero(1 + even/c)
		h *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / nonzero(1+odd*d)
		c = nonzero(1 + odd/c)
		h *= d * c
		if math.Abs(d*c-1) < 1e-15 {
			break
		}
	}
	return h
}
