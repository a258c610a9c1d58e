package notify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
	"github.com/backend-prs/perfmon/notify"
)

// Every kind of notification keeps the rules of every channel.
func TestChannelsKeepTheirRules(t *testing.T) {
	for name := range channels {
		for kind, n := range kinds() {
			t.Run(name+"/"+kind, func(t *testing.T) {
				r := receive(t, nil)
				err := channel(t, name, r.URL).Notify(t.Context(), n)
				if name == "alertmanager" && kind == "report" {
					if _, ok := errors.AsType[*perfmon.UndeliverableError](err); !ok || len(r.all()) > 0 {
						t.Errorf("%v after %d calls: Alertmanager takes no reports", err, len(r.all()))
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(r.all()) == 0 {
					t.Fatal("nothing was sent")
				}
				for _, c := range r.all() {
					rules[name](t, c)
				}
			})
		}
	}
}

// What a channel shows, for people to look at.
func TestMessages(t *testing.T) {
	for _, name := range []string{"slack", "teams", "pagerduty", "ntfy", "alertmanager"} {
		for _, kind := range []string{"opened", "escalated", "resolved", "report"} {
			if name == "alertmanager" && kind == "report" {
				continue
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				r := receive(t, nil)
				n := kinds()[kind]
				if name == "ntfy" {
					n.Charts = nil // what is sent beside a picture is in headers
				}
				if err := channel(t, name, r.URL).Notify(t.Context(), n); err != nil {
					t.Fatal(err)
				}
				var bodies []json.RawMessage
				for _, c := range r.all() {
					bodies = append(bodies, atFixedTimes(name, c.Body))
				}
				data, err := json.Marshal(bodies)
				if err != nil {
					t.Fatal(err)
				}
				golden.JSON(t, name+"_"+kind+".json", data)
			})
		}
	}
}

// atFixedTimes replaces the ends of alerts, which go by the clock on the wall.
func atFixedTimes(name string, body []byte) []byte {
	if name != "alertmanager" {
		return body
	}
	return regexp.MustCompile(`"endsAt":"[^"]*"`).ReplaceAll(body, []byte(`"endsAt":"…"`))
}

func TestPlainText(t *testing.T) {
	for kind, n := range kinds() {
		if kind != "many" && kind != "long" {
			golden.Text(t, "plain_"+kind+".txt", []byte(notify.Compose(n).Title+"\n\n"+notify.Compose(n).Plain()+"\n"))
		}
	}
}

// A message that is cut says so.
func TestSaysWhatDidNotFit(t *testing.T) {
	for _, name := range []string{"slack", "teams"} {
		r := receive(t, nil)
		if err := channel(t, name, r.URL).Notify(t.Context(), kinds()["many"]); err != nil {
			t.Fatal(err)
		}
		body := string(r.last(t).Body)
		for _, want := range []string{"more did not fit here", "943 more alerts not listed here"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
	}
}

// An alert is one incident: opened, worse, acknowledged and over under one key.
func TestPagerDutyActions(t *testing.T) {
	r := receive(t, nil)
	p := channel(t, "pagerduty", r.URL)
	var got []string
	for _, kind := range []string{"escalated", "acknowledged", "resolved", "dismissed"} {
		if err := p.Notify(t.Context(), kinds()[kind]); err != nil {
			t.Fatal(err)
		}
		var e struct {
			Action   string `json:"event_action"`
			DedupKey string `json:"dedup_key"`
		}
		decode(t, r.last(t).Body, &e)
		got = append(got, e.Action+" "+e.DedupKey)
	}
	want := []string{"trigger shop/01K1", "acknowledge shop/01K1", "resolve shop/01K1", "resolve shop/01K1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An event that PagerDuty refuses keeps no other from being told.
func TestPagerDutyGoesOnAfterARefusal(t *testing.T) {
	first := true
	r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		if first {
			w.WriteHeader(400)
		}
		first = false
	})
	err := channel(t, "pagerduty", r.URL).Notify(t.Context(), opened())
	if _, ok := errors.AsType[*perfmon.UndeliverableError](err); !ok || len(r.all()) != 2 {
		t.Errorf("%d events, and %v", len(r.all()), err)
	}
}

func TestPagerDutyKeysAreShort(t *testing.T) {
	r := receive(t, nil)
	p := channel(t, "pagerduty", r.URL)
	keys := map[string]bool{}
	for _, end := range []string{"a", "b", "a"} {
		n := changed(perfmon.ChangeResolved, perfmon.AlertResolved, "ann")
		n.Alerts[0].DedupKey = strings.Repeat("ü", 300) + end
		if err := p.Notify(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		var e struct {
			DedupKey string `json:"dedup_key"`
		}
		decode(t, r.last(t).Body, &e)
		within(t, "dedup_key", e.DedupKey, 1, 255)
		keys[e.DedupKey] = true
	}
	if len(keys) != 2 {
		t.Errorf("%d keys, want 2", len(keys))
	}
}

// A phone is loud for what is open, and as loud as it is told to be.
func TestNtfyPriorities(t *testing.T) {
	for kind, want := range map[string][2]int{
		"opened": {5, 4}, "reminder": {5, 4}, "escalated": {5, 2}, "acknowledged": {3, 3}, "dismissed": {3, 3}, "resolved": {3, 3}, "report": {2, 2}, "test": {3, 3},
	} {
		for i, priorities := range []map[perfmon.Severity]int{nil, {perfmon.Critical: 2}} {
			r := receive(t, nil)
			ntfy, err := notify.Ntfy(notify.NtfyOptions{URL: r.URL, Topic: "shop", Priorities: priorities, WithoutCharts: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := ntfy.Notify(t.Context(), kinds()[kind]); err != nil {
				t.Fatal(err)
			}
			var m struct{ Priority int }
			if decode(t, r.last(t).Body, &m); m.Priority != want[i] {
				t.Errorf("%s has priority %d by %v, want %d", kind, m.Priority, priorities, want[i])
			}
		}
	}
}

// A server that takes no attachment gets the message alone.
func TestNtfyAttachesTheChart(t *testing.T) {
	for code, want := range map[int][]string{200: {"PUT"}, 400: {"PUT", "POST"}, 413: {"PUT", "POST"}, 500: {"PUT"}, 403: {"PUT"}} {
		r := receive(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "PUT" {
				w.WriteHeader(code)
			}
		})
		err := channel(t, "ntfy", r.URL).Notify(t.Context(), opened())
		var got []string
		for _, c := range r.all() {
			got = append(got, c.Method)
		}
		if !slices.Equal(got, want) || (err == nil) != (code == 200 || len(want) == 2) {
			t.Errorf("%d: %v and %v, want %v", code, got, err, want)
		}
		if first := r.all()[0]; !bytes.Equal(first.Body, opened().Charts[0].Data) {
			t.Errorf("the chart is %q", first.Body)
		}
	}
}

// An alert that changes its severity ends under the old one; one that is over ends under both.
func TestAlertmanagerEnds(t *testing.T) {
	for kind, want := range map[string][]string{
		"opened":       {"critical for 20m0s", "warning for 20m0s"},
		"escalated":    {"warning is over", "critical for 20m0s"},
		"acknowledged": {"critical for 20m0s"}, "resolved": {"critical is over"}, "dismissed": {"critical is over"},
	} {
		r := receive(t, nil)
		before := time.Now()
		if err := channel(t, "alertmanager", r.URL).Notify(t.Context(), kinds()[kind]); err != nil {
			t.Fatal(err)
		}
		after := time.Now()
		var list []struct {
			Labels map[string]string
			EndsAt time.Time
		}
		decode(t, r.last(t).Body, &list)
		var got []string
		for _, a := range list {
			text := fmt.Sprint(a.Labels["severity"], " ends at ", a.EndsAt)
			for end, words := range map[time.Duration]string{0: "is over", 20 * time.Minute: "for 20m0s"} {
				if at := a.EndsAt.Add(-end); !at.Before(before.Truncate(0)) && !at.After(after.Truncate(0)) {
					text = a.Labels["severity"] + " " + words
				}
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

func TestAlertmanagerLabels(t *testing.T) {
	r := receive(t, nil)
	a, err := notify.Alertmanager(notify.AlertmanagerOptions{URL: r.URL + "/am/", Labels: map[string]string{"team": "shop", "instance": ""}, Annotations: map[string]string{"summary": "own"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Notify(t.Context(), changed(perfmon.ChangeResolved, perfmon.AlertResolved, "ann")); err != nil {
		t.Fatal(err)
	}
	var list []struct{ Labels, Annotations map[string]string }
	decode(t, r.last(t).Body, &list)
	want := map[string]string{"alertname": "response_time_p95", "severity": "critical", "service": "shop", "environment": "production", "team": "shop"}
	if diff := cmp.Diff(want, list[0].Labels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if list[0].Annotations["summary"] != "own" || r.last(t).Path != "/am/api/v2/alerts" {
		t.Errorf("%s: %v", r.last(t).Path, list[0].Annotations)
	}
}

// What connectors of Teams answered with 200 was a failure.
func TestTeamsThatFailsWith200(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"))
	})
	if err := channel(t, "teams", r.URL).Notify(t.Context(), opened()); err == nil {
		t.Error("it says that it was delivered")
	}
}

func TestTeamsInlineCharts(t *testing.T) {
	for size, want := range map[int]bool{8 << 10: true, 100 << 10: false} {
		r := receive(t, nil)
		teams, err := notify.Teams(notify.TeamsOptions{URL: r.URL, InlineCharts: true})
		if err != nil {
			t.Fatal(err)
		}
		n := opened()
		n.Charts[0].Data = make([]byte, size)
		if err := teams.Notify(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		teamsRules(t, r.last(t))
		if got := bytes.Contains(r.last(t).Body, []byte("data:image/png;base64,AAAA")); got != want {
			t.Errorf("a chart of %d bytes is in the card: %t", size, got)
		}
	}
}
