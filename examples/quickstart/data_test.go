package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/httpapi"
)

// kept is what a run leaves to the next.
type kept struct {
	alerts []struct {
		ID     string `json:"alert_id"`
		State  string `json:"state"`
		Metric string `json:"metric_name"`
	}
	points   []time.Time
	settings map[string]any
}

func (q *quickstart) put(path, body string) {
	q.t.Helper()
	r, err := http.NewRequest("PUT", q.base+httpapi.DefaultPrefix+path, strings.NewReader(body))
	if err != nil {
		q.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		q.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		q.t.Fatalf("PUT %s: %d, %v", path, resp.StatusCode, err)
	}
}

func (q *quickstart) kept() (k kept) {
	q.t.Helper()
	var alerts struct {
		Alerts any `json:"alerts"`
	}
	alerts.Alerts = &k.alerts
	q.get("alerts/?hours=24", &alerts)
	var series struct {
		Series struct {
			Times []time.Time `json:"times"`
		} `json:"series"`
	}
	q.get("series/?metric=throughput_rps&hours=5&points=10000", &series)
	k.points = series.Series.Times
	var config struct {
		Settings map[string]any `json:"settings"`
	}
	q.get("config/", &config)
	k.settings = config.Settings
	return k
}

// A second run goes on with what the first one knew: points, alerts and settings.
func TestSecondRunKnowsTheFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "perfmon.db")
	c := config{traffic: true, step: time.Second, interval: time.Second, data: file}
	first := launch(t, c)
	first.await(time.Minute, "kept for the next run in "+file)
	first.await(2*time.Minute, "warning opened")
	first.put("config/", `{"updates":{"consecutive_violations":4}}`)
	first.stop()

	c.traffic = false
	second := launch(t, c)
	before := second.kept()
	if len(before.points) < 5 || len(before.alerts) == 0 {
		t.Fatalf("the second run knows %d points and %d alerts", len(before.points), len(before.alerts))
	}
	if got := before.settings["consecutive_violations"]; got != 4.0 {
		t.Errorf("consecutive_violations is %v", got)
	}
	second.stop()

	third := launch(t, c)
	after := third.kept()
	known := map[time.Time]bool{}
	for _, at := range after.points {
		known[at] = true
	}
	for _, at := range before.points {
		if !known[at] {
			t.Errorf("the point of %v is gone", at)
		}
	}
	if was, is := before.alerts[len(before.alerts)-1].ID, after.alerts[len(after.alerts)-1].ID; was != is {
		t.Errorf("the first alert was %s and is %s", was, is)
	}
}

// Without a file nothing is kept, and the program says so; a file that another run has is
// refused with what to do.
func TestDataOfOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "perfmon.db")
	first := launch(t, config{step: time.Second, interval: time.Second, data: file})
	err := run(t.Context(), config{addr: "127.0.0.1:0", token: testToken, step: time.Second, interval: time.Second, data: file}, discard{})
	if err == nil || !strings.Contains(err.Error(), `another process or monitor has it open; give each a file of its own (-data chooses another file, -data "" none)`) {
		t.Errorf("%v", err)
	}
	first.stop()
	launch(t, config{step: time.Second, interval: time.Second}).await(time.Minute, "Nothing is kept")
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
