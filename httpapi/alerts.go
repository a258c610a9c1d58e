package httpapi

import (
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
	idLength     = 26

	maxMetricName = 64
	maxScopeName  = 256
)

// alertsAnswer is the answer of GET alerts/.
type alertsAnswer struct {
	Alerts     []perfmon.Alert `json:"alerts"`
	NextCursor *string         `json:"next_cursor"` // null on the last page
	// Silenced are the active ones that a silence holds back, by ID.
	Silenced map[string]silenced `json:"silenced"`
}

// listAlerts pages through alerts, newest first.
func (a *API) listAlerts(r *request) (answer, error) {
	q := readParams(r)
	query := r.by.alerts()
	now := a.m.Now()
	window := q.hours("hours", min(24*time.Hour, a.retention()), perfmon.AlertRetention)
	query.Until = q.until(now, perfmon.AlertRetention)
	query.Severity = perfmon.Severity(q.oneOf("severity", string(perfmon.Warning), string(perfmon.Critical)))
	query.Active = q.bool("active_only")
	// Hosts raise alerts about what is no metric, so any name may be asked for.
	query.Metric = q.name("metric", maxMetricName, "a name of 1 to 64 bytes")
	query.Endpoint = q.name("endpoint", maxScopeName, `a route pattern such as "GET /orders/{id}"`)
	query.Limit = q.int("limit", defaultLimit, 1, maxLimit)
	query.Before = q.cursor()
	if err := q.finish(); err != nil {
		return nil, err
	}
	if query.Since = now.Add(-window); !query.Until.IsZero() {
		query.Since = query.Until.Add(-window)
	}
	list, more := a.m.Alerts().List(query)
	out := alertsAnswer{Alerts: r.by.listed(list), Silenced: a.silencedAlerts(r.by, list)}
	if more {
		out.NextCursor = &list[len(list)-1].ID
	}
	return reply(http.StatusOK, out)
}

// cursor returns the ID behind which a page begins, "" for the first page.
func (p *params) cursor() string {
	cursor, ok := p.text("cursor")
	if ok && !validID(cursor) {
		p.fail("cursor", cursor, "the next_cursor of an earlier answer")
	}
	return cursor
}

// validID reports whether s has the form of an ID.
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

// alertAnswer is the answer of GET alerts/{id}/.
type alertAnswer struct {
	Alert    perfmon.Alert `json:"alert"`
	Silenced *silenced     `json:"silenced"` // null where no silence holds it back
}

func (a *API) getAlert(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	alert, err := a.m.Alerts().Get(r.id)
	if err != nil || !r.by.sees(alert.Organization) {
		return nil, notFound("alert_id", r.id)
	}
	out := alertAnswer{Alert: r.by.alert(alert)}
	if s, ok := a.silencedAlerts(r.by, []perfmon.Alert{alert})[alert.ID]; ok {
		out.Silenced = &s
	}
	return reply(http.StatusOK, out)
}
