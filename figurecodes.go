package perfmon

import (
	"math"
	"time"

	"github.com/backend-prs/perfmon/internal/ring"
	"github.com/backend-prs/perfmon/sketch"
)

// In history, a percentile is kept by its bucket in the sketch that it comes from, which
// loses nothing and takes half of the bits; the other figures are kept at four digits.
var figureScales = func() (scales []ring.Scale) {
	for range requestMetrics {
		scales = append(scales, ring.Logarithmic)
	}
	for figure := range p99Figure + 1 {
		scales[figure] = ring.Scale{Code: percentileCode, Number: percentileNumber}
	}
	return scales
}()

func percentileCode(v float64) uint16 {
	if math.IsNaN(v) {
		return 0
	}
	return uint16(sketch.Bucket(uint64(math.Round(v*float64(time.Second))))) + 1
}

func percentileNumber(code uint16) float64 {
	return sketch.Middle(int(code)-1) / float64(time.Second)
}

// In blocks, the figures of a scope are coded in two bytes each, so that neighbours differ
// by little: as in history where points are those of the interval; where they are coarser,
// figures other than percentiles are in steps of half a percent. 0 is absent.

// coarseSteps is how many codes of history make one in coarse tiers: steps of 0.5 %.
const coarseSteps = 8

// figureCode returns the code of a figure, by its place in requestFigures.
func figureCode(figure, tier int, v float64) uint16 {
	switch {
	case math.IsNaN(v):
		return 0
	case figure == errorRateFigure && v == 0:
		return 0 // left out, as in history
	case figure <= p99Figure:
		return percentileCode(v)
	case tier > 0:
		return ring.Code(v)/coarseSteps + 1
	}
	return ring.Code(v)
}

// figureNumber returns what a code stands for, NaN for 0.
func figureNumber(figure, tier int, code uint16) float64 {
	switch {
	case code == 0:
		return math.NaN()
	case figure <= p99Figure:
		return percentileNumber(code)
	case tier > 0:
		return ring.Number((code-1)*coarseSteps + coarseSteps/2)
	}
	return ring.Number(code)
}
