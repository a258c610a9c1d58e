package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// Notifiers are the business of super admins: their names, errors and routes may tell of
// other organizations.

// notifiersAnswer is the answer of GET notifiers/.
type notifiersAnswer struct {
	Notifiers []perfmon.NotifierStatus `json:"notifiers"`
}

// listNotifiers says how each notifier fares.
func (a *API) listNotifiers(r *request) (answer, error) {
	if err := ofSuperAdmins(r.by); err != nil {
		return nil, err
	}
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	return reply(http.StatusOK, notifiersAnswer{a.m.Notifications().List()})
}

func ofSuperAdmins(p Principal) error {
	if p.SuperAdmin {
		return nil
	}
	return &problem{Status: http.StatusForbidden, Detail: "Only super admins see and try notifiers."}
}

// testAnswer is the answer of POST notifiers/test/.
type testAnswer struct {
	Notifier  string `json:"notifier"`
	Delivered bool   `json:"delivered"`
	Error     string `json:"error,omitempty"` // of the notifier
}

var notifierField = field{name: "notifier", want: "the name of a notifier; GET notifiers/ lists them"}

// testNotifier sends a test message, and answers what became of it.
func (a *API) testNotifier(r *request) (answer, error) {
	if err := ofSuperAdmins(r.by); err != nil {
		return nil, err
	}
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	name := orEmpty(read(body, notifierField, parseText))
	if err := body.finish(); err != nil {
		return nil, err
	}
	err = a.m.Notifications().Test(r.Context(), name, r.by.Name)
	switch {
	case errors.Is(err, perfmon.ErrNotFound):
		return nil, notFound(notifierField.name, name)
	case errors.Is(err, perfmon.ErrClosed), errors.Is(err, context.Canceled):
		return nil, err
	case err != nil:
		return reply(http.StatusOK, testAnswer{name, false, cut(clean(strings.TrimPrefix(err.Error(), "perfmon: ")))})
	}
	return reply(http.StatusOK, testAnswer{name, true, ""})
}

// resendAnswer is the answer of POST notifiers/resend/.
type resendAnswer struct {
	Notifier string `json:"notifier"`
	ID       string `json:"id"`
}

// resend has a dead letter sent again.
func (a *API) resend(r *request) (answer, error) {
	if err := ofSuperAdmins(r.by); err != nil {
		return nil, err
	}
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	letter := field{name: "id", want: "the ID of a dead letter; GET notifiers/ lists them"}
	name, id := orEmpty(read(body, notifierField, parseText)), orEmpty(read(body, letter, parseText))
	if err := body.finish(); err != nil {
		return nil, err
	}
	if _, err := a.m.Notifications().DeadLetters(name); err != nil {
		return nil, notFound(notifierField.name, name)
	}
	err = a.m.Notifications().Resend(name, id, r.by.Name)
	switch {
	case errors.Is(err, perfmon.ErrNotFound):
		return nil, notFound(letter.name, id)
	case err != nil:
		return nil, err
	}
	return reply(http.StatusOK, resendAnswer{name, id})
}

// whoAnswer is the answer of GET notifiers/who/.
type whoAnswer struct {
	At       time.Time        `json:"at"`
	Metric   string           `json:"metric_name"`
	Severity perfmon.Severity `json:"severity"`
	perfmon.Scope
	Notifiers []perfmon.Told `json:"notifiers"`
}

// whoIsTold says who would be told of an alert at a time. Nothing is sent.
func (a *API) whoIsTold(r *request) (answer, error) {
	if err := ofSuperAdmins(r.by); err != nil {
		return nil, err
	}
	const wantMetric = "a name of 1 to 64 of a-z, 0-9 and _, a letter first"
	q := readParams(r)
	out := whoAnswer{At: a.m.Now(), Metric: q.name("metric", maxMetricName, wantMetric)}
	out.Severity = perfmon.Severity(q.oneOf("severity", string(perfmon.Warning), string(perfmon.Critical)))
	out.Endpoint = q.name("endpoint", maxScopeName, `a route pattern such as "GET /orders/{id}"`)
	out.Organization = q.name("organization", maxScopeName, "an organization")
	if text, ok := q.text("at"); ok {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			q.fail("at", text, "a time such as "+out.At.Truncate(time.Second).Format(time.RFC3339))
		}
		out.At = at.UTC()
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	if out.Metric == "" {
		return nil, bad("metric", `""`, wantMetric)
	}
	if out.Severity == "" {
		out.Severity = perfmon.Critical
	}
	list, err := a.m.Notifications().WhoIsTold(perfmon.AlertOutline{Metric: out.Metric, Scope: out.Scope, Severity: out.Severity}, out.At)
	if err != nil {
		return nil, wire{"Metric": {name: "metric"}}.translate(err)
	}
	out.Notifiers = list
	return reply(http.StatusOK, out)
}
