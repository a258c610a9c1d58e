// Package course analyzes a series of any length that comes point by point. It holds a
// million points or so; of a longer series it holds means of neighbours.
package course

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/backend-prs/perfmon/analyze"
)

// Limit is how many points are held at most, and how many values a summary of a longer
// series takes its percentiles from.
const Limit = 1 << 20

// Anomaly is a point that does not fit those before.
type Anomaly struct {
	Index    int           `json:"index"`
	Time     time.Time     `json:"time"`
	Value    analyze.Value `json:"value"`
	Expected analyze.Value `json:"expected"`
	Score    float64       `json:"score"`
}

// Course is a series. Make one with New, Add its points, and End it before anything is
// asked.
type Course struct {
	limit      int
	keepScores bool

	n         int
	times     []time.Time // held: of the first of stride points each
	values    []float64   // their means
	stride    int
	sum       float64 // of those that make the next held point
	pending   int
	begin     time.Time
	last      time.Time
	unordered bool

	detector  *analyze.Detector
	anomalies []Anomaly
	scores    []float64

	mean, squares, min, max float64
	sample                  []float64
	random                  *rand.Rand
}

// New returns an empty course. keepScores keeps the score of every point.
func New(keepScores bool) *Course { return newLimited(Limit, keepScores) }

func newLimited(limit int, keepScores bool) *Course {
	return &Course{
		limit: limit, keepScores: keepScores, stride: 1, detector: analyze.NewDetector(),
		min: math.Inf(1), max: math.Inf(-1), random: rand.New(rand.NewPCG(1, 2)),
	}
}

// errUnordered refuses what cannot be sorted, because it is not held.
var errUnordered = errors.New("the rows are not in the order of time, and there are too many to sort: sort the file first")

// Add adds the next point. Points may come in any order of time as long as they are all
// held.
func (c *Course) Add(t time.Time, v float64) error {
	if t.Before(c.last) && c.n > 0 {
		c.unordered = true
	}
	if c.unordered && (c.stride > 1 || len(c.values) == c.limit) {
		return errUnordered
	}
	c.count(v)
	if !c.unordered {
		c.detect(c.n, t, v)
	}
	c.last = t
	c.n++
	if c.pending == 0 {
		c.begin = t
	}
	c.sum += v / float64(c.stride)
	if c.pending++; c.pending == c.stride {
		c.hold()
	}
	return nil
}

// hold keeps the mean of the points that are pending, and makes room where it is full.
func (c *Course) hold() {
	if len(c.values) == c.limit {
		c.condense() // what is pending is half of a point of the new size
		return
	}
	c.times, c.values = append(c.times, c.begin), append(c.values, c.sum)
	c.pending, c.sum = 0, 0
}

// condense makes one point of two.
func (c *Course) condense() {
	half := c.limit / 2
	for i := range half {
		c.times[i], c.values[i] = c.times[2*i], c.values[2*i]/2+c.values[2*i+1]/2
	}
	c.times, c.values, c.stride = c.times[:half], c.values[:half], 2*c.stride
	c.sum /= 2
}

// count takes a value into the summary (B. P. Welford, "Note on a Method for Calculating
// Corrected Sums of Squares and Products", 1962), and into a sample that every value is
// in with the same probability (J. S. Vitter, "Random Sampling with a Reservoir", 1985).
func (c *Course) count(v float64) {
	n := float64(c.n + 1)
	d := v - c.mean
	c.mean += d / n
	c.squares += d * (v - c.mean)
	c.min, c.max = math.Min(c.min, v), math.Max(c.max, v)
	if len(c.sample) < c.limit {
		c.sample = append(c.sample, v)
	} else if i := c.random.IntN(c.n + 1); i < c.limit {
		c.sample[i] = v
	}
}

func (c *Course) detect(index int, t time.Time, v float64) {
	r := c.detector.Add(t, v)
	if c.keepScores {
		for len(c.scores) <= index {
			c.scores = append(c.scores, 0)
		}
		c.scores[index] = r.Score
	}
	if r.Score >= analyze.AnomalyScore {
		c.anomalies = append(c.anomalies, Anomaly{index, t, analyze.ValueOf(v), analyze.ValueOf(r.Expected), r.Score})
	}
}

