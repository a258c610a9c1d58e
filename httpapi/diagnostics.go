package httpapi

import (
	"net/http"

	"github.com/backend-prs/perfmon"
)

// diagnostics says why there is, or is not, a figure or an alert.
func (a *API) diagnostics(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	d := a.m.Diagnostics()
	d.Limits = append(d.Limits, a.limits()...)
	if !r.by.SuperAdmin {
		r.by.withhold(&d)
		d.Alerts = a.countAlerts(r.by, d.Alerts.Limit)
	}
	return reply(http.StatusOK, d)
}

// withhold leaves out of diagnostics what an organization admin may not know: other
// organizations and how many there are, and every text of the code of the host.
func (p Principal) withhold(d *perfmon.Diagnostics) {
	thresholds := []perfmon.ThresholdStatus{}
	for _, t := range d.Thresholds {
		if p.sees(t.Organization) {
			thresholds = append(thresholds, t)
		}
	}
	tables := []perfmon.TableStatus{}
	for _, t := range d.Tables {
		if t.Table == "endpoints" {
			tables = append(tables, t)
		}
	}
	d.Thresholds, d.Tables = thresholds, tables
	d.Notifiers = []perfmon.NotifierStatus{}
	d.Limits = []perfmon.LimitStatus{}
	d.Collectors, d.Subscribers = []perfmon.CollectorStatus{}, []perfmon.SubscriberStatus{}
	for i := range d.Metrics {
		d.Metrics[i].By = "" // may be the name of a collector
	}
	store := perfmon.StoreStatus{Kind: d.Store.Kind}
	if d.Store.Failure != "" {
		store.Failure = storeFailed
	}
	d.Store = store
}

// countAlerts counts the alerts that an organization admin sees.
func (a *API) countAlerts(p Principal, limit int) perfmon.AlertCounts {
	list, _ := a.m.Alerts().List(p.alerts())
	c := perfmon.AlertCounts{Held: len(list), Limit: limit}
	for i := range list {
		if list[i].Active() {
			c.Active++
		}
	}
	return c
}
