package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// finding is what a test says of one link of the chain.
type finding struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warn, fail or unknown
	Detail string `json:"detail"`
}

// chain is one run of test.
type chain struct {
	c     *client.Client
	found []finding
}

func (x *chain) add(name, status, format string, args ...any) {
	x.found = append(x.found, finding{name, status, fmt.Sprintf(format, args...)})
}

func (a *app) test() *cobra.Command {
	cmd := a.verb("test", "Whether the whole chain works, from metrics to alerts", `
Checks whether the service can be reached and lets you in, whether its metrics are fresh, whether each threshold can fire
and what holds it back, whether trends and a baseline are possible and what is missing, and whether alerts go anywhere.

Exit codes: 0 all is well; 1 something is missing; 2 something is broken; 3 the service cannot be reached, or does not let
you in.`, "test", "test --env production --output-format json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		x := &chain{c: c}
		x.run(cmd.Context())
		for _, f := range x.found {
			a.exit(map[string]int{"warn": exitWarning, "fail": exitCritical, "unknown": exitUnknown}[f.Status])
		}
		data, err := json.Marshal(map[string]any{"checks": x.found})
		if err != nil {
			return err
		}
		return a.show(data, time.Time{}, nil, func(p *text.Page) {
			list := make([]judged, len(x.found))
			for i, f := range x.found {
				list[i] = judged{Name: f.Name, Status: f.Status, Detail: f.Detail}
			}
			writeVerdicts(p, list)
		})
	}
	return cmd
}

// run follows the chain until a link is broken that the rest hangs on.
func (x *chain) run(ctx context.Context) {
	if !x.reach(ctx) {
		return
	}
	s, err := x.c.Session(ctx)
	if err != nil {
		x.add("authorized", "unknown", "%v", err)
		return
	}
	role := "super admin"
	if !s.Body.SuperAdmin {
		role = "admin of " + s.Body.Organization
	}
	x.add("authorized", "ok", "as %s, %s", s.Body.Name, role)
	x.calls(ctx)
	d, err := x.c.Diagnostics(ctx)
	if err != nil {
		x.add("monitor", "unknown", "%v", err)
		return
	}
	x.monitor(d.Body)
	x.metrics(d.Body)
	x.thresholds(ctx, d.Body)
	for _, s := range d.Body.Analyses {
		if s.Ready {
			x.add(s.Analysis, "ok", "ready")
		} else {
			x.add(s.Analysis, "warn", "it needs %s; it has %s", s.Needs, s.Has)
		}
	}
	if s.Body.SuperAdmin { // others do not see these
		x.callbacks(d.Body)
	}
}

// reach tells whether there is a server.
func (x *chain) reach(ctx context.Context) bool {
	err := x.c.Probe(ctx, "livez")
	var refused *client.Error
	switch {
	case err == nil:
		x.add("reachable", "ok", "%s", x.c.URL())
	case errors.As(err, &refused) && refused.Status == 503:
		x.add("reachable", "fail", "%s: the monitor has ended", x.c.URL())
		return false
	default:
		x.add("reachable", "unknown", "%v", err)
		return false
	}
	if err := x.c.Probe(ctx, "readyz"); err != nil {
		x.add("ready", "warn", "not ready: there is no sample yet, or the API is closed")
	} else {
		x.add("ready", "ok", "there are samples")
	}
	return true
}

// known are the calls that this version has verbs for.
var known = []string{
	"/dashboard/", "/realtime/", "/alerts/", "/alerts/{id}/", "/thresholds/", "/thresholds/backtest/", "/metrics/", "/endpoints/", "/trends/", "/anomalies/",
	"/series/", "/baseline/", "/events/", "/silences/", "/silences/{id}/", "/notifiers/", "/notifiers/test/", "/notifiers/resend/", "/notifiers/who/", "/reports/", "/config/", "/health/", "/diagnostics/", "/session", "/livez/", "/readyz/", "/openapi.json",
}

// calls compares the calls of the server with those of this version.
func (x *chain) calls(ctx context.Context) {
	d, err := x.c.Description(ctx)
	if err != nil {
		x.add("calls", "warn", "the server does not describe its calls: %v", err)
		return
	}
	var newer, lacking []string
	for path := range d.Body.Paths {
		if !slices.Contains(known, path) {
			newer = append(newer, path)
		}
	}
	for _, path := range known {
		if _, ok := d.Body.Paths[path]; !ok {
			lacking = append(lacking, path)
		}
	}
	slices.Sort(newer)
	switch {
	case len(lacking) > 0:
		x.add("calls", "warn", "the server is older than this perfmon: it lacks %s", join(lacking))
	case len(newer) > 0:
		x.add("calls", "ok", `the server has calls that this perfmon has no verb for; "perfmon api" makes them: %s`, join(newer))
	default:
		x.add("calls", "ok", "the server has the calls that this perfmon makes")
	}
}

