package analyze

// compareSeries returns how much the mean of after is above that of before, as Compare
// does, but with the autocorrelation and the variance estimated from both together, which
// tells more about them than each does alone.
func compareSeries(before, after []float64) Difference {
	if len(before) < minMeanPoints || len(after) < minMeanPoints {
		return Compare(EstimateMean(before), EstimateMean(after))
	}
	both, unit := normalize(append(before[:len(before):len(before)], after...))
	x, y := both[:len(before)], both[len(before):]
	a, _ := meanVariance(x)
	b, _ := meanVariance(y)
	d := Difference{Value: ValueOf((b - a) * unit)}
	size := max(1, max(len(x), len(y))/blocks)
	if min(len(x), len(y))/size < minMeanPoints {
		return Compare(EstimateMean(before), EstimateMean(after))
	}
	x, y = blockMeans(x, size), blockMeans(y, size)
	u, v := momentsOf(x), momentsOf(y)
	if u.square+v.square == 0 {
		return Compare(EstimateMean(before), EstimateMean(after))
	}
	p := posterior{df: u.n + v.n - 2, nodes: make([]node, 32)}
	p.fill(u, v)
	stdErr, df := p.student()
	stdErr *= unit
	d.setError(stdErr, df)
	return d
}

// setError sets what follows from the standard error of a difference.
func (d *Difference) setError(stdErr, df float64) {
	value := d.Value.Float()
	half := stdErr * studentQuantile(0.975, df)
	d.StdErr, d.DF = ValueOf(stdErr), ValueOf(df)
	d.Low, d.High = ValueOf(value-half), ValueOf(value+half)
	d.PValue = ValueOf(twoSided(value/stdErr, df))
}
