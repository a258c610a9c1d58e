// Package notifytext makes the body of a webhook by text/template, for a receiver that wants
// its own form:
//
//	body, err := notifytext.Body(`{"text": {{json .Title}}, "severity": {{json .Severity}}}`, "application/json")
//	if err != nil {
//		log.Fatal(err)
//	}
//	hook, err := notify.Webhook(notify.WebhookOptions{URL: url, Secret: secret, Body: body})
//
// It is a package of its own because a program with text/template in it keeps every exported
// method of every type: two megabytes, and more in a large program.
package notifytext

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template"
	"time"

	"github.com/backend-prs/perfmon"
)

// maxBody bounds a body, in bytes.
const maxBody = 1 << 20

// Body returns a function for notify.WebhookOptions.Body. The template is given a
// perfmon.Notification, whose texts come from outside: escape them by
//
//	json   any value as JSON, with the quotation marks of a text
//	query  a text for the query of a URL
//
// The template is tried on an alert, a report and a test first: the error says why it does
// not parse, does not run, makes an empty body or, where the content type is one of JSON,
// makes no JSON. A body of more than 1 MiB is an error. It is safe for concurrent use.
func Body(text, contentType string) (body func(perfmon.Notification) ([]byte, string, error), err error) {
	if contentType == "" {
		return nil, errors.New("notifytext: a content type is needed, such as application/json")
	}
	t, err := template.New("body").Funcs(template.FuncMap{"json": toJSON, "query": url.QueryEscape}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("notifytext: %w", err)
	}
	render := func(n perfmon.Notification) ([]byte, string, error) {
		var b bounded
		if err := t.Execute(&b, n); err != nil {
			return nil, "", fmt.Errorf("notifytext: %w", err)
		}
		data := b.Bytes()
		switch {
		case len(bytes.TrimSpace(data)) == 0:
			return nil, "", errors.New("notifytext: the body is empty")
		case strings.Contains(contentType, "json") && !json.Valid(data):
			return nil, "", fmt.Errorf("notifytext: the body is no JSON: use {{json .Title}} for a text: %.200q", data)
		}
		return data, contentType, nil
	}
	for _, n := range examples() {
		if _, _, err := render(n); err != nil {
			return nil, fmt.Errorf("%w (on a notification of kind %s)", err, n.Kind)
		}
	}
	return render, nil
}

func toJSON(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}

// bounded is a buffer that takes maxBody bytes.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxBody {
		return 0, errors.New("the body has more than 1 MiB")
	}
	return b.Buffer.Write(p)
}

// examples are one notification of each sort, with texts that need escaping.
func examples() []perfmon.Notification {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	alert := perfmon.AlertNotice{DedupKey: "example"}
	alert.Change, alert.At, alert.By = perfmon.ChangeOpened, at, perfmon.ByMonitor
	alert.Alert = perfmon.Alert{
		ID: "example", Metric: perfmon.ResponseTimeP95, Scope: perfmon.Scope{Endpoint: `GET /"a"`}, Severity: perfmon.Critical, State: perfmon.AlertOpen,
		Unit: "s", Value: perfmon.ValueOf(6.1), Threshold: perfmon.ValueOf(5), Message: `"GET" is <slow>`, OpenedAt: at, UpdatedAt: at,
	}
	made := func(kind perfmon.NotificationKind) perfmon.Notification {
		return perfmon.Notification{ID: "example", Kind: kind, Time: at, Service: perfmon.Service{Name: `"shop"`}, Title: `An "example"`, Text: "Two\nlines"}
	}
	alerts, report := made(perfmon.NotifyAlerts), made(perfmon.NotifyReport)
	alerts.Alerts = []perfmon.AlertNotice{alert}
	report.Report = &perfmon.WeeklyReport{From: at.AddDate(0, 0, -7), Until: at}
	return []perfmon.Notification{alerts, report, made(perfmon.NotifyTest)}
}
