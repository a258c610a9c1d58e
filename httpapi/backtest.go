package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

// backTestAnswer is the answer of POST thresholds/backtest/.
type backTestAnswer struct {
	GeneratedAt time.Time        `json:"generated_at"`
	Hours       float64          `json:"hours"`
	Firings     []perfmon.Firing `json:"firings"` // oldest first
}

// backTest says when a threshold would have opened alerts, as it is or with changes. It
// changes nothing.
func (a *API) backTest(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	t, window, err := a.readBackTest(r)
	if err != nil {
		return nil, err
	}
	// It takes a while, and whoever may read may ask for it.
	if !a.backTesting.TryLock() {
		return nil, tooMany("Another back-test is running.", time.Second)
	}
	defer a.backTesting.Unlock()
	firings, err := a.m.Thresholds().BackTest(t, window)
	if err != nil {
		return nil, thresholdWire.translate(err)
	}
	seen := []perfmon.Firing{}
	for _, f := range firings {
		if r.by.sees(f.Organization) {
			seen = append(seen, f)
		}
	}
	return reply(http.StatusOK, backTestAnswer{a.m.Now(), window.Hours(), seen})
}

// readBackTest reads the body of PUT thresholds/, with "hours", and "updates" only where
// something is to be changed.
func (a *API) readBackTest(r *request) (t perfmon.Threshold, window time.Duration, err error) {
	body, err := readBody(r)
	if err != nil {
		return t, 0, err
	}
	id := readThresholdID(body)
	most := a.retention()
	f := field{name: "hours", want: fmt.Sprintf("a number of hours, over 0, at most %g", most.Hours())}
	hours := read(body, f, parseNumber)
	updates := body.object("updates")
	if err := body.finish(); err != nil {
		return t, 0, err
	}
	var u perfmon.ThresholdUpdate
	if updates != nil {
		if u, err = readThresholdUpdate(updates); err != nil {
			return t, 0, err
		}
	}
	window = min(24*time.Hour, most)
	if hours != nil {
		if !(*hours > 0 && *hours <= most.Hours()) {
			return t, 0, bad(f.name, valueText(*hours), f.want)
		}
		window = max(inUnits(*hours, time.Hour), 1) // 0 would be all there is
	}
	t, err = a.m.Thresholds().Get(id)
	if errors.Is(err, perfmon.ErrNotFound) || !r.by.seesThreshold(t) {
		t = perfmon.Threshold{Metric: id.Metric, Scope: id.Scope, AppliesTo: id.AppliesTo}
	}
	return u.Apply(t), window, nil
}