func (x *chain) monitor(d perfmon.Diagnostics) {
	switch {
	case d.Closed:
		x.add("monitor", "fail", "it is closed")
	case !d.Enabled:
		x.add("monitor", "fail", `it is not enabled: "perfmon config set enabled=true"`)
	case d.Started.IsZero():
		x.add("monitor", "fail", "it has not started: the service has to call Start")
	default:
		x.add("monitor", "ok", "on for %s, %s held", text.Duration(d.Time.Sub(d.Started)), text.Plural(d.Points, "point"))
	}
	if d.StepPanics+d.StepsDropped > 0 {
		x.add("steps", "warn", "%d panicked, %d were dropped because the store is slow", d.StepPanics, d.StepsDropped)
	}
	if d.Store.Failure != "" {
		x.add("store", "fail", "%s: %s", d.Store.Kind, d.Store.Failure)
	} else {
		x.add("store", "ok", "%s", d.Store.Kind)
	}
	for _, c := range d.Collectors {
		if c.LastError != "" {
			x.add("collector "+c.Name, "warn", "failed %d of %d runs: %s", c.Failures, c.Runs, c.LastError)
		}
	}
}

// staleSteps is how many steps old a fresh value may be.
const staleSteps = 3

func (x *chain) metrics(d perfmon.Diagnostics) {
	fed, stale := 0, []string{}
	for _, m := range d.Metrics {
		if !m.Fed {
			continue
		}
		fed++
		if age, ok := m.AgeSeconds.Get(); ok && age > staleSteps*d.StepSeconds {
			stale = append(stale, m.Metric+" "+text.Seconds(age))
		}
	}
	switch {
	case fed == 0:
		x.add("metrics fresh", "fail", "no metric has a value")
	case len(stale) > 0:
		x.add("metrics fresh", "fail", "the latest values are old: %s", join(stale))
	default:
		x.add("metrics fresh", "ok", "%d of %d have values, one each %s", fed, len(d.Metrics), text.Seconds(d.StepSeconds))
	}
}

// thresholds says of each threshold whether it can fire, and what holds it back.
func (x *chain) thresholds(ctx context.Context, d perfmon.Diagnostics) {
	list, err := x.c.Thresholds(ctx)
	if err != nil {
		x.add("thresholds", "unknown", "%v", err)
		return
	}
	if len(list.Body.Thresholds) == 0 {
		x.add("thresholds", "warn", "there are none, so nothing alerts")
	}
	metrics := map[string]perfmon.MetricStatus{}
	for _, m := range d.Metrics {
		metrics[m.Metric] = m
	}
	for _, t := range list.Body.Thresholds {
		name := "threshold " + t.Metric
		if t.Scope != perfmon.ScopeService {
			name += " of each " + string(t.Scope)
		}
		if t.AppliesTo != "" {
			name += " " + t.AppliesTo
		}
		m := metrics[t.Metric]
		switch {
		case t.Disabled:
			x.add(name, "ok", "switched off")
		case t.Scope == perfmon.ScopeService && !m.Fed:
			x.add(name, "warn", "it cannot fire, as the metric has no value: %s", cmp.Or(strings.TrimPrefix(m.By, "nothing: "), "nothing feeds it"))
		default:
			x.add(name, "ok", "%s", standing(t.Threshold, d))
		}
	}
}

// standing says where a threshold stands: for the service the reason that the monitor
// gives, else how many scopes it watches.
func standing(t perfmon.Threshold, d perfmon.Diagnostics) string {
	watched, open := 0, 0
	for _, s := range d.Thresholds {
		if s.Metric != t.Metric || s.Kind != t.Scope || s.AppliesTo != t.AppliesTo {
			continue
		}
		if t.Scope == perfmon.ScopeService {
			return s.Why
		}
		watched++
		if s.State != "clear" && s.State != string(perfmon.AlertResolved) {
			open++
		}
	}
	return fmt.Sprintf("%d watched, %d with an alert", watched, open)
}

// callbacks tells whether alerts go anywhere.
func (x *chain) callbacks(d perfmon.Diagnostics) {
	n := 0
	for _, s := range d.Subscribers {
		if s.To != "alerts" {
			continue
		}
		n++
		if s.Panics > 0 {
			x.add("callback "+s.Callback, "warn", "it panicked %d times of %d", s.Panics, s.Delivered)
		}
	}
	for _, s := range d.Notifiers {
		switch {
		case s.LastFailure.After(s.LastSuccess):
			x.add("notifier "+s.Name, "warn", "it fails: %s", text.Clean(s.LastError))
		case s.LastSuccess.IsZero():
			x.add("notifier "+s.Name, "ok", "it has delivered nothing yet; perfmon notify test %s tries it", s.Name)
		default:
			x.add("notifier "+s.Name, "ok", "it works; %s could not be delivered", text.Plural(int(s.Dead), "message"))
		}
	}
	if n == 0 && len(d.Notifiers) == 0 {
		x.add("alerts go to", "warn", "nobody: the service calls no OnAlert, and no notifier is set up")
		return
	}
	x.add("alerts go to", "ok", "%s and %s", text.Plural(n, "callback"), text.Plural(len(d.Notifiers), "notifier"))
}
