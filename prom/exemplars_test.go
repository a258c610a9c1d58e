package prom_test

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/prom"
)

// In OpenMetrics, the bucket of a response whose trace is known has an exemplar, the latest
// where there are several; in the older text form nothing has.
func TestExemplars(t *testing.T) {
	b := start(t, nil, prom.WithBuckets(0.005, 0.1, 1), prom.WithPublicNames())
	traced := func(d time.Duration, status int, trace string) {
		b.request(d, "GET", "/", status)
		b.rec.Exemplar(d, "GET", "/", status, trace)
	}
	traced(5*time.Millisecond, 200, "on-the-bound")
	traced(20*time.Millisecond, 200, "earlier")
	b.clock.Add(time.Second)
	traced(90*time.Millisecond, 200, "later")
	traced(3*time.Second, 503, "slowest")
	b.step()
	const labels = `handler="/",method="GET"`
	want := []string{
		`perfmon_response_time_seconds_bucket{handler="/",method="GET",le="0.005"} 1 # {trace_id="on-the-bound"} 0.005 1.7723664e+09`,
		`perfmon_response_time_seconds_bucket{handler="/",method="GET",le="0.1"} 3 # {trace_id="later"} 0.09 1.772366401e+09`,
		`perfmon_response_time_seconds_bucket{handler="/",method="GET",le="1.0"} 3`,
		`perfmon_response_time_seconds_bucket{handler="/",method="GET",le="+Inf"} 4 # {trace_id="slowest"} 3.0 1.772366401e+09`,
	}
	open := b.scrapeAs("application/openmetrics-text; version=1.0.0")
	got := strings.Split(strings.TrimSpace(lines(open, "perfmon_response_time_seconds_bucket")), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = []string{
		`http_request_duration_seconds_bucket{code="2xx",handler="/",method="GET",le="+Inf"} 3`,
		`http_request_duration_seconds_bucket{code="5xx",handler="/",method="GET",le="+Inf"} 1 # {trace_id="slowest"} 3.0 1.772366401e+09`,
	}
	got = nil
	for line := range strings.Lines(lines(open, "http_request_duration_seconds_bucket")) {
		if strings.Contains(line, "+Inf") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text := b.scrape(); strings.Contains(text, "trace_id") || !strings.Contains(text, labels) {
		t.Errorf("in text:\n%s", text)
	}
}

// stored is what /api/v1/query_exemplars answers.
type stored struct {
	Error string
	Data  []struct {
		SeriesLabels map[string]string
		Exemplars    []struct {
			Labels map[string]string
			Value  string
		}
	}
}

func (p *prometheusProcess) exemplars(query string) (s stored) {
	p.t.Helper()
	now := time.Now()
	at := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	answer, err := http.Get(p.url + "/api/v1/query_exemplars?" + url.Values{"query": {query}, "start": {at(-time.Hour)}, "end": {at(time.Hour)}}.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil || s.Error != "" {
		p.t.Fatalf("%s: %v, %s", query, err, s.Error)
	}
	return s
}

// checkExemplars checks that a Prometheus leads from the buckets of each endpoint to traces
// of its requests, or from a native histogram where there is no suffix. They took as long as the bucket says and failed if its series says so.
func checkExemplars(t *testing.T, s *shop, p *prometheusProcess, suffix string) {
	t.Helper()
	found := map[string]int{}
	for _, name := range []string{"perfmon_response_time_seconds", "http_request_duration_seconds"} {
		for _, series := range p.exemplars(name + suffix).Data {
			labels := series.SeriesLabels
			upper := math.Inf(1)
			if suffix != "" {
				var err error
				if upper, err = strconv.ParseFloat(labels["le"], 64); err != nil {
					t.Errorf("%v: %v", labels, err)
				}
			}
			for _, e := range series.Exemplars {
				trace := e.Labels["trace_id"]
				number, err := strconv.ParseInt(trace, 16, 64)
				if err != nil || len(trace) != 32 {
					t.Fatalf("%v: trace %q", labels, trace)
				}
				want := "GET"
				if (number-1)%4 == 0 {
					want = "POST"
				}
				value, err := strconv.ParseFloat(e.Value, 64)
				_, failed := s.failed.Load(trace)
				code := labels["code"]
				if labels["method"] != want || err != nil || !(value > 0 && value <= upper) || code != "" && failed != (code == "5xx") {
					t.Errorf("%v has trace %d of %s s, failed: %v", labels, number, e.Value, failed)
				}
				found[name+" "+labels["method"]+" "+code]++
			}
		}
	}
	t.Logf("exemplars: %v", found)
	for _, key := range []string{
		"perfmon_response_time_seconds GET ", "perfmon_response_time_seconds POST ", "http_request_duration_seconds GET 2xx",
		"http_request_duration_seconds POST 2xx", "http_request_duration_seconds POST 5xx",
	} {
		if found[key] == 0 {
			t.Errorf("%s has no exemplar", key)
		}
	}
}
