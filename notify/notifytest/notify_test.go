package notifytest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// service is one whose alerts go to an Alertmanager.
type service struct {
	t        *testing.T
	notifier perfmon.Notifier
	alert    perfmon.Alert
}

func connect(t *testing.T, a *alertmanager, metric string, severity perfmon.Severity) *service {
	t.Helper()
	n, err := notify.Alertmanager(notify.AlertmanagerOptions{URL: a.url, Labels: map[string]string{"team": "shop"}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	return &service{t, n, perfmon.Alert{
		ID: "01K1", Metric: metric, Scope: perfmon.Scope{Endpoint: "GET /orders/{id}"}, Severity: severity, State: perfmon.AlertOpen, Unit: "s",
		Value: perfmon.ValueOf(6.1), Threshold: perfmon.ValueOf(5), Message: metric + " is 6.1 s", OpenedAt: at,
		Changes: []perfmon.AlertTransition{{Change: perfmon.ChangeOpened, At: at, By: perfmon.ByMonitor, Severity: severity}},
	}}
}

// tell tells of a change.
func (s *service) tell(kind perfmon.NotificationKind, change perfmon.AlertChange) {
	s.t.Helper()
	notice := perfmon.AlertNotice{DedupKey: "shop/" + s.alert.ID, Runbook: "https://wiki.example/slow", Link: "https://perf.example/#" + s.alert.ID}
	notice.Alert, notice.Change, notice.At, notice.By = s.alert, change, time.Now(), perfmon.ByMonitor
	n := perfmon.Notification{ID: "01K", Kind: kind, Time: time.Now(), Service: perfmon.Service{Name: "shop", Environment: "production"}, Alerts: []perfmon.AlertNotice{notice}}
	if err := s.notifier.Notify(s.t.Context(), n); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) becomes(change perfmon.AlertChange, state perfmon.AlertState, severity perfmon.Severity) {
	s.t.Helper()
	s.alert.State, s.alert.Severity = state, severity
	s.alert.Changes = append(s.alert.Changes, perfmon.AlertTransition{Change: change, At: time.Now(), By: "ann", Severity: severity})
	s.tell(perfmon.NotifyAlerts, change)
}

// An alert opens, gets worse, is acknowledged and is over: Alertmanager tells each of it that
// it can, once, and holds the alert meanwhile, whatever its resolve_timeout.
func TestLifeOfAnAlert(t *testing.T) {
	a := start(t)
	s := connect(t, a, "response_time_p95", perfmon.Warning)
	s.tell(perfmon.NotifyAlerts, perfmon.ChangeOpened)
	got := a.hears(t, `warning of response_time_p95 is "firing"`)
	for name, want := range map[string]string{"service": "shop", "environment": "production", "endpoint": "GET /orders/{id}", "team": "shop"} {
		if got.Labels[name] != want {
			t.Errorf("the label %s is %q, want %q", name, got.Labels[name], want)
		}
	}
	for name, want := range map[string]string{"description": "response_time_p95 is 6.1 s", "value": "6.1 s", "threshold": "5 s", "runbook_url": "https://wiki.example/slow", "alert_id": "01K1"} {
		if got.Annotations[name] != want {
			t.Errorf("the annotation %s is %q, want %q", name, got.Annotations[name], want)
		}
	}
	if !got.StartsAt.Equal(s.alert.OpenedAt) || got.GeneratorURL != "https://perf.example/#01K1" {
		t.Errorf("it starts at %v, by %s", got.StartsAt, got.GeneratorURL)
	}

	s.becomes(perfmon.ChangeEscalated, perfmon.AlertOpen, perfmon.Critical)
	a.hears(t, `critical of response_time_p95 is "firing"`)
	a.hears(t, `warning of response_time_p95 is "resolved"`)

	s.becomes(perfmon.ChangeAcknowledged, perfmon.AlertAcknowledged, perfmon.Critical)
	list := a.list(t)
	if len(list) != 1 || list[0].Labels["severity"] != "critical" || list[0].Annotations["acknowledged_by"] != "ann" {
		t.Fatalf("it lists %v", list)
	}
	if ahead := time.Until(list[0].EndsAt); ahead < 15*time.Minute || ahead > 20*time.Minute {
		t.Errorf("it ends in %v", ahead)
	}

	s.becomes(perfmon.ChangeResolved, perfmon.AlertResolved, perfmon.Critical)
	a.hears(t, `critical of response_time_p95 is "resolved"`)
	a.until(t, "nothing is listed", func() bool { return len(a.list(t)) == 0 })
}

// A reminder keeps the alert, and moves its end.
func TestReminder(t *testing.T) {
	a := start(t)
	s := connect(t, a, "error_rate", perfmon.Critical)
	s.tell(perfmon.NotifyAlerts, perfmon.ChangeOpened)
	before := a.list(t)[0]
	a.until(t, "the end has moved", func() bool {
		s.tell(perfmon.NotifyReminder, perfmon.ChangeOpened)
		list := a.list(t)
		if len(list) != 1 || list[0].Fingerprint != before.Fingerprint {
			t.Fatalf("it lists %v", list)
		}
		return list[0].EndsAt.After(before.EndsAt)
	})
}

// Its silences and its inhibition apply.
func TestSilencesAndInhibition(t *testing.T) {
	a := start(t)
	a.silence(t, "alertname", "error_rate")
	connect(t, a, "error_rate", perfmon.Critical).tell(perfmon.NotifyAlerts, perfmon.ChangeOpened)
	connect(t, a, "outage", perfmon.Critical).tell(perfmon.NotifyAlerts, perfmon.ChangeOpened)
	a.hears(t, `critical of outage is "firing"`)
	connect(t, a, "queue_size", perfmon.Warning).tell(perfmon.NotifyAlerts, perfmon.ChangeOpened)
	a.until(t, "the two are suppressed", func() bool {
		suppressed := 0
		for _, alert := range a.list(t) {
			if strings.Contains(string(alert.Status), `"suppressed"`) && alert.Labels["alertname"] != "outage" {
				suppressed++
			}
		}
		return suppressed == 2
	})
}

// It takes any text, a test message, and nothing twice.
func TestTextsAndTests(t *testing.T) {
	a := start(t)
	s := connect(t, a, "own", perfmon.Critical)
	s.alert.Endpoint, s.alert.Message = "GET /\"<a>\"\r\n\x00\xff{{.}}=~,}", strings.Repeat("ü<\"\\", 10_000)
	for range 3 {
		s.tell(perfmon.NotifyAlerts, perfmon.ChangeOpened)
	}
	if err := s.notifier.Notify(t.Context(), perfmon.Notification{ID: "1", Kind: perfmon.NotifyTest, Title: "Test of shop", Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	a.hears(t, `info of perfmon_test is "firing"`)
	if list := a.list(t); len(list) != 2 {
		t.Errorf("it lists %v", list)
	}
}

// What it refuses is not tried again.
func TestRefused(t *testing.T) {
	a := start(t)
	n, err := notify.Alertmanager(notify.AlertmanagerOptions{URL: a.url + "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	err = n.Notify(t.Context(), perfmon.Notification{Kind: perfmon.NotifyTest, Title: "Test"})
	if _, ok := errors.AsType[*perfmon.UndeliverableError](err); !ok {
		t.Errorf("%v", err)
	}
}
