package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

const (
	defaultHold = 20 * time.Minute
	maxHold     = 28 * 24 * time.Hour
	testHold    = 5 * time.Minute
	refreshes   = 4 // while an alert holds; one may fail, or be late

	// Alertmanager has no limits; what it tells further has.
	maxLabel      = 500 // bytes
	maxAnnotation = 3000
)

// AlertmanagerOptions say which Alertmanager is told, and how alerts look there.
type AlertmanagerOptions struct {
	// URL is that of the Alertmanager, without api/v2/alerts: http or https. Of a cluster,
	// make a notifier for each.
	URL string
	// Labels are added to those of each alert; one of the same name is replaced, or removed
	// by an empty value. Names are of letters, digits and _, and begin with no digit.
	Labels map[string]string
	// Annotations are added likewise.
	Annotations map[string]string
	// Hold is how long an alert fires without a word from perfmon, 1 min to 28 days; 0 is
	// 20 min. An active alert is sent with an end this far ahead, and again four times as
	// often, so that it goes on, also where Alertmanager was started anew and has forgotten
	// it. A resolved one ends at once. A shorter Hold ends alerts of a service that has died
	// earlier; a longer one outlasts longer gaps between two runs of a service.
	Hold time.Duration

	HTTP HTTP
}

// alertmanager is a Notifier.
type alertmanager struct {
	*caller
	url     *url.URL
	options AlertmanagerOptions
}

// Alertmanager hands alerts to a Prometheus Alertmanager, by api/v2/alerts, whose routing,
// silences and inhibition then apply. The labels are alertname (the metric), severity, service,
// environment, instance, endpoint and organization, those that there are; the annotations
// summary, description, value, threshold, worst_endpoints, acknowledged_by, runbook_url,
// dashboard_url and alert_id. An alert that changes its severity ends with the old label and
// begins with the new. One that is dismissed ends. Where the name of an instance changes with each
// start and a store keeps the alerts, remove the label instance (by Labels): else what began
// under the old name ends only after Hold. Alertmanager takes no reports:
// *perfmon.UndeliverableError. A test is an alert perfmon_test of severity info that ends after
// 5 min. The error is a *perfmon.FieldError.
func Alertmanager(o AlertmanagerOptions) (perfmon.Notifier, error) {
	u, err := parseURL("Alertmanager.URL", o.URL, true)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	if o.Hold == 0 {
		o.Hold = defaultHold
	}
	if o.Hold < time.Minute || o.Hold > maxHold {
		return nil, fmt.Errorf("notify: %w", &perfmon.FieldError{Field: "Alertmanager.Hold", Value: o.Hold, Want: "0 (20 min), or 1m0s to 672h0m0s"})
	}
	for field, list := range map[string]map[string]string{"Labels": o.Labels, "Annotations": o.Annotations} {
		for name := range list {
			if !validLabel(name) {
				return nil, fmt.Errorf("notify: %w", &perfmon.FieldError{Field: "Alertmanager." + field, Value: name, Want: "a name of a-z, A-Z, 0-9 and _ that begins with no digit"})
			}
		}
	}
	if o.Labels["alertname"] == "" {
		if _, removed := o.Labels["alertname"]; removed {
			return nil, fmt.Errorf("notify: %w", &perfmon.FieldError{Field: "Alertmanager.Labels", Value: "alertname without a value", Want: "a value: every alert needs a name"})
		}
	}
	c, err := newCaller("Alertmanager", o.HTTP, secretsOf(u)...)
	if err != nil {
		return nil, fmt.Errorf("notify: Alertmanager: %w", err)
	}
	return &alertmanager{c, u, o}, nil
}

