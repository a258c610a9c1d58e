package perfmon

import (
	"testing"
	"time"
)

// What a query picks, one condition at a time.
func TestAlertQuery(t *testing.T) {
	active := Alert{ID: "5", OpenedAt: epoch, Metric: "m", Scope: Scope{"GET /", "acme"}, Severity: Warning, State: AlertOpen, UpdatedAt: epoch}
	over, service := active, active
	over.State = AlertResolved
	service.Scope = Scope{}
	for _, test := range []struct {
		name string
		q    AlertQuery
		a    Alert
		want bool
	}{
		{"anything", AlertQuery{}, over, true},
		{"updated at that time", AlertQuery{Since: epoch}, over, true},
		{"updated before", AlertQuery{Since: epoch.Add(1)}, over, false},
		{"updated before, and active", AlertQuery{Since: epoch.Add(time.Hour)}, active, true},
		{"opened at that time", AlertQuery{Until: epoch}, active, true},
		{"opened after, and active", AlertQuery{Until: epoch.Add(-1)}, active, false},
		{"the severity", AlertQuery{Severity: Warning}, active, true},
		{"another severity", AlertQuery{Severity: Critical}, active, false},
		{"active", AlertQuery{Active: true}, active, true},
		{"not active", AlertQuery{Active: true}, over, false},
		{"the metric", AlertQuery{Metric: "m"}, active, true},
		{"another metric", AlertQuery{Metric: "n"}, active, false},
		{"the endpoint", AlertQuery{Endpoint: "GET /"}, active, true},
		{"another endpoint", AlertQuery{Endpoint: "PUT /"}, active, false},
		{"the organization", AlertQuery{Organization: "acme"}, active, true},
		{"another organization", AlertQuery{Organization: "globex", WithService: true}, active, false},
		{"no organization", AlertQuery{Organization: "acme"}, service, false},
		{"no organization, with the service", AlertQuery{Organization: "acme", WithService: true}, service, true},
		{"an earlier page", AlertQuery{Before: "5"}, active, false},
		{"this page", AlertQuery{Before: "6"}, active, true},
	} {
		if got := test.q.matches(&test.a); got != test.want {
			t.Errorf("%s: picked is %v", test.name, got)
		}
	}
}

// IDs ascend, also when the clock goes back.
func TestAlertIDsAscend(t *testing.T) {
	b := newAlertBook(nil)
	last := ""
	for _, d := range []time.Duration{0, 0, time.Hour, -24 * time.Hour, -100 * 365 * 24 * time.Hour, 2 * time.Hour} {
		id := b.newID(epoch.Add(d))
		if id <= last {
			t.Errorf("%s comes after %s", id, last)
		}
		last = id
	}
}
