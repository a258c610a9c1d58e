package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// Tone is how bad a message is, for a colour or a sign.
type Tone string

const (
	ToneCritical Tone = "critical"
	ToneWarning  Tone = "warning"
	ToneGood     Tone = "good" // all is over
	ToneInfo     Tone = "info" // a report, or a test
)

// Message is a notification in words, for a channel to lay out. Its texts are on one line,
// without control characters, and bounded; they are not escaped for any markup.
type Message struct {
	Tone   Tone
	Title  string
	Lead   []string // lines before the items
	Items  []Item
	More   string // that alerts are left out, or empty
	Links  []Link // to the page
	Footer string // service, environment, version, instance and time
}

// Item is an alert, or a part of a report.
type Item struct {
	Tone     Tone
	Title    string
	Text     string // what is wrong; may be empty
	Facts    []Fact
	ListName string // what List lists
	List     []string
	Links    []Link
}

// Fact is a name with a value.
type Fact struct{ Name, Value string }

// Link leads somewhere.
type Link struct{ Name, URL string }

// Bounds of the texts, in code units of UTF-16.
const (
	maxTitle = 250
	maxName  = 200
	maxText  = 1000
	maxList  = 10
	maxURL   = 2048 // bytes
)

// Compose puts a notification into words, the same for every channel.
func Compose(n perfmon.Notification) Message {
	m := Message{Title: clip(line(n.Title), maxTitle), Footer: footer(n), Links: links(Link{"Open the dashboard", n.Link})}
	for _, a := range n.Alerts {
		m.Items = append(m.Items, alertItem(n, a))
	}
	m.Tone = worstTone(m.Items)
	if n.More > 0 {
		m.More = fmt.Sprintf("%s not listed here", plural(uint64(n.More), "more alert"))
	}
	switch {
	case n.Kind == perfmon.NotifyReminder:
		m.Lead = []string{"Still open, and nobody has acknowledged it."}
		if len(n.Alerts)+n.More > 1 {
			m.Lead = []string{"Still open, and nobody has acknowledged them."}
		}
	case n.Kind == perfmon.NotifyRefresh:
		m.Lead = []string{"Still active."}
	case n.Kind == perfmon.NotifyTest:
		m.Lead = []string{"This is a test: somebody asked whether this channel works. Nothing is wrong."}
	}
	if n.Report != nil {
		m.Items = append(m.Items, reportItems(n.Report)...)
	}
	if len(m.Items) == 0 && len(m.Lead) == 0 {
		for text := range strings.SplitSeq(lines(n.Text), "\n") {
			if text != "" && len(m.Lead) < maxList {
				m.Lead = append(m.Lead, clip(text, maxText))
			}
		}
	}
	if m.Title == "" {
		m.Title = title(n, m)
	}
	return m
}

// worstTone is that of the worst alert that is not over.
func worstTone(items []Item) Tone {
	worst := ToneInfo
	for i, item := range items {
		if i == 0 || item.Tone == ToneCritical || item.Tone == ToneWarning && worst != ToneCritical {
			worst = item.Tone
		}
	}
	return worst
}

// title is for a notification that has none.
func title(n perfmon.Notification, m Message) string {
	switch {
	case len(m.Items) > 0 && n.Report == nil:
		return m.Items[0].Title
	case n.Kind != "":
		return capital(line(string(n.Kind))) + " of " + clip(line(n.Service.Name), maxName)
	}
	return "perfmon"
}

func footer(n perfmon.Notification) string {
	var parts []string
	for _, part := range []string{n.Service.Name, n.Service.Environment, n.Service.Version, n.Service.Instance} {
		if part = clip(line(part), 100); part != "" {
			parts = append(parts, part)
		}
	}
	if !n.Time.IsZero() {
		parts = append(parts, When(n.Time))
	}
	return strings.Join(parts, " · ")
}