// End says that there are no more points.
func (c *Course) End() {
	if c.pending > 0 {
		if len(c.values) == c.limit {
			c.condense()
		}
		c.times, c.values = append(c.times, c.begin), append(c.values, c.sum*float64(c.stride)/float64(c.pending))
	}
	if !c.unordered {
		return
	}
	// A live monitor would have had the points in the order of time.
	c.detector, c.anomalies, c.scores = analyze.NewDetector(), nil, nil
	if c.keepScores {
		c.scores = make([]float64, c.n)
	}
	for _, i := range c.order() {
		c.detect(i, c.times[i], c.values[i])
	}
}

// order returns the held points by time.
func (c *Course) order() []int {
	order := make([]int, len(c.times))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return c.times[a].Compare(c.times[b]) })
	return order
}

// Len is how many points there are, and Stride how many of them a held point stands for.
func (c *Course) Len() int    { return c.n }
func (c *Course) Stride() int { return c.stride }

// Held returns the points that are held, in the order of time.
func (c *Course) Held() ([]time.Time, []float64) {
	if !c.unordered {
		return c.times, c.values
	}
	times, values := make([]time.Time, len(c.times)), make([]float64, len(c.times))
	for to, from := range c.order() {
		times[to], values[to] = c.times[from], c.values[from]
	}
	return times, values
}

// Anomalies returns the anomalies in the order of time.
func (c *Course) Anomalies() []Anomaly { return c.anomalies }

// Scores returns the score of every point, in the order in which they came; nil unless
// they are kept.
func (c *Course) Scores() []float64 { return c.scores }

// Step is the median of the times between points, absent with fewer than two.
func (c *Course) Step() analyze.Value {
	times, _ := c.Held()
	if len(times) < 2 {
		return analyze.Value{}
	}
	steps := make([]float64, len(times)-1)
	for i := range steps {
		steps[i] = times[i+1].Sub(times[i]).Seconds() / float64(c.stride)
	}
	sort.Float64s(steps)
	return analyze.ValueOf(steps[len(steps)/2])
}

// Summary describes the values. Of more than Limit points, percentiles are those of a
// sample of as many.
func (c *Course) Summary() analyze.Summary {
	if c.stride == 1 {
		_, values := c.Held()
		return analyze.Summarize(values)
	}
	s := analyze.Summarize(c.sample)
	// The difference from a number that is known exactly has the interval of the mean.
	interval := analyze.Compare(analyze.Mean{Value: analyze.ValueOf(0), StdErr: analyze.ValueOf(0)}, analyze.EstimateMean(c.values))
	s.Count, s.MeanLow, s.MeanHigh = c.n, interval.Low, interval.High
	s.Mean, s.Min, s.Max = analyze.ValueOf(c.mean), analyze.ValueOf(c.min), analyze.ValueOf(c.max)
	s.StdDev = analyze.ValueOf(math.Sqrt(c.squares / float64(c.n-1)))
	return s
}

// surelyChanged is the p-value below which the series may be split at a change point,
// which was searched for.
const surelyChanged = 0.001

// Trend compares the points from the surest change point on with those before, and where
// no change is sure the later half with the earlier; what goes up and down with the series'
// rhythm is taken away first. Change points have the index of the row that they are at.
func (c *Course) Trend(worse analyze.Direction) analyze.Trend {
	var split time.Time
	if ordered, _ := c.Held(); len(ordered) > 1 {
		split = ordered[(len(ordered)-1)/2]
	}
	// In the order in which they came, so that an index is that of a row.
	values := c.calm()
	t := analyze.CompareWindows(c.times, values, split, worse)
	if at := surest(t.ChangePoints); at >= 0 {
		t = analyze.CompareWindows(c.times, values, t.ChangePoints[at].Time.Add(-1), worse)
	}
	for i := range t.ChangePoints {
		t.ChangePoints[i].Index *= c.stride
	}
	return t
}

// surest returns the change point of the smallest p-value, -1 where none is sure.
func surest(list []analyze.ChangePoint) int {
	best, least := -1, surelyChanged
	for i, x := range list {
		if p := x.PValue.Float(); p < least {
			best, least = i, p
		}
	}
	return best
}
