package main

import (
	"fmt"
	"math"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// intervals looks at the intervals of the mean that Summarize gives.
func (e *evaluation) intervals() {
	rng := e.rng("intervals")
	runs := e.runs(500, 5000)
	worstCover, worstWidth := 1.0, 0.0
	var whereCover, whereWidth string
	var covered, all, ratios float64
	for _, n := range []int{16, 30, 60, 120} {
		for _, rho := range []float64{0, 0.3, 0.5, 0.7, 0.9} {
			ideal := 2 * 1.959964 * 10 * math.Sqrt((1+rho)/(1-rho)/float64(n))
			hits, given := 0.0, 0.0
			var widths []float64
			for range runs {
				s := analyze.Summarize(around100(rng, n, rho, normal))
				low, ok := s.MeanLow.Get()
				if !ok {
					continue
				}
				high := s.MeanHigh.Float()
				given++
				if low <= 100 && 100 <= high {
					hits++
				}
				widths = append(widths, (high-low)/ideal)
			}
			covered, all = covered+hits, all+given
			where := fmt.Sprintf("%d points, correlation %v, given %.0f %%", n, rho, 100*given/float64(runs))
			if given < float64(runs)/20 {
				e.say("%s: too few to judge", where)
				continue
			}
			slices.Sort(widths)
			if width := widths[len(widths)/2]; width > worstWidth {
				worstWidth, whereWidth = width, where
			}
			if !e.quick {
				e.say("%s: covers %.1f %%, median width %.2f", where, 100*hits/given, widths[len(widths)/2])
			}
			if share := hits / given; share < worstCover {
				worstCover, whereCover = share, where
			}
			ratios++
		}
	}
	e.least(percent, "interval of the mean: covers, of those given", 100*covered/all, 93)
	e.say("the worst kind: %.1f %%: %s", 100*worstCover, whereCover)
	e.most("%.2f", "interval of the mean: median width in ideal widths, the worst kind", worstWidth, 1.5)
	e.say("%s", whereWidth)
}
