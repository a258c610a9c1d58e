package httpapi

import (
	"time"

	"github.com/backend-prs/perfmon"
)

// trendsAnswer is the answer of GET trends/.
type trendsAnswer struct {
	GeneratedAt time.Time       `json:"generated_at"`
	Hours       float64         `json:"hours"`
	Trends      []perfmon.Trend `json:"trends"`
	Series      perfmon.Series  `json:"series"` // of both windows
}

type trendsQuestion struct {
	metric string // "": all
	window time.Duration
	points int
}

// trends compares the last window of each metric of the service with the one before it.
func (a *API) trends(r *request) (answer, error) {
	q := readParams(r)
	a = a.of(q)
	what := trendsQuestion{
		metric: a.metric(q),
		window: q.hours("hours", time.Hour, a.retention()/2),
		points: q.int("points", defaultPoints, 1, maxPoints),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	return a.kept.answer(r, what, func() (any, error) { return a.trendsOf(what) })
}

func (a *API) trendsOf(q trendsQuestion) (any, error) {
	h := a.m.History()
	s, err := h.Series(perfmon.Scope{}, 2*q.window, one(q.metric)...)
	if err != nil {
		return nil, err
	}
	out := trendsAnswer{a.m.Now(), q.window.Hours(), []perfmon.Trend{}, s.Downsample(q.points)}
	for _, metric := range a.m.Metrics().All() {
		if _, ok := s.Metrics[metric.Name]; !ok && q.metric == "" || q.metric != "" && metric.Name != q.metric {
			continue
		}
		t, err := h.Trend(metric.Name, perfmon.Scope{}, q.window)
		if err != nil {
			return nil, err
		}
		out.Trends = append(out.Trends, t)
	}
	return out, nil
}
