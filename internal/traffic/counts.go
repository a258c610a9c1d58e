package traffic

import (
	"time"

	"github.com/backend-prs/perfmon/sketch"
)

// Counts are figures of responses: of a step, of any span of time, or since the start.
type Counts struct {
	Times     sketch.Sketch      // response times in nanoseconds, streams left out
	Responses uint64             // streams that ended among them
	Errors    uint64             // streams that failed among them
	Classes   [numClasses]uint64 // responses by status class, 1xx first, streams left out
	Streams   uint64             // streams that ended
}

// Delta is what was counted since the last time it was asked.
type Delta = Counts

// count adds n responses of a lane, their times left out.
func (c *Counts) count(lane Lane, n uint64) {
	c.Responses += n
	if lane%2 == 1 {
		c.Errors += n
	}
	if lane < streamLane {
		c.Classes[lane/2] += n
	} else {
		c.Streams += n
	}
}

// Reset empties c and keeps its memory.
func (c *Counts) Reset() {
	c.Times.Reset()
	c.Responses, c.Errors, c.Streams, c.Classes = 0, 0, 0, [numClasses]uint64{}
}

// Merge adds what o counted.
func (c *Counts) Merge(o *Counts) {
	c.Times.Merge(&o.Times)
	c.Responses += o.Responses
	c.Errors += o.Errors
	c.Streams += o.Streams
	for i, n := range o.Classes {
		c.Classes[i] += n
	}
}

// Subtract takes away what o counted, where o is an earlier state of c.
func (c *Counts) Subtract(o *Counts) {
	c.Times.Subtract(&o.Times)
	c.Responses -= o.Responses
	c.Errors -= o.Errors
	c.Streams -= o.Streams
	for i, n := range o.Classes {
		c.Classes[i] -= n
	}
}

// ResponseTimes are percentiles and the mean of response times in seconds, NaN where
// there was no response. They are at most 0.78 % off.
type ResponseTimes struct {
	P50, P95, P99, Mean float64
}

var quantiles = []float64{0.5, 0.95, 0.99}

// ResponseTimes returns the percentiles and the mean of the response times.
func (c *Counts) ResponseTimes() ResponseTimes {
	var q [3]float64
	mean := c.Times.Summarize(quantiles, q[:])
	const second = float64(time.Second)
	return ResponseTimes{P50: q[0] / second, P95: q[1] / second, P99: q[2] / second, Mean: mean / second}
}
