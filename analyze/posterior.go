package analyze

import "math"

// A posterior is what a series says about the autocorrelation of its numbers, and so
// about the error of its mean: for each autocorrelation its probability, and how widely
// the true mean then lies about the mean of the series.
type posterior struct {
	df    float64 // of Student's distribution at each node: n - 1
	nodes []node
}

// A node stands for one autocorrelation.
type node struct {
	weight float64 // probability
	scale  float64 // standard error of the mean
}

// The prior density of the autocorrelation: a share lies evenly from 0 to nearZero, for
// series that hardly depend on their past, and the rest falls off as (1 - rho) to the
// power of -steepness, up to highest.
const (
	share     = 0.45
	nearZero  = 0.13
	steepness = 0.46
	highest   = 0.97
)

func prior(rho float64) float64 {
	total := (1 - math.Pow(1-highest, 1-steepness)) / (1 - steepness)
	density := (1 - share) * math.Pow(1-rho, -steepness) / total
	if rho < nearZero {
		density += share / nearZero
	}
	return density
}

// moments are what the likelihood of an autoregression needs to know about a series.
type moments struct {
	n      float64
	square float64 // of the deviations from the mean
	lagged float64 // products of neighbours
	inner  float64 // squares without the first and the last
}

// newPosterior works out the posterior of a series that is not constant. Its grid is fine
// enough for some hundred numbers; of more, the mean is estimated from blocks.
func newPosterior(x []float64) posterior {
	s := momentsOf(x)
	p := posterior{df: s.n - 1, nodes: make([]node, 32)}
	p.fill(s)
	return p
}

// momentsOf returns what the likelihood needs to know about a series.
func momentsOf(x []float64) moments {
	mean, _ := meanVariance(x)
	s := moments{n: float64(len(x))}
	for i, v := range x {
		d := v - mean
		s.square += d * d
		if i > 0 {
			s.lagged += d * (x[i-1] - mean)
		}
	}
	first, last := x[0]-mean, x[len(x)-1]-mean
	s.inner = s.square - first*first - last*last
	return s
}

// fill works out the nodes, on a grid that is even in -log(1 - rho), for the mean of a
// series, or for the difference of the means of several of the same process. The
// likelihood is that of a stationary normal autoregression with the means and the
// variance integrated out, a mean being likeliest where that of the series is.
func (p *posterior) fill(parts ...moments) {
	best := math.Inf(-1)
	for i := range p.nodes {
		rho := -math.Expm1(math.Log(1-highest) * (float64(i) + 0.5) / float64(len(p.nodes)))
		// The grid is even in -log(1 - rho), hence the factor 1 - rho.
		weight := math.Log(prior(rho) * (1 - rho))
		var squares, spread float64 // spread: variance of the mean in units of the innovations'
		for _, s := range parts {
			rest := s.n - (s.n-2)*rho
			spread += 1 / ((1 - rho) * rest)
			weight += 0.5 * math.Log((1+rho)/rest)
			// The least is against rounding.
			squares += math.Max(s.square-2*rho*s.lagged+rho*rho*s.inner, 1e-12*s.square)
		}
		p.nodes[i] = node{
			scale:  math.Sqrt(squares / p.df * spread),
			weight: weight - p.df/2*math.Log(squares),
		}
		best = math.Max(best, p.nodes[i].weight)
	}
	var total float64
	for i := range p.nodes {
		p.nodes[i].weight = math.Exp(p.nodes[i].weight - best)
		total += p.nodes[i].weight
	}
	for i := range p.nodes {
		p.nodes[i].weight /= total
	}
}

// halfWidth returns how far the true mean is from the mean of the series, either way,
// with this confidence.
func (p *posterior) halfWidth(confidence float64) float64 {
	var square float64
	for _, n := range p.nodes {
		square += n.weight * n.scale * n.scale
	}
	return falling(func(h float64) float64 { return p.outside(h) - (1 - confidence) }, math.Sqrt(square))
}

// student returns the Student's distribution that the posterior is most like: with the
// same intervals of 95 % and of 80 %, and 1 to n - 1 degrees of freedom.
func (p *posterior) student() (scale, df float64) {
	wide := p.halfWidth(0.95)
	ratio := wide / p.halfWidth(0.8)
	low, high := 1., p.df
	for range 40 {
		df = (low + high) / 2
		if upperQuantile(z95, df)/upperQuantile(z80, df) > ratio {
			low = df
		} else {
			high = df
		}
	}
	return wide / studentQuantile(0.975, df), df
}

// outside is the probability that the true mean is farther than h from the mean of the
// series.
func (p *posterior) outside(h float64) (probability float64) {
	for _, n := range p.nodes {
		if n.weight > 1e-6 {
			probability += 2 * n.weight * upperTail(h/n.scale, p.df)
		}
	}
	return probability
}

// upperTail is the probability that Student's t is above t >= 0, to about 0.02/df (D. L.
// Wallace, "Bounds on Normal Approximations to Student's and the Chi-Square
// Distributions", 1959). It takes a twentieth of the time of studentCDF.
func upperTail(t, df float64) float64 {
	z := (8*df + 1) / (8*df + 3) * math.Sqrt(df*math.Log1p(t*t/df))
	return 0.5 * math.Erfc(z/math.Sqrt2)
}

// Quantiles of the normal distribution that 95 % and 80 % lie within, either way.
const (
	z95 = 1.959963984540054
	z80 = 1.2815515655446004
)

// upperQuantile inverts upperTail: it returns the t that is as far up as the normal
// quantile z.
func upperQuantile(z, df float64) float64 {
	z *= (8*df + 3) / (8*df + 1)
	return math.Sqrt(df * math.Expm1(z*z/df))
}
