//go:build !race

package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The race detector makes both sides slow in ways of their own, so this runs without it.

// What perfmon measures agrees with what a load tool measures of the same requests. The
// tool also measures the client's side, on a machine that others may keep busy: the best
// of three runs counts.
func TestAgreesWithHey(t *testing.T) {
	hey, err := exec.LookPath("hey")
	if err != nil {
		t.Fatal("this test needs the load tool hey: apt-get install hey")
	}
	for _, load := range []load{
		{"GET /products", "GET", "/products"},
		{"POST /orders/{id}/pay", "POST", "/orders/1/pay"}, // calls the provider, which takes 5 ms
	} {
		t.Run(load.endpoint, func(t *testing.T) {
			var problems []string
			for range 3 {
				if problems = load.compare(t, hey); len(problems) == 0 {
					return
				}
			}
			t.Errorf("perfmon and hey do not agree: %s", strings.Join(problems, "; "))
		})
	}
}

type load struct{ endpoint, method, path string }

// compare runs the load once and returns where the two differ.
func (l load) compare(t *testing.T, hey string) (problems []string) {
	t.Helper()
	q := launch(t, config{step: time.Second, interval: time.Second})
	defer q.stop()
	const workers, perSecond, seconds = 2, 100, 6
	out, err := exec.Command(hey, "-c", fmt.Sprint(workers), "-q", fmt.Sprint(perSecond), "-z", fmt.Sprintf("%ds", seconds),
		"-m", l.method, "-H", "Cookie: "+login(t, q.base), "-o", "csv", q.base+l.path).Output()
	if err != nil {
		t.Fatal(err)
	}
	times, last := parseHey(t, string(out))
	differ := func(what string, got, want, allowed float64) {
		t.Logf("%s: perfmon %.5g, hey %.5g", what, got, want)
		if math.Abs(got-want) > allowed {
			problems = append(problems, fmt.Sprintf("%s is %.5g, hey says %.5g", what, got, want))
		}
	}

	// The last requests are counted at the next step, a second later at most.
	var d dashboard
	at := -1
	for deadline := time.Now().Add(10 * time.Second); at < 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not all of %d requests are counted: %+v", len(times), d.Endpoints)
		}
		q.get("dashboard/?hours=0.1&points=10000", &d)
		for i, e := range d.Endpoints {
			if e.Endpoint == l.endpoint && e.Requests >= len(times) {
				at = i
			}
		}
	}
	e := d.Endpoints[at]
	differ("requests", float64(e.Requests), float64(len(times)), 0)
	for _, p := range []struct{ quantile, got, slack float64 }{{0.5, e.P50, 0.001}, {0.95, e.P95, 0.001}, {0.99, e.P99, 0.002}} {
		want := times[int(math.Ceil(p.quantile*float64(len(times))))-1]
		differ(fmt.Sprintf("p%g in ms", 100*p.quantile), p.got*1e3, want*1e3, 50*want+1e3*p.slack)
	}
	// Of the seconds with traffic, the first and the last are not whole: the median is.
	var rates []float64
	for _, v := range d.Series.Metrics["throughput_rps"].Values {
		if v != nil && *v > 1 {
			rates = append(rates, *v)
		}
	}
	slices.Sort(rates)
	if len(rates) < seconds-1 {
		t.Fatalf("%d seconds with traffic, want about %d", len(rates), seconds)
	}
	want := float64(len(times)) / last
	differ("rps", rates[len(rates)/2], want, 0.05*want)
	return problems
}

// login returns a session cookie.
func login(t *testing.T, base string) string {
	t.Helper()
	resp, err := http.PostForm(base+"/login", url.Values{"user": {"ann"}, "organization": {"acme"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent || len(resp.Cookies()) != 1 {
		t.Fatalf("login: %s", resp.Status)
	}
	return resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value
}

// parseHey reads hey's CSV: response times, sorted, and when the last request ended.
func parseHey(t *testing.T, s string) (times []float64, last float64) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(s)).ReadAll()
	if err != nil || len(rows) < 2 || rows[0][0] != "response-time" || rows[0][6] != "status-code" || rows[0][7] != "offset" {
		t.Fatalf("hey printed %.200q, %v", s, err)
	}
	for _, row := range rows[1:] {
		d, err1 := strconv.ParseFloat(row[0], 64)
		offset, err2 := strconv.ParseFloat(row[7], 64)
		if err1 != nil || err2 != nil || row[6] != "200" {
			t.Fatalf("hey printed %q", row)
		}
		times = append(times, d)
		last = max(last, offset+d)
	}
	slices.Sort(times)
	return times, last
}
