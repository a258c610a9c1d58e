package analyze

import "math"

// Difference is how much one mean is above another.
type Difference struct {
	Value  Value `json:"value"`   // after less before
	Low    Value `json:"low"`     // 95 % confidence interval of the true difference
	High   Value `json:"high"`    //
	PValue Value `json:"p_value"` // two-sided, against no difference
	StdErr Value `json:"std_err"` // standard error of Value
	DF     Value `json:"df"`      // degrees of freedom of StdErr; absent where StdErr is 0
}

// Compare returns how much after is above before, with Welch's degrees of freedom
// (B. L. Welch, "The Generalization of 'Student's' Problem when Several Different
// Population Variances are Involved", 1947). Where a mean has no standard error, only
// Value is present; where a mean is absent, nothing is.
func Compare(before, after Mean) Difference {
	d := Difference{Value: ValueOf(after.Value.Float() - before.Value.Float())}
	a, b := before.StdErr.Float(), after.StdErr.Float()
	stdErr := math.Hypot(a, b)
	d.StdErr = ValueOf(stdErr)
	if d.Value.IsAbsent() || d.StdErr.IsAbsent() {
		return Difference{Value: d.Value}
	}
	value := d.Value.Float()
	if stdErr == 0 {
		d.Low, d.High, d.PValue = d.Value, d.Value, ValueOf(0)
		if value == 0 {
			d.PValue = ValueOf(1)
		}
		return d
	}
	a, b = a/stdErr*(a/stdErr), b/stdErr*(b/stdErr) // shares of the variance
	df := 1 / (part(a, before.DF) + part(b, after.DF))
	d.setError(stdErr, df)
	return d
}

// part is what a mean with this share of the variance adds to 1/df.
func part(share float64, df Value) float64 {
	if share == 0 {
		return 0
	}
	return share * share / df.Float()
}

// Within returns the probability, 0 to 1, that the true difference is at most margin
// either way. It is NaN where the difference has no standard error, or the margin is
// negative or NaN.
func (d Difference) Within(margin float64) float64 {
	value, stdErr := d.Value.Float(), d.StdErr.Float()
	if d.Value.IsAbsent() || d.StdErr.IsAbsent() || !(margin >= 0) {
		return math.NaN()
	}
	if stdErr == 0 {
		if math.Abs(value) <= margin {
			return 1
		}
		return 0
	}
	df := d.DF.Float()
	return math.Max(studentCDF((margin-value)/stdErr, df)-studentCDF((-margin-value)/stdErr, df), 0)
}
