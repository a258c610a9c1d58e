package analyze

import (
	"math"
	"math/bits"

	"golang.org/x/exp/slices"
)

// normalize returns the finite numbers of values, in their order, divided by unit. The
// unit is 1 unless squares of the numbers would overflow or vanish; then it is a power
// of two, so that dividing by it is exact.
func normalize(values []float64) (x []float64, unit float64) {
	x = make([]float64, 0, len(values))
	largest := 0.0
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		x = append(x, v)
		largest = math.Max(largest, math.Abs(v))
	}
	if largest == 0 || largest >= 1e-100 && largest <= 1e100 {
		return x, 1
	}
	_, exponent := math.Frexp(largest)
	unit = math.Ldexp(1, exponent-1)
	for i := range x {
		x[i] /= unit
	}
	return x, unit
}

// meanVariance returns the mean and the sample variance, by Welford's method (B. P.
// Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products",
// 1962), which does not cancel. The mean of nothing and the variance of fewer than two
// numbers are NaN.
func meanVariance(x []float64) (mean, variance float64) {
	var m2 float64
	for i, v := range x {
		d := v - mean
		mean += d / float64(i+1)
		m2 += d * (v - mean)
	}
	switch len(x) {
	case 0:
		return math.NaN(), math.NaN()
	case 1:
		return mean, math.NaN()
	}
	return mean, m2 / float64(len(x)-1)
}

// meanOf returns the mean of finite numbers of any size.
func meanOf(values []float64) float64 {
	x, unit := normalize(values)
	mean, _ := meanVariance(x)
	return mean * unit
}

// quantile interpolates between the numbers of a sorted series, as R, NumPy and Excel
// do by default (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
// Packages", 1996). Of an empty series it is NaN.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// quantiles puts the quantiles of x, which ascend, in their own place. It changes the order of
// x, but does not sort it: what lies between them is of no interest.
func quantiles(x, q []float64) {
	from := 0 // nothing before it is larger than anything after it
	for k := range q {
		at := q[k] * float64(len(x)-1)
		i := int(at)
		nth(x[from:], i-from)
		from = i
		if q[k] = x[i]; i+1 < len(x) {
			q[k] += (at - float64(i)) * (slices.Min(x[i+1:]) - x[i])
		}
	}
}

// nth changes the order of x so that x[n] is what it would be if x were sorted, nothing
// before it is larger, and nothing after it smaller (C. A. R. Hoare, "Algorithm 65: Find",
// 1961). Where that is slow, it sorts (D. R. Musser, "Introspective Sorting and Selection
// Algorithms", 1997).
func nth(x []float64, n int) {
	low, high := 0, len(x)-1
	for rounds := 2 * bits.Len(uint(len(x))); low < high; rounds-- {
		if rounds == 0 || high-low < 12 {
			slices.Sort(x[low : high+1])
			return
		}
		a, b, c := x[low], x[(low+high)/2], x[high]
		pivot := max(min(a, b), min(max(a, b), c)) // the middle of the three
		i, j := low, high
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case n <= j:
			high = j
		case n >= i:
			low = i
		default: // what lies between is the pivot
			return
		}
	}
}

// median returns the middle of a series, in any order.
func median(x []float64) float64 {
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	return quantile(sorted, 0.5)
}

// theilSen returns the median slope between all pairs of points. Of a long series it
// looks at every n-th point, 32 to 64 in all. Without two different x it is NaN.
func theilSen(x, y []float64) float64 {
	stride := max(1, len(x)/32)
	var slopes []float64
	for i := 0; i < len(x); i += stride {
		for j := i + stride; j < len(x); j += stride {
			if x[j] != x[i] {
				slopes = append(slopes, (y[j]-y[i])/(x[j]-x[i]))
			}
		}
	}
	return median(slopes)
}
