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
	"sync"
	"testing"
	"time"
)

// The race detector makes all sides slow in ways of their own, so this runs without it.

// What perfmon measures agrees with two others that see the same requests: a load tool
// for how many there are and how fast they come, and a witness on the server's side,
// around perfmon's middleware, for how long they take. The machine may be busy with
// something else: the best of three runs counts.
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
			t.Errorf("perfmon does not agree: %s", strings.Join(problems, "; "))
		})
	}
}

// witness times every request of one path, in the plainest way.
type witness struct {
	path  string
	mu    sync.Mutex
	times []float64 // seconds
}

func (w *witness) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != w.path {
			next.ServeHTTP(rw, r)
			return
		}
		start := time.Now()
		next.ServeHTTP(rw, r)
		took := time.Since(start)
		w.mu.Lock()
		w.times = append(w.times, took.Seconds())
		w.mu.Unlock()
	})
}

// sorted returns all times, the shortest first.
func (w *witness) sorted() []float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.times))
}

// quantile is the smallest value with at least the share q of all at or below it.
func quantile(sorted []float64, q float64) float64 {
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}

type load struct{ endpoint, method, path string }

// compare runs the load once and returns where perfmon differs.
func (l load) compare(t *testing.T, hey string) (problems []string) {
	t.Helper()
	w := &witness{path: l.path}
	q := launch(t, config{step: time.Second, interval: time.Second, around: w.around})
	defer q.stop()
	const workers, perSecond, seconds = 2, 100, 6
	out, err := exec.Command(hey, "-c", fmt.Sprint(workers), "-q", fmt.Sprint(perSecond), "-z", fmt.Sprintf("%ds", seconds),
		"-m", l.method, "-H", "Cookie: "+login(t, q.base), "-o", "csv", q.base+l.path).Output()
	if err != nil {
		t.Fatal(err)
	}
	count, last := parseHey(t, string(out))
	differ := func(what string, got float64, other string, want, allowed float64) {
		t.Logf("%s: perfmon %.5g, %s %.5g", what, got, other, want)
		if math.Abs(got-want) > allowed {
			problems = append(problems, fmt.Sprintf("%s is %.5g, %s says %.5g", what, got, other, want))
		}
	}

	// The last requests are counted at the next step, a second later at most.
	var d dashboard
	at := -1
	for deadline := time.Now().Add(10 * time.Second); at < 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not all of %d requests are counted: %+v", count, d.Endpoints)
		}
		q.get("dashboard/?hours=0.1&points=10000", &d)
		for i, e := range d.Endpoints {
			if e.Endpoint == l.endpoint && e.Requests >= count {
				at = i
			}
		}
	}
	e := d.Endpoints[at]
	differ("requests", float64(e.Requests), "hey", float64(count), 0)
	times := w.sorted()
	differ("requests", float64(e.Requests), "the witness", float64(len(times)), 0)
	for _, p := range []struct{ q, got float64 }{{0.5, e.P50}, {0.95, e.P95}, {0.99, e.P99}} {
		// What lies between the two takes time as well, but never 20 µs.
		want := quantile(times, p.q)
		differ(fmt.Sprintf("p%g in ms", 100*p.q), p.got*1e3, "the witness", want*1e3, 0.01*want*1e3+0.020)
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
	want := float64(count) / last
	differ("rps", rates[len(rates)/2], "hey", want, 0.05*want)
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

// parseHey reads hey's CSV: how many requests there were, and when the last one ended.
func parseHey(t *testing.T, s string) (count int, last float64) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(s)).ReadAll()
	if err != nil || len(rows) < 2 || rows[0][0] != "response-time" || rows[0][6] != "status-code" || rows[0][7] != "offset" {
		t.Fatalf("hey printed %.200q, %v", s, err)
	}
	for _, row := range rows[1:] {
		took, err1 := strconv.ParseFloat(row[0], 64)
		offset, err2 := strconv.ParseFloat(row[7], 64)
		if err1 != nil || err2 != nil || row[6] != "200" {
			t.Fatalf("hey printed %q", row)
		}
		last = max(last, offset+took)
	}
	return len(rows) - 1, last
}
