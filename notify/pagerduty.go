package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// PagerDuty's limits:
// https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md
const (
	pagerSummary = 1024
	pagerDedup   = 255
	pagerKey     = 32 // exactly
)

// PagerDutyOptions say which service of PagerDuty is told.
type PagerDutyOptions struct {
	// RoutingKey is the integration key of the service: 32 characters. It is a secret.
	RoutingKey string
	// URL is the API; empty is https://events.pagerduty.com. Accounts in Europe have
	// https://events.eu.pagerduty.com.
	URL string
	// Severities say what a severity is at PagerDuty: "critical", "error", "warning" or
	// "info". Those left out keep their name.
	Severities map[perfmon.Severity]string
	// ImageURL returns where PagerDuty can get a chart, or "": it takes no upload, so the
	// host has to serve it by https, for everybody to see. nil shows no charts.
	ImageURL func(perfmon.Notification, perfmon.Image) string

	HTTP HTTP
}

// pagerDuty is a Notifier.
type pagerDuty struct {
	*caller
	url     *url.URL
	options PagerDutyOptions
}

// PagerDuty pages by the Events API v2. Each alert of a notification is an event under its
// DedupKey: it triggers, acknowledges, or resolves (also where the alert is dismissed). Sent
// twice, an event changes nothing. A reminder triggers again, which pages nobody anew. A weekly
// report is a change event, which pages nobody. A test triggers an incident of severity info
// that somebody has to resolve by hand. The error is a *perfmon.FieldError.
func PagerDuty(o PagerDutyOptions) (perfmon.Notifier, error) {
	if len(o.RoutingKey) != pagerKey {
		return nil, fmt.Errorf("notify: %w", &perfmon.FieldError{
			Field: "PagerDuty.RoutingKey", Value: fmt.Sprintf("(%d bytes, not shown)", len(o.RoutingKey)), Want: "the 32 characters of an integration key",
		})
	}
	for _, s := range o.Severities {
		if !slices.Contains([]string{"critical", "error", "warning", "info"}, s) {
			return nil, fmt.Errorf("notify: %w", &perfmon.FieldError{Field: "PagerDuty.Severities", Value: s, Want: "critical, error, warning or info"})
		}
	}
	if o.URL == "" {
		o.URL = "https://events.pagerduty.com"
	}
	u, err := parseURL("PagerDuty.URL", o.URL, false)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	c, err := newCaller("PagerDuty", o.HTTP, append(secretsOf(u), o.RoutingKey)...)
	if err != nil {
		return nil, fmt.Errorf("notify: PagerDuty: %w", err)
	}
	return &pagerDuty{c, u, o}, nil
}

// AlertsAtOnce implements perfmon.BatchNotifier: each alert is a call of its own, and all of a
// notification are within one deadline, far below the 120 a minute that PagerDuty takes.
func (p *pagerDuty) AlertsAtOnce() int { return 20 }

// String names the channel, without its secrets.
func (p *pagerDuty) String() string { return "PagerDuty" }

type pagerEvent struct {
	RoutingKey string        `json:"routing_key"`
	Action     string        `json:"event_action,omitempty"`
	DedupKey   string        `json:"dedup_key,omitempty"`
	Payload    *pagerPayload `json:"payload,omitempty"`
	Client     string        `json:"client,omitempty"`
	ClientURL  string        `json:"client_url,omitempty"`
	Links      []pagerLink   `json:"links,omitempty"`
	Images     []pagerImage  `json:"images,omitempty"`
}

type pagerPayload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity,omitempty"`
	Timestamp string         `json:"timestamp,omitempty"`
	Component string         `json:"component,omitempty"`
	Group     string         `json:"group,omitempty"`
	Class     string         `json:"class,omitempty"`
	Details   map[string]any `json:"custom_details,omitempty"`
}

type pagerLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type pagerImage struct {
	Src string `json:"src"`
	Alt string `json:"alt"`
}

