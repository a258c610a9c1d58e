package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

// baselinesAnswer is the answer of GET baseline/.
type baselinesAnswer struct {
	Current     *perfmon.Baseline    `json:"current"` // in force, or of the name asked for; null without one
	History     []perfmon.Baseline   `json:"history"` // earlier ones, newest first
	Regressions []perfmon.Regression `json:"regressions"`
}

// baselineAnswer is the answer of POST baseline/.
type baselineAnswer struct {
	Baseline perfmon.Baseline `json:"baseline"`
}

// maxBaselineName bounds a name, in bytes.
const maxBaselineName = 80

func (a *API) listBaselines(r *request) (answer, error) {
	q := readParams(r)
	name := q.name("name", maxBaselineName, "the name of a baseline")
	a = a.of(q)
	if err := q.finish(); err != nil {
		return nil, err
	}
	out := baselinesAnswer{History: []perfmon.Baseline{}, Regressions: a.m.Baselines().Regressions()}
	if name != "" {
		worse, err := a.m.Baselines().Against(name)
		if err != nil {
			return nil, notFound("baseline", name)
		}
		out.Regressions = worse
	}
	for _, b := range a.m.Baselines().List() {
		shown := r.by.baseline(&b)
		if out.Current == nil && b.Name == name {
			out.Current = shown
			continue
		}
		out.History = append(out.History, *shown)
	}
	return reply(http.StatusOK, out)
}

func (a *API) establishBaseline(r *request) (answer, error) {
	if err := superAdmin(r.by, "baselines"); err != nil {
		return nil, err
	}
	q := readParams(r)
	a = a.of(q)
	if err := q.finish(); err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	most := a.retention()
	f := field{
		name: "duration_minutes", unit: time.Minute, own: true,
		want: fmt.Sprintf("a number of minutes, at least ten intervals of %v, at most %g", a.m.Interval(), most.Minutes()),
	}
	minutes := read(body, f, parseNumber)
	called := field{name: "name", want: fmt.Sprintf("a text of at most %d bytes", maxBaselineName), own: true}
	name := read(body, called, parseText)
	if err := body.finish(); err != nil {
		return nil, err
	}
	window := perfmon.DefaultBaseline
	if minutes != nil {
		if !(*minutes > 0 && *minutes <= most.Minutes()) {
			return nil, bad(f.name, valueText(*minutes), f.want)
		}
		window = max(inUnits(*minutes, time.Minute), 1) // 0 would be the default
	}
	as := ""
	if name != nil {
		as = *name
	}
	b, err := a.m.Baselines().EstablishAs(as, window, r.by.Name)
	var notReady *perfmon.NotReadyError
	switch {
	case errors.As(err, &notReady):
		return nil, err
	case err != nil:
		return nil, wire{"Window": f, "Name": called}.translate(err)
	}
	return reply(http.StatusCreated, baselineAnswer{b})
}
