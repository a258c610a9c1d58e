package httpapi

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/backend-prs/perfmon"
)

const maxIDs = 1000

// action is what can be done to an alert.
type action struct {
	name string
	do   func(as perfmon.Alerts, id, by string) (perfmon.Alert, error)
	done perfmon.AlertChange
	// already reports whether there is nothing left to do.
	already func(perfmon.Alert) bool
}

var actions = []action{
	{"acknowledge", perfmon.Alerts.Acknowledge, perfmon.ChangeAcknowledged, func(x perfmon.Alert) bool { return x.State == perfmon.AlertAcknowledged }},
	{"dismiss", perfmon.Alerts.Dismiss, perfmon.ChangeDismissed, func(x perfmon.Alert) bool { return x.State == perfmon.AlertDismissed }},
	{"escalate", perfmon.Alerts.Escalate, perfmon.ChangeEscalated, func(x perfmon.Alert) bool { return x.Active() && x.Severity == perfmon.Critical }},
}

// actAnswer is the answer of POST alerts/.
type actAnswer struct {
	Action  string    `json:"action"`
	Results []outcome `json:"results"`
}

// outcome is what became of one alert.
type outcome struct {
	ID     string         `json:"alert_id"`
	Result string         `json:"result"`
	Detail string         `json:"detail,omitempty"`
	Alert  *perfmon.Alert `json:"alert,omitempty"`
}

// actOnAlerts acts on each alert on its own: one that cannot be acted on does not keep
// the others from it.
func (a *API) actOnAlerts(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	chosen := field{name: "action", want: `"acknowledge", "dismiss" or "escalate"`}
	several := field{name: "alert_ids", want: fmt.Sprintf("a list of 1 to %d IDs, which are strings", maxIDs)}
	name, ids := read(body, chosen, parseText), read(body, several, parseTexts)
	if err := body.finish(); err != nil {
		return nil, err
	}
	if name == nil {
		return nil, bad(chosen.name, "null", chosen.want)
	}
	act := findAction(*name)
	switch {
	case act == nil:
		return nil, bad(chosen.name, quote(*name), chosen.want)
	case ids == nil:
		return nil, bad(several.name, "null", several.want)
	case len(*ids) == 0 || len(*ids) > maxIDs:
		return nil, bad(several.name, fmt.Sprintf("a list of %d", len(*ids)), several.want)
	}
	results := make([]outcome, 0, len(*ids))
	seen := make(map[string]bool, len(*ids))
	for _, id := range *ids {
		if seen[id] {
			continue // one outcome an ID
		}
		seen[id] = true
		result := a.actOn(id, act, r.by)
		if result.Alert != nil {
			shown := r.by.alert(*result.Alert)
			result.Alert = &shown
		}
		results = append(results, result)
	}
	return reply(http.StatusOK, actAnswer{act.name, results})
}

func findAction(name string) *action {
	for i := range actions {
		if actions[i].name == name {
			return &actions[i]
		}
	}
	return nil
}

// actOn acts on one alert. One that the principal does not see is not there.
func (a *API) actOn(id string, act *action, p Principal) outcome {
	alerts := a.m.Alerts()
	alert, err := alerts.Get(id)
	switch {
	case err != nil || !p.sees(alert.Organization):
		return outcome{ID: id, Result: "not_found"}
	case !p.changes(alert.Organization):
		return outcome{ID: id, Result: "forbidden", Detail: "Only super admins act on alerts of the whole service."}
	case act.already(alert):
		return outcome{ID: id, Result: "unchanged", Alert: &alert}
	}
	after, err := act.do(alerts, id, p.Name)
	switch {
	case err == nil:
		return outcome{ID: id, Result: string(act.done), Alert: &after}
	case errors.Is(err, perfmon.ErrNotActive):
		return outcome{ID: id, Result: "not_active", Detail: "It is " + string(alert.State) + " already.", Alert: &alert}
	case errors.Is(err, perfmon.ErrNotFound):
		return outcome{ID: id, Result: "not_found"}
	case errors.Is(err, perfmon.ErrClosed):
		return outcome{ID: id, Result: "failed", Detail: "The monitor is closed: nothing can be changed any more."}
	}
	return outcome{ID: id, Result: "failed", Detail: "The store failed, so nothing was changed."}
}