// alertItem is what people are told of one alert.
func alertItem(n perfmon.Notification, a perfmon.AlertNotice) Item {
	item := Item{
		Tone:  alertTone(a.Alert),
		Title: clip(changeWords(a)+": "+line(a.Alert.Key().String()), maxTitle),
		Text:  clip(line(a.Alert.Message), maxText),
		Facts: alertFacts(n, a),
		Links: links(Link{"Open the alert", a.Link}, Link{"Runbook", a.Runbook}),
	}
	if item.Tone == ToneGood && item.Text != "" {
		item.Text = "Was: " + item.Text
	}
	for _, s := range a.Worst[:min(len(a.Worst), maxList)] {
		item.ListName, item.List = "Worst endpoints", append(item.List, endpointWords(s))
	}
	return item
}

func alertTone(a perfmon.Alert) Tone {
	switch {
	case a.State == perfmon.AlertResolved || a.State == perfmon.AlertDismissed:
		return ToneGood
	case a.Severity == perfmon.Critical:
		return ToneCritical
	}
	return ToneWarning
}

// changeWords is what happened to an alert, in a word or two.
func changeWords(a perfmon.AlertNotice) string {
	severity := capital(line(string(a.Alert.Severity)))
	switch a.Change {
	case perfmon.ChangeEscalated:
		return "Now " + line(string(a.Alert.Severity))
	case perfmon.ChangeReopened:
		return severity + " again"
	case perfmon.ChangeUpdated:
		return severity + ", changed"
	case perfmon.ChangeAcknowledged, perfmon.ChangeDismissed, perfmon.ChangeResolved:
		text := capital(string(a.Change))
		if by := clip(line(a.By), 100); by != "" && by != perfmon.ByMonitor {
			text += " by " + by
		}
		return text
	}
	return severity
}

func alertFacts(n perfmon.Notification, a perfmon.AlertNotice) []Fact {
	alert := a.Alert
	facts := []Fact{{"Severity", line(string(alert.Severity))}}
	if _, ok := alert.Value.Get(); ok {
		text := Value(alert.Value, alert.Unit)
		if _, ok := alert.Threshold.Get(); ok {
			text += ", limit " + Value(alert.Threshold, alert.Unit)
		}
		name := "Value"
		if alert.State == perfmon.AlertResolved {
			name = "Was"
		}
		facts = append(facts, Fact{name, clip(text, maxName)})
	}
	since := since(alert)
	if alert.State == perfmon.AlertResolved {
		facts = append(facts, Fact{"Lasted", Length(a.At.Sub(since)) + ", since " + When(since)})
		if len(alert.Changes) > 0 {
			if last := alert.Changes[len(alert.Changes)-1]; last.Value != alert.Value {
				if _, ok := last.Value.Get(); ok {
					facts = append(facts, Fact{"Now", Value(last.Value, alert.Unit)})
				}
			}
		}
	} else {
		text := When(since)
		if d := n.Time.Sub(since); d >= time.Minute {
			text += ", for " + Length(d)
		}
		facts = append(facts, Fact{"Since", text})
	}
	if len(alert.Changes) > 0 {
		if note := clip(line(alert.Changes[len(alert.Changes)-1].Note), maxName); note != "" {
			facts = append(facts, Fact{"Note", note})
		}
	}
	return facts
}

// since is when an alert opened, or was reopened, for the last time.
func since(a perfmon.Alert) time.Time {
	for i := len(a.Changes) - 1; i >= 0; i-- {
		if c := a.Changes[i].Change; c == perfmon.ChangeOpened || c == perfmon.ChangeReopened {
			return a.Changes[i].At
		}
	}
	return a.OpenedAt
}

// endpointWords names an endpoint, and how it is.
func endpointWords(s perfmon.RequestStats) string {
	parts := []string{}
	if _, ok := s.P95.Get(); ok {
		parts = append(parts, "p95 "+Value(s.P95, "s"))
	}
	if _, ok := s.ErrorRate.Get(); ok {
		parts = append(parts, Value(s.ErrorRate, "%")+" errors")
	}
	parts = append(parts, plural(s.Requests, "request"))
	return clip(line(s.Scope.String()), maxName) + ": " + strings.Join(parts, ", ")
}

// links keeps the links that lead somewhere by HTTP.
func links(list ...Link) (kept []Link) {
	for _, l := range list {
		if u, err := parseURL("", l.URL, true); err == nil && len(u.String()) <= maxURL && u.User == nil {
			kept = append(kept, Link{l.Name, u.String()})
		}
	}
	return kept
}
