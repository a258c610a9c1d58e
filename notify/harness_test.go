package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// call is what a receiver got.
type call struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// receiver takes calls and answers them as a channel's server does.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
}

// receive starts a receiver. answer may be nil: 200.
func receive(t testing.TB, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.calls = append(r.calls, call{req.Method, req.URL.Path, req.Header, body})
		r.mu.Unlock()
		if answer != nil {
			answer(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// all returns the calls until now.
func (r *receiver) all() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

// last returns the latest call.
func (r *receiver) last(t testing.TB) call {
	t.Helper()
	calls := r.all()
	if len(calls) == 0 {
		t.Fatal("nothing was sent")
	}
	return calls[len(calls)-1]
}

const (
	secret = "s3cret-part-of-the-address"
	key    = "0123456789abcdef0123456789abcdef" // of PagerDuty
)

// channels makes each channel, for a server at an address.
var channels = map[string]func(address string) (perfmon.Notifier, error){
	"webhook": func(address string) (perfmon.Notifier, error) {
		return notify.Webhook(notify.WebhookOptions{URL: address + "/hook/" + secret, Secret: []byte(key)})
	},
	"slack": func(address string) (perfmon.Notifier, error) {
		return notify.Slack(notify.SlackOptions{URL: address + "/services/" + secret, ImageURL: imageURL})
	},
	"teams": func(address string) (perfmon.Notifier, error) {
		return notify.Teams(notify.TeamsOptions{URL: address + "/workflows/" + secret + "?sig=" + secret, ImageURL: imageURL})
	},
	"pagerduty": func(address string) (perfmon.Notifier, error) {
		return notify.PagerDuty(notify.PagerDutyOptions{URL: address, RoutingKey: key, ImageURL: imageURL})
	},
	"ntfy": func(address string) (perfmon.Notifier, error) {
		return notify.Ntfy(notify.NtfyOptions{URL: address, Topic: "shop", Token: "tk_" + secret})
	},
	"alertmanager": func(address string) (perfmon.Notifier, error) {
		return notify.Alertmanager(notify.AlertmanagerOptions{URL: address, HTTP: notify.HTTP{Header: map[string]string{"Authorization": "Bearer " + secret}}})
	},
}

func imageURL(n perfmon.Notification, i perfmon.Image) string {
	return "https://charts.example/" + n.ID + "/" + i.Name
}

func channel(t testing.TB, name, address string) perfmon.Notifier {
	t.Helper()
	n, err := channels[name](address)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var now = time.Date(2026, 11, 25, 20, 31, 0, 0, time.UTC)

// opened is a critical alert of an endpoint's response time, and a warning of the service.
func opened() perfmon.Notification {
	slow := alert("01K1", perfmon.ResponseTimeP95, "s", perfmon.Critical, 6.1, 5)
	slow.Message = "response_time_p95 of service is 6.1 s, past the critical limit of 5 s"
	full := alert("01K2", perfmon.DatabasePoolUsage, "%", perfmon.Warning, 87.5, 80)
	full.Message = "database_pool_usage of service is 87.5 %, past the warning limit of 80 %"
	return perfmon.Notification{
		ID: "01KABC", Kind: perfmon.NotifyAlerts, Time: now,
		Service: perfmon.Service{Name: "shop", Environment: "production", Instance: "shop-1", Version: "1.4.2"},
		Title:   "2 alerts of shop, the worst critical: response_time_p95 of service", Text: "…",
		Alerts: []perfmon.AlertNotice{notice(slow, perfmon.ChangeOpened), notice(full, perfmon.ChangeOpened)},
		Link:   "https://perf.example/?at=1&x=2",
		Charts: []perfmon.Image{{Name: "response_time_p95.png", Alt: "response_time_p95, the last hour", ContentType: "image/png", Data: []byte("\x89PNG…")}},
	}
}

func alert(id, metric, unit string, severity perfmon.Severity, value, limit float64) perfmon.Alert {
	at := now.Add(-12 * time.Minute)
	return perfmon.Alert{
		ID: id, Metric: metric, Unit: unit, Severity: severity, State: perfmon.AlertOpen, Cause: perfmon.CauseThreshold,
		Value: perfmon.ValueOf(value), Threshold: perfmon.ValueOf(limit), OpenedAt: at, UpdatedAt: at,
		Changes: []perfmon.AlertTransition{{Change: perfmon.ChangeOpened, At: at, By: perfmon.ByMonitor, Severity: severity, Value: perfmon.ValueOf(value), Threshold: perfmon.ValueOf(limit)}},
	}
}

func notice(a perfmon.Alert, change perfmon.AlertChange) perfmon.AlertNotice {
	n := perfmon.AlertNotice{DedupKey: "shop/" + a.ID, Link: "https://perf.example/#alert-" + a.ID, Runbook: "https://wiki.example/runbooks/" + a.Metric}
	n.Alert, n.Change, n.At, n.By = a, change, a.UpdatedAt, perfmon.ByMonitor
	if a.Metric == perfmon.ResponseTimeP95 {
		n.Worst = []perfmon.RequestStats{
			{Scope: perfmon.Scope{Endpoint: "GET /orders/{id}"}, Requests: 1200, Errors: 3, P95: perfmon.ValueOf(7.3), ErrorRate: perfmon.ValueOf(0.25)},
			{Scope: perfmon.Scope{Endpoint: "POST /cart"}, Requests: 1, P95: perfmon.ValueOf(0.038)},
		}
	}
	return n
}

// changed is the first alert of opened after a further change.
func changed(change perfmon.AlertChange, state perfmon.AlertState, by string) perfmon.Notification {
	n := opened()
	n.Title, n.Charts = "", nil
	a := n.Alerts[0]
	a.Alert.State, a.Alert.UpdatedAt, a.Change, a.At, a.By = state, now, change, now, by
	a.Alert.Changes = append(a.Alert.Changes, perfmon.AlertTransition{Change: change, At: now, By: by, Severity: a.Alert.Severity, Value: perfmon.ValueOf(1.2), Threshold: a.Alert.Threshold})
	if change == perfmon.ChangeEscalated {
		a.Alert.Changes[0].Severity = perfmon.Warning
	}
	n.Alerts = []perfmon.AlertNotice{a}
	return n
}

func report() perfmon.Notification {
	n := opened()
	n.Kind, n.Title, n.Alerts, n.Charts = perfmon.NotifyReport, "Weekly report of shop", nil, nil
	n.Report = &perfmon.WeeklyReport{
		From: now.AddDate(0, 0, -7), Until: now, Requests: perfmon.RequestStats{Requests: 1_234_567, Errors: 890, P95: perfmon.ValueOf(0.31), ErrorRate: perfmon.ValueOf(0.072)},
		Worse:          []perfmon.WeeklyChange{{Metric: "response_time_p95", Unit: "s", Before: perfmon.ValueOf(0.2), After: perfmon.ValueOf(0.31), Percent: perfmon.ValueOf(55)}},
		Better:         []perfmon.WeeklyChange{{Metric: "cache_hit_rate", Unit: "%", Before: perfmon.ValueOf(80), After: perfmon.ValueOf(92), Percent: perfmon.ValueOf(15)}},
		Alerts:         []perfmon.ReportAlert{{Alert: opened().Alerts[0].Alert, DurationSeconds: 720}},
		WorstEndpoints: opened().Alerts[0].Worst,
		Deploys:        []perfmon.Marker{{At: now.AddDate(0, 0, -3), Kind: perfmon.MarkerDeploy, Version: "1.4.2"}},
	}
	return n
}

// kinds are what a channel may be told.
func kinds() map[string]perfmon.Notification {
	reminder, test, many := opened(), opened(), opened()
	reminder.Kind, reminder.Title = perfmon.NotifyReminder, "Reminder: 2 alerts of shop"
	test.Kind, test.Title, test.Alerts, test.Charts = perfmon.NotifyTest, "Test of shop", nil, nil
	for len(many.Alerts) < 60 {
		many.Alerts = append(many.Alerts, many.Alerts[0])
	}
	many.More = 943
	long := many // each alert says as much as it may
	long.Charts, long.Alerts = nil, nil
	for _, a := range many.Alerts {
		a.Alert.Message, a.Worst = strings.Repeat("long ", 300), nil
		long.Alerts = append(long.Alerts, a)
	}
	return map[string]perfmon.Notification{
		"opened": opened(), "reminder": reminder, "test": test, "report": report(), "many": many, "long": long, "hostile": hostile(),
		"escalated":    changed(perfmon.ChangeEscalated, perfmon.AlertOpen, perfmon.ByMonitor),
		"acknowledged": changed(perfmon.ChangeAcknowledged, perfmon.AlertAcknowledged, "ann"),
		"dismissed":    changed(perfmon.ChangeDismissed, perfmon.AlertDismissed, "bob"),
		"resolved":     changed(perfmon.ChangeResolved, perfmon.AlertResolved, perfmon.ByMonitor),
	}
}

// hostileText is what a client may make a route, an organization or a version say.
const hostileText = "<!channel> <@U123> @everyone *b* _i_ `c` [x](https://evil.example) <at>all</at> <b onclick=\"x\">&amp; \r\nBcc: all@example.com\n\x00\u202e{{DATE(2017-02-14T06:08:39Z)}}"

// hostile is a notification with such texts all over.
func hostile() perfmon.Notification {
	n := opened()
	n.Title, n.Service.Name, n.Service.Instance = hostileText, hostileText, hostileText
	for i := range n.Alerts {
		n.Alerts[i].Alert.Message, n.Alerts[i].Alert.Endpoint, n.Alerts[i].Alert.Organization = hostileText, hostileText, hostileText
		n.Alerts[i].Link, n.Alerts[i].Runbook = "javascript:alert(1)", "https://wiki.example/a|b>c<!channel>?a=1&b=\"2\""
		for j := range n.Alerts[i].Worst {
			n.Alerts[i].Worst[j].Endpoint = hostileText
		}
	}
	n.Charts[0].Name, n.Charts[0].Alt = "../"+hostileText, hostileText
	return n
}

func decode(t testing.TB, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%v in %.300s", err, data)
	}
}
