package analyze

import (
	"math"

	"golang.org/x/exp/slices"
)

// Segments of a series are fitted by generalized least squares: each is a level, or a
// line where that is worth its price, about which the numbers are a stationary
// autoregression of order one. Segments are independent of each other, as in R. A. Davis,
// T. C. M. Lee and G. A. Rodriguez-Yam, "Structural Break Estimation for Nonstationary
// Time Series Models" (2006): so a jump costs what it would cost as the first number of a
// series, and not the whole of it as an innovation.

// A criterion says what counts as a better segmentation. Prices are in units of the
// logarithm of the length, as those of the minimum description length are.
type criterion struct {
	// prices of a cut, of a line instead of a level, and of an innovation that is told
	// apart in a series without a cut
	cut, line, outlier float64
	// rho is the highest autocorrelation of a series with cuts, calm that of one without.
	rho, calm float64
	// floor is what noise there is at least, as a share of the standard deviation of
	// the series: what is smaller is not worth a cut.
	floor float64
}

// sums are inner products, weighted by the inverse covariance: of the numbers x, of their
// places t, and of ones.
type sums struct{ xx, x1, tx, tt, t1, one float64 }

// A fit can tell the cost of any segment at one autocorrelation: that of a segment from s
// up to e is a function of end[e] less begin[s].
type fit struct {
	rho        float64
	begin, end []sums
}

// products are the sums up to each number: of the products at one place, and of those of
// neighbours, both ways.
type products struct{ same, next []sums }

// newProducts prepares a series of mean 0.
func newProducts(x []float64) products {
	n := len(x)
	p := products{make([]sums, n+1), make([]sums, n+1)}
	for i, v := range x {
		t := place(i, n)
		a := p.same[i]
		p.same[i+1] = sums{a.xx + v*v, a.x1 + v, a.tx + t*v, a.tt + t*t, a.t1 + t, a.one + 1}
		b := p.next[i]
		if i > 0 {
			w, u := x[i-1], place(i-1, n)
			b = sums{b.xx + 2*v*w, b.x1 + v + w, b.tx + t*w + u*v, b.tt + 2*t*u, b.t1 + t + u, b.one + 2}
		}
		p.next[i+1] = b
	}
	return p
}

// place is where the i-th of n numbers is, from -1/2 up to 1/2.
func place(i, n int) float64 { return (float64(i) - float64(n)/2) / float64(n) }

// at combines the products for an autocorrelation. The inverse covariance of a segment,
// but for the variance of the innovations, is 1 at its ends, 1 + rho² between them, and
// -rho beside the diagonal.
func (p products) at(rho float64) fit {
	n := len(p.same)
	f := fit{rho, make([]sums, n), make([]sums, n)}
	combine := func(a, b, c sums) sums {
		mix := func(a, b, c float64) float64 { return a + rho*rho*b - rho*c }
		return sums{mix(a.xx, b.xx, c.xx), mix(a.x1, b.x1, c.x1), mix(a.tx, b.tx, c.tx),
			mix(a.tt, b.tt, c.tt), mix(a.t1, b.t1, c.t1), mix(a.one, b.one, c.one)}
	}
	for i := range n {
		if i > 0 {
			f.end[i] = combine(p.same[i], p.same[i-1], p.next[i])
		}
		if i < n-1 {
			f.begin[i] = combine(p.same[i], p.same[i+1], p.next[i+1])
		}
	}
	return f
}

// level returns the squared error of a segment of three points or more about its level.
func (f *fit) level(s, e int) float64 {
	a, b := &f.begin[s], &f.end[e]
	x1 := b.x1 - a.x1
	return max(b.xx-a.xx-x1*x1/(b.one-a.one), 0)
}

// gain returns by how much less the squared error about a line is than that about the
// level.
func (f *fit) gain(s, e int, level float64) float64 {
	if e-s < shortestLevel {
		return 0
	}
	a, b := &f.begin[s], &f.end[e]
	one, x1, t1 := b.one-a.one, b.x1-a.x1, b.t1-a.t1
	tx, tt := b.tx-a.tx-t1*x1/one, b.tt-a.tt-t1*t1/one
	return min(tx*tx/tt, level)
}

