package screen_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/benbjohnson/clock"
	"github.com/charmbracelet/x/ansi"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/screen"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

var keys = []string{perfmon.ResponseTimeP95, perfmon.ThroughputRPS, perfmon.ErrorRate}

func model(t *testing.T) (*screen.Model, *clock.Mock) {
	t.Helper()
	base, err := client.Parse("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(base, "", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	return screen.New(context.Background(), c, mock, time.UTC, text.Style{}, keys, func(string) string { return "s" }), mock
}

// loaded is a dashboard with n alerts and endpoints, whose texts are as long as may be.
func loaded(n int) screen.Loaded {
	d := &perfmon.Dashboard{
		Service: perfmon.ServiceStatus{Service: perfmon.Service{Name: strings.Repeat("shop ", 30), Version: "v1"}},
		Health:  perfmon.Health{Status: perfmon.HealthCritical, Reason: strings.Repeat("It is bad. ", 60), Since: time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)},
		Series:  perfmon.Series{Metrics: map[string]perfmon.Column{keys[0]: {Unit: "s", Values: make(perfmon.Values, 300)}}},
	}
	for i := range n {
		d.Endpoints = append(d.Endpoints, perfmon.RequestStats{Scope: perfmon.Scope{Endpoint: strings.Repeat("/ä", 100)}, Requests: 1e12})
		d.Alerts = append(d.Alerts, perfmon.Alert{
			ID: fmt.Sprint("alert", i), State: []perfmon.AlertState{perfmon.AlertResolved, perfmon.AlertOpen, perfmon.AlertAcknowledged}[i%3],
			Severity: []perfmon.Severity{perfmon.Warning, perfmon.Critical}[i%2], Message: strings.Repeat("very bad ", 40) + "\x1b[31m\n" + fmt.Sprint(i),
		})
	}
	return screen.Loaded{Dashboard: d}
}

// Whatever the size, the screen fits: as many lines as there are, none too wide, and no
// text of others moves the cursor.
func TestSizes(t *testing.T) {
	for _, n := range []int{0, 1, 40} {
		for _, help := range []bool{false, true} {
			m, _ := model(t)
			m.Update(loaded(n))
			m.Update(client.Event{Connected: true})
			if help {
				m.Update(tea.KeyPressMsg{Code: '?', Text: "?"})
			}
			for _, width := range []int{1, 2, 10, 20, 40, 79, 80, 81, 200} {
				for _, height := range []int{1, 2, 3, 5, 10, 23, 24, 25, 60} {
					m.Update(tea.WindowSizeMsg{Width: width, Height: height})
					content := m.View().Content
					lines := strings.Split(content, "\n")
					if len(lines) != height {
						t.Errorf("%d lines at %d×%d with %d alerts", len(lines), width, height, n)
					}
					for _, line := range lines {
						if w := ansi.StringWidth(line); w > width {
							t.Errorf("%d columns at %d×%d: %q", w, width, height, line)
						}
					}
					if strings.Contains(content, "\x1b") {
						t.Errorf("an escape gets through: %q", content)
					}
				}
			}
		}
	}
}

// At 80×24 there are metrics, endpoints and alerts, however many there are, and the
// selected alert is always seen.
func TestRoom(t *testing.T) {
	m, _ := model(t)
	m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	m.Update(loaded(40))
	for i := range 45 {
		content := m.View().Content
		for _, want := range []string{"response_time_p95", "endpoints", "alerts: 26 active, 40 in the last hour", "▸ ", "q quit"} {
			if !strings.Contains(content, want) {
				t.Fatalf("after %d moves there is no %q:\n%s", i, want, content)
			}
		}
		m.Update(tea.KeyPressMsg{Code: tea.KeyDown})
	}
}

// Until somebody moves it, the selection is on the worst alert; then it stays where it
// is.
func TestSelection(t *testing.T) {
	m, _ := model(t)
	m.Update(tea.WindowSizeMsg{Width: 400, Height: 40})
	selected := func() string {
		_, line, _ := strings.Cut(m.View().Content, "▸ ")
		line, _, _ = strings.Cut(line, "\n")
		fields := strings.Fields(line)
		return fields[1] + " " + fields[2] + " " + fields[len(fields)-1]
	}
	alert := func(id string, s perfmon.Severity, state perfmon.AlertState) perfmon.Alert {
		return perfmon.Alert{ID: id, Severity: s, State: state, Message: id}
	}
	load := func(list ...perfmon.Alert) { m.Update(screen.Loaded{Dashboard: &perfmon.Dashboard{Alerts: list}}) }
	old, warning := alert("old", perfmon.Critical, perfmon.AlertResolved), alert("w", perfmon.Warning, perfmon.AlertOpen)
	load(old)
	load(warning, old)
	if got := selected(); got != "warning open w" {
		t.Error(got)
	}
	load(warning, old, alert("c", perfmon.Critical, perfmon.AlertOpen))
	if got := selected(); got != "critical open c" {
		t.Error(got)
	}
	m.Update(tea.KeyPressMsg{Code: tea.KeyDown})
	load(alert("c2", perfmon.Critical, perfmon.AlertOpen), warning, old)
	if got := selected(); got != "warning open w" {
		t.Error(got)
	}
	load(old)
	if got := selected(); got != "critical resolved old" {
		t.Error(got)
	}
}

// A load that fails is said, with what is still shown and from when.
func TestFailedLoad(t *testing.T) {
	m, _ := model(t)
	m.Update(screen.Loaded{Err: errors.New("nobody answers")})
	if got := m.View().Content; !strings.Contains(got, "nobody answers") {
		t.Error(got)
	}
	m.Update(screen.Loaded{Dashboard: &perfmon.Dashboard{GeneratedAt: time.Date(2026, 3, 1, 11, 59, 0, 0, time.UTC)}})
	m.Update(screen.Loaded{Err: errors.New("nobody answers")})
	if got := m.View().Content; !strings.Contains(got, "What is below is from 11:59:00: nobody answers") || !strings.Contains(got, "alerts") {
		t.Error(got)
	}
}

// A live value counts before that of a step, and a figure of which nothing came in a
// second leaves a gap.
func TestLiveValues(t *testing.T) {
	m, mock := model(t)
	m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	m.Update(screen.Loaded{Dashboard: &perfmon.Dashboard{}})
	send := func(live bool, json string) {
		s := new(perfmon.Sample)
		if err := s.UnmarshalJSON([]byte(`{"timestamp":"2026-03-01T12:00:00Z",` + json + `}`)); err != nil {
			t.Fatal(err)
		}
		if live {
			m.Update(client.Event{Live: s})
		} else {
			m.Update(client.Event{Step: s})
		}
		mock.Add(time.Second)
	}
	send(false, `"response_time_p95":0.5,"error_rate":7,"throughput_rps":4`)
	send(true, `"response_time_p95":0.25,"error_rate":null,"throughput_rps":8`)
	send(true, `"response_time_p95":null,"error_rate":null,"throughput_rps":8`)
	send(true, `"response_time_p95":1,"error_rate":null,"throughput_rps":8`)
	content := m.View().Content
	for name, want := range map[string]string{"response_time_p95": "1 s", "error_rate": "7 s", "throughput_rps": "8 s"} { // all are in s here
		for _, line := range strings.Split(content, "\n") {
			if rest, ok := strings.CutPrefix(line, name); ok && !strings.HasPrefix(strings.TrimSpace(rest), want) {
				t.Errorf("%q, want %s", line, want)
			}
		}
	}
	if !strings.Contains(content, "▅▃ █") {
		t.Error(content)
	}
}
