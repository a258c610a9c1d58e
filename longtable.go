package perfmon

import (
	"context"
	"math"
	"time"

	"github.com/backend-prs/perfmon/internal/block"
)

// archivedTable is EndpointTable for a window a part of which only the store has, without
// shares, and the seconds that the requests of each endpoint took.
func (h History) archivedTable(since time.Time, points int) (t EndpointTable, seconds []float64) {
	now := h.m.Now()
	sums := h.archivedSums(since, isEndpoint, false)
	old := h.oldCodes(since)
	from := since
	if n := len(old.times); n > 0 {
		from = old.times[n-1]
	}
	recent, _ := h.m.history.series(Scope{}, from, time.Time{}, h.m.registry.catalog(), []string{ThroughputRPS})
	times := append(old.times, recent.Times...)
	if points <= 0 || points > len(times) {
		points = len(times)
	}
	edge := func(i int) int { return i * len(times) / points }
	t = EndpointTable{Times: make([]time.Time, points), Endpoints: []EndpointRow{}}
	for i := range t.Times {
		t.Times[i] = times[edge(i+1)-1]
	}
	for i := range sums {
		sum := &sums[i]
		if sum.requests == 0 {
			continue
		}
		s, held := h.m.history.series(sum.scope, from, time.Time{}, h.m.registry.catalog(), nil)
		column := func(figure int) Values {
			all := old.values(sum.scope, figure)
			if held {
				all = append(all, s.Metrics[builtin[figure].Name].Values...)
			}
			all = padded(all, len(times), absentValue)
			values := make(Values, points)
			for i := range values {
				values[i] = condense(all[edge(i):edge(i+1)], builtin[figure].Worse)
			}
			return values
		}
		t.Endpoints = append(t.Endpoints, EndpointRow{
			RequestStats: sum.stats(now),
			Series:       EndpointSeries{column(p95Figure), column(throughputFigure), column(errorRateFigure)},
		})
		seconds = append(seconds, sum.seconds())
	}
	return t, seconds
}

// oldCodes are the figures of endpoints in blocks, in the two bytes that a block has for each.
type oldCodes struct {
	tier   int
	times  []time.Time
	scopes map[Scope]*[block.Figures][]uint16
}

// oldCodes reads the points after since that the store has.
func (h History) oldCodes(since time.Time) *oldCodes {
	at, ts := h.tierOf(since), tiers(h.m.settings.get().Retention)
	now := h.m.Now()
	result := make(chan *oldCodes, 1)
	h.readArchive(func(ctx context.Context, a Archive) error {
		o := &oldCodes{tier: at, scopes: map[Scope]*[block.Figures][]uint16{}}
		err := a.Blocks(ctx, at, since.Truncate(ts[at].span), now, func(b Block) error { return o.add(b, since) })
		result <- o
		return err
	})
	select {
	case o := <-result:
		return o
	default: // it hangs
		return &oldCodes{}
	}
}

func (o *oldCodes) add(b Block, since time.Time) error {
	read, err := block.Read(b.Data, block.Want{Scope: func(endpoint, _ string) bool { return endpoint != "" }, Codes: 1<<p95Figure | 1<<throughputFigure | 1<<errorRateFigure})
	if err != nil {
		return nil // damaged: the others are as good as ever
	}
	from := 0
	for from < len(read.Times) && read.Times[from] <= since.UnixMilli() {
		from++
	}
	before := len(o.times)
	for _, ms := range read.Times[from:] {
		o.times = append(o.times, time.UnixMilli(ms).UTC())
	}
	for i := range read.Scopes {
		scope := Scope{read.Scopes[i].Endpoint, read.Scopes[i].Organization}
		s := o.scopes[scope]
		if s == nil {
			s = &[block.Figures][]uint16{}
			o.scopes[scope] = s
		}
		for _, figure := range []int{p95Figure, throughputFigure, errorRateFigure} {
			s[figure] = append(padded(s[figure], before, 0), read.Scopes[i].Codes[figure][from:]...)
		}
	}
	return nil
}

// values returns a figure of a scope, one value for each time.
func (o *oldCodes) values(scope Scope, figure int) Values {
	values := make(Values, 0, len(o.times))
	s := o.scopes[scope]
	if s != nil {
		for _, code := range s[figure] {
			values = append(values, figureNumber(figure, o.tier, code))
		}
		if figure == errorRateFigure {
			for i, v := range values { // an error rate of 0 is left out
				if math.IsNaN(v) && figureNumber(throughputFigure, o.tier, s[throughputFigure][i]) > 0 {
					values[i] = 0
				}
			}
		}
	}
	return padded(values, len(o.times), absentValue)
}
