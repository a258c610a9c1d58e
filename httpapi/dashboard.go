package httpapi

import (
	"time"

	"github.com/backend-prs/perfmon"
)

const (
	defaultPoints = 300
	maxPoints     = 10_000

	// dashboardAlerts bounds the alerts of a dashboard; GET alerts/ has the rest.
	dashboardAlerts = 100
)

// dashboard is everything a page needs for a first look, in one answer.
func (a *API) dashboard(r *request) (answer, error) {
	q := readParams(r)
	a = a.of(q)
	query := perfmon.DashboardQuery{
		Window:  q.hours("hours", 24*time.Hour, a.reach()),
		Trends:  q.bool("trends"),
		Alerts:  q.bool("alerts"),
		Points:  q.int("points", defaultPoints, 1, maxPoints),
		Visible: r.by.alerts(),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	query.Visible.Limit = dashboardAlerts
	return a.kept.answer(r, query, func() (any, error) {
		d := a.m.Dashboard(query)
		d.Health, d.Fleet = r.by.health(d.Health), r.by.fleet(d.Fleet)
		d.Organizations = r.by.organizations(d.Organizations)
		d.Baseline, d.Events, d.Alerts = r.by.baseline(d.Baseline), r.by.markers(d.Events), r.by.listed(d.Alerts)
		return dashboardAnswer{d, a.silencedAlerts(r.by, d.Alerts)}, nil
	})
}

// dashboardAnswer is the answer of GET dashboard/.
type dashboardAnswer struct {
	perfmon.Dashboard
	// Silenced are those of Alerts that a silence holds back, by ID.
	Silenced map[string]silenced `json:"silenced,omitempty"`
}

// organizations returns the figures of those that the principal sees.
func (p Principal) organizations(list []perfmon.RequestStats) []perfmon.RequestStats {
	kept := []perfmon.RequestStats{}
	for _, s := range list {
		if p.sees(s.Organization) {
			kept = append(kept, s)
		}
	}
	return kept
}

// reach is how far back a call may reach that reads points.
func (a *API) reach() time.Duration { return a.m.History().Reach() }

// retention is how far back a call may reach that needs the points of every interval.
func (a *API) retention() time.Duration { return a.m.Config().Settings().Retention }