// maxPlaces bounds at how many places of a series a cut is looked for; between those it
// is then moved to where it is best.
const maxPlaces = 360

// partition returns the cuts that make the cost least, by dynamic programming (B. Jackson
// et al., "An Algorithm for Optimal Partitioning of Data on an Interval", 2005).
func (f *fit) partition(shortest int, cut, line float64) []int {
	n := len(f.end) - 1
	every := (n + maxPlaces - 1) / maxPlaces
	places := n/every + 1 // the last one is the end
	at := func(i int) int {
		if i == places-1 {
			return n
		}
		return i * every
	}
	best, from := make([]float64, places), make([]int, places)
	for i := 1; i < places; i++ {
		end := at(i)
		best[i] = math.Inf(1)
		for j := 0; at(j) <= end-shortest; j++ {
			before := best[j]
			if j > 0 {
				before += cut
			}
			if before >= best[i] {
				continue // costs are not negative
			}
			begin := j * every
			cost := f.level(begin, end)
			if before+min(cost, line) >= best[i] {
				continue // even a line that fits could not help
			}
			if total := before + f.cheaper(begin, end, cost, line); total < best[i] {
				best[i], from[i] = total, j
			}
		}
	}
	var cuts []int
	for i := from[places-1]; i > 0; i = from[i] {
		cuts = append(cuts, i*every)
	}
	slices.Reverse(cuts)
	if every > 1 {
		f.move(cuts, every, shortest, line)
	}
	return cuts
}

// cheaper returns the cost of a segment as a level or as a line.
func (f *fit) cheaper(begin, end int, level, line float64) float64 {
	if level <= line {
		return level
	}
	return min(level, level-f.gain(begin, end, level)+line)
}

// move moves each cut by less than reach to where the cost of its two segments is least.
func (f *fit) move(cuts []int, reach, shortest int, line float64) {
	cost := func(s, e int) float64 { return f.cheaper(s, e, f.level(s, e), line) }
	for i := range cuts {
		begin, end := 0, len(f.end)-1
		if i > 0 {
			begin = cuts[i-1]
		}
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		least, low, high := math.Inf(1), max(begin+shortest, cuts[i]-reach+1), min(end-shortest, cuts[i]+reach-1)
		for at := low; at <= high; at++ {
			if c := cost(begin, at) + cost(at, end); c < least {
				least, cuts[i] = c, at
			}
		}
	}
}

// tiny is the variance below which there is no noise, of a series of variance 1.
const tiny = 1e-9

// score is twice the negative logarithm of the likelihood and the prices, the less the
// better, and the variance of the innovations.
func (f *fit) score(cuts []int, c criterion) (score, variance float64) {
	n := float64(len(f.end) - 1)
	ln := math.Log(n)
	lines := 0
	for range 4 { // which segments are lines depends on the variance, and that on them
		rss := 0.0
		price := c.line * ln * variance
		lines = 0
		for i := 0; i <= len(cuts); i++ {
			s, e := 0, int(n)
			if i > 0 {
				s = cuts[i-1]
			}
			if i < len(cuts) {
				e = cuts[i]
			}
			level := f.level(s, e)
			rss += level
			if gain := f.gain(s, e, level); gain > price {
				rss -= gain
				lines++
			}
		}
		variance = rss/n + c.floor*c.floor*(1-f.rho*f.rho) + tiny
	}
	k := float64(len(cuts))
	return n*math.Log(variance) - (k+1)*math.Log(1-f.rho*f.rho) + ln*(c.cut*k+c.line*float64(lines)), variance
}

