package analyze

import (
	"math"
	"time"
)

// orders is how many harmonics of the day make its rhythm.
const orders = 6

// harmonics fit the daily rhythm of a series by least squares, beside the levels of its
// segments.
type harmonics struct {
	waves [][]float64           // by point; nil terms: none
	chol  [2 * orders][]float64 // Cholesky factor of the normal equations
}

// newHarmonics prepares the waves of a series that is averaged over stride points, nil
// where it is shorter than two days or too sparse to show a rhythm.
func newHarmonics(times []time.Time, stride, n int) *harmonics {
	span := times[len(times)-1].Sub(times[0])
	step := span / time.Duration(len(times))
	if span < 2*day-2*step || n < 4*orders*int(span/day+1) {
		return nil
	}
	h := &harmonics{waves: make([][]float64, n)}
	for i := range n {
		middle := times[i*stride].Add(times[i*stride+stride-1].Sub(times[i*stride]) / 2)
		h.waves[i] = waves(middle)
	}
	for i := range h.chol {
		h.chol[i] = make([]float64, 2*orders)
		for j := 0; j <= i; j++ {
			sum := 0.0
			for _, w := range h.waves {
				sum += w[i] * w[j]
			}
			for k := range j {
				sum -= h.chol[i][k] * h.chol[j][k]
			}
			switch {
			case i != j:
				h.chol[i][j] = sum / h.chol[j][j]
			case sum > 1e-6*float64(n):
				h.chol[i][i] = math.Sqrt(sum)
			default:
				return nil // all points are of a few hours of the day
			}
		}
	}
	return h
}

// waves returns the harmonics of the day at a time.
func waves(t time.Time) []float64 {
	w := make([]float64, 2*orders)
	angle := 2 * math.Pi * dayShare(t)
	for k := range orders {
		w[2*k], w[2*k+1] = math.Sincos(float64(k+1) * angle)
	}
	return w
}

// dayShare is how much of the day has passed at a time, in UTC, from 0 up to 1.
func dayShare(t time.Time) float64 {
	return float64(mod(t.Unix(), 86400))/86400 + float64(t.Nanosecond())/86400e9
}

// mod is the remainder of a division, from 0 up.
func mod(a, b int64) int64 { return ((a % b) + b) % b }

// fit returns the coefficients of the rhythm of z, which has these cuts.
func (h *harmonics) fit(z []float64, cuts []int) (coefs [2 * orders]float64) {
	for range 20 { // levels and waves in turn
		flat := make([]float64, len(z))
		for i, v := range z {
			flat[i] = v - dot(coefs[:], h.waves[i])
		}
		begin := 0
		for i := 0; i <= len(cuts); i++ {
			end := len(z)
			if i < len(cuts) {
				end = cuts[i]
			}
			mean, _ := meanVariance(flat[begin:end])
			for j := begin; j < end; j++ {
				flat[j] = z[j] - mean
			}
			begin = end
		}
		next := h.solve(flat)
		moved := 0.0
		for i := range next {
			moved = max(moved, math.Abs(next[i]-coefs[i]))
		}
		if coefs = next; moved < 1e-3 {
			break
		}
	}
	return coefs
}

// solve returns the least-squares coefficients.
func (h *harmonics) solve(y []float64) (c [2 * orders]float64) {
	for i := range c {
		for j, w := range h.waves {
			c[i] += w[i] * y[j]
		}
		for k := range i {
			c[i] -= h.chol[i][k] * c[k]
		}
		c[i] /= h.chol[i][i]
	}
	for i := len(c) - 1; i >= 0; i-- {
		for k := i + 1; k < len(c); k++ {
			c[i] -= h.chol[k][i] * c[k]
		}
		c[i] /= h.chol[i][i]
	}
	return c
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// rhythm returns a series less its daily rhythm, and the coefficients of that; nil where
// the rhythm does not pay its price: the series is described shorter without one.
func (h *harmonics) rhythm(z []float64) (calm []float64, coefs [2 * orders]float64) {
	_, without := segment(z, whether)
	price := 2 * orders * math.Log(float64(len(z)))
	cuts := h.step(z) // or else the rhythm would be bent by it
	for range 3 {
		c := h.fit(z, cuts)
		y := make([]float64, len(z))
		for i, v := range z {
			y[i] = v - dot(c[:], h.waves[i])
		}
		found, score := segment(y, whether)
		if score+price >= without {
			break
		}
		calm, coefs, without = y, c, score+price
		if cuts = found; len(cuts) == 0 {
			break
		}
	}
	return calm, coefs
}

// step returns where one step beside the rhythm explains the series best: the waves and
// ones are made orthogonal to each other, and steps at all places to them.
func (h *harmonics) step(z []float64) (cuts []int) {
	n := len(z)
	base := make([][]float64, 0, 2*orders+1)
	for k := -1; k < 2*orders; k++ {
		column := make([]float64, n)
		for i := range column {
			column[i] = 1
			if k >= 0 {
				column[i] = h.waves[i][k]
			}
		}
		for _, b := range base {
			share := dot(column, b)
			for i := range column {
				column[i] -= share * b[i]
			}
		}
		length := math.Sqrt(dot(column, column))
		for i := range column {
			column[i] /= length
		}
		base = append(base, column)
	}
	rest := append([]float64(nil), z...)
	for _, b := range base {
		share := dot(rest, b)
		for i := range rest {
			rest[i] -= share * b[i]
		}
	}
	heights := make([]float64, len(base)) // of the step, in the base
	inner, most := 0.0, 0.0
	for at := n - 1; at >= shortestLevel; at-- {
		inner += rest[at]
		left := float64(n - at)
		for k, b := range base {
			heights[k] += b[at]
			left -= heights[k] * heights[k]
		}
		if n-at >= shortestLevel && left > 1 && inner*inner/left > most {
			most, cuts = inner*inner/left, []int{at}
		}
	}
	if most < 0.1*dot(rest, rest) {
		return nil
	}
	return cuts
}

// everywhere returns the rhythm at each time, in units of scale.
func everywhere(coefs [2 * orders]float64, times []time.Time, scale float64) []float64 {
	at := make([]float64, len(times))
	for i, t := range times {
		at[i] = scale * dot(coefs[:], waves(t))
	}
	return at
}
