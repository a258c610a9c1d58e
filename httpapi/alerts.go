package httpapi

import (
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
	maxIDs       = 1000
	idLength     = 26
)

// listAlerts pages through alerts, newest first.
func (a *api) listAlerts(r *http.Request, p Principal) (int, any, error) {
	q := readParams(r)
	window := q.hours("hours", a.m.Retention())
	query := p.alerts()
	query.Severity = perfmon.Severity(q.oneOf("severity", string(perfmon.Warning), string(perfmon.Critical)))
	query.Active = q.bool("active_only")
	if metric, ok := q.text("metric"); ok {
		// Hosts raise alerts about what is no metric, so any name may be asked for.
		if query.Metric = metric; metric == "" || len(metric) > 64 {
			q.fail("metric", metric, "a name of 1 to 64 bytes")
		}
	}
	if endpoint, ok := q.text("endpoint"); ok {
		if query.Endpoint = endpoint; endpoint == "" || len(endpoint) > 256 {
			q.fail("endpoint", endpoint, `a route pattern such as "GET /orders/{id}"`)
		}
	}
	query.Limit = q.int("limit", defaultLimit, 1, maxLimit)
	if cursor, ok := q.text("cursor"); ok {
		if query.Before = cursor; !validID(cursor) {
			q.fail("cursor", cursor, "the next_cursor of an earlier answer")
		}
	}
	if err := q.finish(); err != nil {
		return 0, nil, err
	}
	query.Since = a.m.Now().Add(-window)
	alerts, more := a.m.Alerts(query)
	out := struct {
		Alerts     []perfmon.Alert `json:"alerts"`
		NextCursor *string         `json:"next_cursor"`
	}{Alerts: alerts}
	if alerts == nil {
		out.Alerts = []perfmon.Alert{}
	}
	if more {
		out.NextCursor = &alerts[len(alerts)-1].ID
	}
	return http.StatusOK, out, nil
}

// validID reports whether s has the form of an alert's ID.
func validID(s string) bool {
	if len(s) != idLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// action is what can be done to an alert.
type action struct {
	do   func(id, by string) (perfmon.Alert, error)
	done perfmon.AlertChange
	// already reports whether there is nothing left to do.
	already func(perfmon.Alert) bool
}

func (a *api) action(name string) (action, bool) {
	switch name {
	case "acknowledge":
		return action{a.m.Acknowledge, perfmon.ChangeAcknowledged, func(x perfmon.Alert) bool { return x.State == perfmon.AlertAcknowledged }}, true
	case "dismiss":
		return action{a.m.Dismiss, perfmon.ChangeDismissed, func(x perfmon.Alert) bool { return x.State == perfmon.AlertDismissed }}, true
	case "escalate":
		return action{a.m.Escalate, perfmon.ChangeEscalated, func(x perfmon.Alert) bool { return x.Active() && x.Severity == perfmon.Critical }}, true
	}
	return action{}, false
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
func (a *api) actOnAlerts(r *http.Request, p Principal) (int, any, error) {
	if err := readParams(r).finish(); err != nil {
		return 0, nil, err
	}
	var body struct {
		Action string   `json:"action"`
		IDs    []string `json:"alert_ids"`
	}
	if err := readJSON(r, &body); err != nil {
		return 0, nil, err
	}
	act, ok := a.action(body.Action)
	if !ok {
		return 0, nil, bad("action", body.Action, `"acknowledge", "dismiss" or "escalate"`)
	}
	if len(body.IDs) == 0 || len(body.IDs) > maxIDs {
		return 0, nil, bad("alert_ids", len(body.IDs), fmt.Sprintf("1 to %d IDs", maxIDs))
	}
	results := make([]outcome, 0, len(body.IDs))
	for i, id := range body.IDs {
		if slices.Contains(body.IDs[:i], id) {
			continue // one outcome an ID
		}
		results = append(results, a.actOn(id, act, p))
	}
	return http.StatusOK, struct {
		Action  string    `json:"action"`
		Results []outcome `json:"results"`
	}{body.Action, results}, nil
}

func (a *api) actOn(id string, act action, p Principal) outcome {
	alert, err := a.m.Alert(id)
	switch {
	case err != nil || !p.sees(alert.Scope.Organization):
		return outcome{ID: id, Result: "not_found"}
	case !p.SuperAdmin && alert.Scope.Organization != p.Organization:
		return outcome{ID: id, Result: "forbidden", Detail: "Only super admins act on alerts of the whole service."}
	case act.already(alert):
		return outcome{ID: id, Result: "unchanged", Alert: &alert}
	}
	alert, err = act.do(id, p.Name)
	switch {
	case errors.Is(err, perfmon.ErrNotActive):
		return outcome{ID: id, Result: "not_active", Detail: "It is " + string(alert.State) + " already.", Alert: &alert}
	case err != nil:
		return outcome{ID: id, Result: "not_found"}
	}
	return outcome{ID: id, Result: string(act.done), Alert: &alert}
}