// segment returns the cuts of the best segmentation of a series of mean 0 and variance 1,
// and its score. The autocorrelation is estimated along with the segments: a change that
// is taken for noise, or noise that is taken for changes, has the worse likelihood.
func segment(x []float64, c criterion) (best []int, score float64) {
	t := newTrial(x, c)
	// Coarsely, and then beside what is best.
	for _, tenths := range []int{0, 3, 6} {
		t.try(tenths)
	}
	for _, tenths := range []int{t.at - 1, t.at + 1} {
		t.try(tenths)
	}
	return t.cuts, t.score
}

// changes reports whether a series of mean 0 and variance 1 has any cut.
func changes(x []float64, c criterion) bool {
	t := newTrial(x, c)
	for _, tenths := range []int{0, 2, 4, 6, 7} {
		if t.try(tenths); t.cuts != nil {
			return true
		}
	}
	return false
}

// A trial is a search for the best autocorrelation, in tenths, and segmentation.
type trial struct {
	criterion
	x     []float64
	p     products
	n     int
	cuts  []int
	score float64
	at    int
}

// newTrial begins with the best score without a cut.
func newTrial(x []float64, c criterion) trial {
	t := trial{criterion: c, x: x, p: newProducts(x), n: len(x), score: math.Inf(1)}
	for tenths := 0; float64(tenths) <= 10*c.calm+0.5; tenths++ {
		f := t.p.at(float64(tenths) / 10)
		s, variance := f.score(nil, c)
		if s -= t.outliers(&f, nil, variance); s < t.score {
			t.score, t.at = s, tenths
		}
	}
	return t
}

// outliers returns by how much a series with these cuts is described shorter when its
// largest innovations are told apart, each at a price: what jumps and then falls back, as
// noise with heavy tails does, is no change for good.
func (t *trial) outliers(f *fit, cuts []int, variance float64) (saved float64) {
	n, ln := float64(t.n), math.Log(float64(t.n))
	squares := make([]float64, 0, t.n)
	begin := 0
	for i := 0; i <= len(cuts); i++ {
		end := t.n
		if i < len(cuts) {
			end = cuts[i]
		}
		level, slope := f.line(begin, end, t.line*ln*variance)
		before := 0.0
		for j := begin; j < end; j++ {
			r := t.x[j] - level - slope*place(j, t.n)
			if j > begin {
				e := r - f.rho*before
				squares = append(squares, e*e)
			}
			before = r
		}
		begin = end
	}
	slices.Sort(squares)
	slices.Reverse(squares)
	left, price := variance, 0.0
	for _, s := range squares[:len(squares)/10] {
		left = max(left-s/n, tiny)
		price += t.outlier * ln
		saved = max(saved, n*math.Log(variance/left)-price)
	}
	return saved
}

// line returns the level of a segment and its slope, 0 where a line is not worth its price.
func (f *fit) line(s, e int, price float64) (level, slope float64) {
	a, b := &f.begin[s], &f.end[e]
	one, x1, t1 := b.one-a.one, b.x1-a.x1, b.t1-a.t1
	if f.gain(s, e, f.level(s, e)) > price {
		slope = (b.tx - a.tx - t1*x1/one) / (b.tt - a.tt - t1*t1/one)
	}
	return (x1 - slope*t1) / one, slope
}

// try looks for a better segmentation at an autocorrelation that series with cuts may
// have.
func (t *trial) try(tenths int) {
	rho := float64(tenths) / 10
	if rho < 0 || rho > t.rho+0.05 {
		return
	}
	f := t.p.at(rho)
	ln := math.Log(float64(t.n))
	_, variance := f.score(nil, t.criterion)
	for round := range 5 { // the variance is that of the segments found, which depend on it
		cuts := f.partition(shortestLevel, (t.cut*ln-math.Log(1-rho*rho))*variance, t.line*ln*variance)
		s, next := f.score(cuts, t.criterion)
		if len(cuts) > 0 {
			s -= t.outliers(&f, cuts, next)
		}
		if s < t.score && len(cuts) > 0 {
			t.cuts, t.score, t.at = cuts, s, tenths
		}
		if len(cuts) == 0 && round == 0 {
			next = variance / 4 // many changes make the series look like noise
		}
		if next > 0.9*variance {
			return
		}
		variance = next
	}
}
