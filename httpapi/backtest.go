package httpapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	release, refused := a.backTests.take(a.caller(r))
	if refused != nil {
		return nil, refused
	}
	defer release()
	// The client may go away; the limit protects the host, so it goes by real time.
	ctx, cancel := context.WithTimeout(r.Context(), backTestLimit)
	defer cancel()
	sees := func(s perfmon.Scope) bool { return r.by.sees(s.Organization) }
	firings, err := a.m.Thresholds().BackTest(ctx, t, window, sees)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, &problem{
			Status: http.StatusServiceUnavailable,
			Detail: fmt.Sprintf("The back-test was given up, because it takes more than %v or the client is gone: ask for fewer hours, or a pattern that matches less.", backTestLimit),
		}
	case err != nil:
		return nil, backTestWire.translate(err)
	}
	return reply(http.StatusOK, backTestAnswer{a.m.Now(), window.Hours(), firings})
}

// backTestLimit is how long a back-test may take.
const backTestLimit = 10 * time.Second

// backTestWire names the fields of a back-test.
var backTestWire = func() wire {
	w := wire{"Window": {name: "hours", unit: time.Hour, own: true, want: fmt.Sprintf("fewer: the threshold fires more than %d times in them", perfmon.MaxFirings)}}
	maps.Copy(w, thresholdWire)
	return w
}()

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