func validLabel(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// AlertsAtOnce implements perfmon.BatchNotifier: a call may have any number, but each alert
// is up to two there, of some KiB.
func (t *alertmanager) AlertsAtOnce() int { return 200 }

// RefreshEvery implements perfmon.RefreshNotifier.
func (t *alertmanager) RefreshEvery() time.Duration { return t.options.Hold / refreshes }

// String names the channel, without its secrets.
func (t *alertmanager) String() string { return "Alertmanager at " + t.url.Host }

// amAlert is a postable alert:
// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
type amAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Notify implements perfmon.Notifier.
func (t *alertmanager) Notify(ctx context.Context, n perfmon.Notification) error {
	m := Compose(n)
	var list []amAlert
	switch {
	case len(n.Alerts) > 0:
		for i, a := range n.Alerts {
			list = append(list, t.alerts(n, a, m.Items[i])...)
		}
	case n.Kind == perfmon.NotifyTest:
		now := t.now()
		list = []amAlert{{
			Labels:      labels(serviceLabels(n.Service, "perfmon_test", "info"), t.options.Labels),
			Annotations: annotations(map[string]string{"summary": m.Title, "description": strings.Join(m.Lead, " ")}, t.options.Annotations),
			StartsAt:    now, EndsAt: now.Add(testHold),
		}}
	default:
		return &perfmon.UndeliverableError{Err: errors.New("Alertmanager takes alerts alone, and no " + line(string(n.Kind)))}
	}
	_, err := t.postJSON(ctx, t.url.JoinPath("api/v2/alerts").String(), list)
	return err
}

// alerts is an alert as of now, and its end under the severities that it had.
func (t *alertmanager) alerts(n perfmon.Notification, a perfmon.AlertNotice, item Item) (list []amAlert) {
	now := t.now() // Alertmanager goes by its own clock: not that of the service
	over := a.Alert.State == perfmon.AlertResolved || a.Alert.State == perfmon.AlertDismissed
	one := func(severity perfmon.Severity, end time.Time) {
		start := since(a.Alert)
		if start.After(end) {
			start = end
		}
		list = append(list, amAlert{
			Labels: labels(alertLabels(n.Service, a.Alert, severity), t.options.Labels), Annotations: t.annotate(a, item),
			StartsAt: start, EndsAt: end, GeneratorURL: first(item.Links),
		})
	}
	for _, severity := range []perfmon.Severity{perfmon.Warning, perfmon.Critical} {
		if severity != a.Alert.Severity && had(a.Alert, severity) {
			one(severity, now)
		}
	}
	if over {
		one(a.Alert.Severity, now)
	} else {
		one(a.Alert.Severity, now.Add(t.options.Hold))
	}
	return list
}

// had reports whether an alert had a severity once.
func had(a perfmon.Alert, severity perfmon.Severity) bool {
	for _, c := range a.Changes {
		if c.Severity == severity {
			return true
		}
	}
	return false
}

func serviceLabels(s perfmon.Service, name string, severity perfmon.Severity) map[string]string {
	return map[string]string{
		"alertname": name, "severity": string(severity), "service": s.Name, "environment": s.Environment, "instance": s.Instance,
	}
}

func alertLabels(s perfmon.Service, a perfmon.Alert, severity perfmon.Severity) map[string]string {
	labels := serviceLabels(s, a.Metric, severity)
	labels["endpoint"], labels["organization"] = a.Endpoint, a.Organization
	return labels
}

func (t *alertmanager) annotate(a perfmon.AlertNotice, item Item) map[string]string {
	list := map[string]string{
		"summary": item.Title, "description": item.Text, "worst_endpoints": strings.Join(item.List, "; "), "alert_id": a.Alert.ID,
	}
	for _, l := range item.Links {
		if l.Name == "Runbook" {
			list["runbook_url"] = l.URL
		} else {
			list["dashboard_url"] = l.URL
		}
	}
	if _, ok := a.Alert.Value.Get(); ok {
		list["value"] = Value(a.Alert.Value, a.Alert.Unit)
	}
	if _, ok := a.Alert.Threshold.Get(); ok {
		list["threshold"] = Value(a.Alert.Threshold, a.Alert.Unit)
	}
	if a.Alert.State == perfmon.AlertAcknowledged {
		list["acknowledged_by"] = acknowledgedBy(a.Alert)
	}
	return annotations(list, t.options.Annotations)
}

func acknowledgedBy(a perfmon.Alert) (by string) {
	for _, c := range a.Changes {
		if c.Change == perfmon.ChangeAcknowledged {
			by = c.By
		}
	}
	return by
}

// labels adds the user's own. Alertmanager knows no empty label. A long one keeps being another
// one than others that begin alike.
func labels(list, own map[string]string) map[string]string {
	return with(list, own, func(s string) string { return shortKey(line(s), maxLabel) })
}

// annotations adds the user's own.
func annotations(list, own map[string]string) map[string]string {
	return with(list, own, func(s string) string { return clip(line(s), maxAnnotation) })
}

func with(list, own map[string]string, shorten func(string) string) map[string]string {
	out := map[string]string{}
	for _, from := range []map[string]string{list, own} {
		for name, value := range from {
			if out[name] = shorten(value); value == "" || out[name] == "" {
				delete(out, name)
			}
		}
	}
	return out
}

func first(list []Link) string {
	if len(list) == 0 {
		return ""
	}
	return list[0].URL
}