// Notify implements perfmon.Notifier.
func (p *pagerDuty) Notify(ctx context.Context, n perfmon.Notification) error {
	m := Compose(n)
	if n.Report != nil || len(n.Alerts) == 0 && n.Kind != perfmon.NotifyTest {
		return p.enqueue(ctx, "v2/change/enqueue", p.change(n, m))
	}
	if len(n.Alerts) == 0 {
		return p.enqueue(ctx, "v2/enqueue", p.test(n, m))
	}
	// One that is refused must not keep the others from being told; those are known by
	// their keys when they are sent again.
	var failed []error
	for i, a := range n.Alerts {
		if err := p.enqueue(ctx, "v2/enqueue", p.event(n, m, a, m.Items[i])); err != nil {
			if _, undeliverable := errors.AsType[*perfmon.UndeliverableError](err); !undeliverable {
				return err
			}
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (p *pagerDuty) enqueue(ctx context.Context, path string, e pagerEvent) error {
	_, err := p.postJSON(ctx, p.url.JoinPath(path).String(), e)
	return err
}

// event is what happened to an alert.
func (p *pagerDuty) event(n perfmon.Notification, m Message, a perfmon.AlertNotice, item Item) pagerEvent {
	e := pagerEvent{RoutingKey: p.options.RoutingKey, DedupKey: pagerDedupKey(a.DedupKey), Action: "trigger"}
	switch a.Alert.State {
	case perfmon.AlertResolved, perfmon.AlertDismissed:
		e.Action = "resolve"
		return e
	case perfmon.AlertAcknowledged:
		if a.Change != perfmon.ChangeEscalated { // that it is worse is news, also for whoever is at it
			e.Action = "acknowledge"
			return e
		}
	}
	severity := string(a.Alert.Severity)
	if s := p.options.Severities[a.Alert.Severity]; s != "" {
		severity = s
	}
	details := map[string]any{"alert_id": a.Alert.ID, "cause": string(a.Alert.Cause)}
	for _, f := range item.Facts {
		details[strings.ToLower(f.Name)] = f.Value
	}
	if len(item.List) > 0 {
		details["worst_endpoints"] = item.List
	}
	summary := item.Title
	if item.Text != "" {
		summary = capital(string(a.Alert.Severity)) + ": " + item.Text
	}
	e.Client, e.ClientURL = "perfmon", n.Link
	e.Payload = &pagerPayload{
		Summary: clip(summary, pagerSummary), Source: pagerSource(n.Service), Severity: severity,
		Timestamp: since(a.Alert).UTC().Format(time.RFC3339Nano), Class: line(a.Alert.Metric),
		Component: clip(line(a.Alert.Scope.String()), maxName), Group: clip(line(n.Service.Name), maxName), Details: details,
	}
	for _, l := range append(item.Links, m.Links...) {
		e.Links = append(e.Links, pagerLink{l.URL, l.Name})
	}
	for _, c := range chartLinks(n, p.options.ImageURL, maxURL) {
		e.Images = append(e.Images, pagerImage{c.URL, c.Name})
	}
	return e
}

// test is an incident that says that the channel works.
func (p *pagerDuty) test(n perfmon.Notification, m Message) pagerEvent {
	return pagerEvent{
		RoutingKey: p.options.RoutingKey, DedupKey: pagerDedupKey("perfmon-test-" + n.ID), Action: "trigger", Client: "perfmon", ClientURL: n.Link,
		Payload: &pagerPayload{
			Summary: clip(strings.Join(append([]string{m.Title}, m.Lead...), ". "), pagerSummary), Source: pagerSource(n.Service), Severity: "info",
			Timestamp: n.Time.UTC().Format(time.RFC3339Nano),
		},
	}
}

// change is an event that pages nobody:
// https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/03-Change-Events.md
func (p *pagerDuty) change(n perfmon.Notification, m Message) pagerEvent {
	e := pagerEvent{RoutingKey: p.options.RoutingKey, Payload: &pagerPayload{
		Summary: clip(m.Title, pagerSummary), Source: pagerSource(n.Service), Timestamp: n.Time.UTC().Format(time.RFC3339Nano),
		Details: map[string]any{"report": clip(m.Plain(), 8000)},
	}}
	for _, l := range m.Links {
		e.Links = append(e.Links, pagerLink{l.URL, l.Name})
	}
	return e
}

// pagerDedupKey is a key within the limit.
func pagerDedupKey(key string) string { return shortKey(key, pagerDedup) }

// pagerSource names where an event comes from.
func pagerSource(s perfmon.Service) string {
	for _, name := range []string{s.Instance, s.Name} {
		if name = clip(line(name), maxName); name != "" {
			return name
		}
	}
	return "perfmon"
}
