package main

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// twoDays returns a monitor that holds so many hours of all built-in metrics, with so many
// endpoints that have a request a second, and how much memory that takes. A step is a minute.
func twoDays(hours, endpoints int) (s *stepped, bytes float64) {
	before := held()
	s = newStepped(endpoints, perfmon.WithStep(time.Minute), perfmon.WithInterval(time.Minute), perfmon.WithQueueSize(func() int { return 3 }),
		perfmon.WithMetricFunc(perfmon.Metric{Name: perfmon.DatabasePoolUsage}, func() float64 { return 50 }))
	for range 60 * hours {
		s.minute()
	}
	return s, held() - before
}

func (s *stepped) minute() {
	s.serve(60)
	s.RecordActivity("user", "session")
	s.RecordCacheHit()
	s.RecordQuery(time.Millisecond)
	s.step()
}

const token = "0123456789abcdef"

// asker asks the API of a monitor.
type asker struct{ api http.Handler }

func newAsker(m *perfmon.Monitor) asker {
	api, err := httpapi.New(m, httpapi.WithBearerToken(token))
	if err != nil {
		log.Fatal(err)
	}
	return asker{api}
}

func (a asker) ask(call string, header ...string) *httptest.ResponseRecorder {
	return a.send("GET", call, "", header...)
}

func (a asker) send(method, call, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, httpapi.DefaultPrefix+call, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.api.ServeHTTP(w, r)
	if w.Code != http.StatusOK && w.Code != http.StatusNotModified {
		log.Fatal(call, ": ", w.Code, " ", w.Body)
	}
	return w
}

// answers measures the API with 48 h and 100 endpoints held.
func answers(quick bool) string {
	hours, runs := 48, 40
	if quick {
		hours, runs = 2, 2
	}
	s, _ := twoDays(hours, 100)
	defer s.close()
	a := newAsker(s.Monitor)
	var b strings.Builder
	b.WriteString("| | ms | the fastest of 40 | KiB allocated | KiB sent |\n| --- | ---: | ---: | ---: | ---: |\n")
	row := func(name string, prepare func(), call string, header ...string) {
		sent := 0
		r := took(runs, prepare, func() { sent = a.ask(call, header...).Body.Len() })
		fmt.Fprintf(&b, "| %s | %.3f | %.3f | %.0f | %.1f |\n", name, r.ms, r.fastest, r.bytes/1024, float64(sent)/1024)
	}
	nothing := func() {}
	const dashboard = "dashboard/?hours=48&trends=true&alerts=true"
	// What is asked for again and again is derived right after a point, in a few
	// milliseconds; nobody asks that soon.
	point := func() {
		s.minute()
		time.Sleep(50 * time.Millisecond)
	}
	a.ask(dashboard)
	row("`"+dashboard+"`, the first after a point", point, dashboard)
	row("the same, asked again", nothing, dashboard)
	tag := a.ask(dashboard).Header().Get("ETag")
	if tag != "" {
		row("the same with its `ETag`: 304", nothing, dashboard, "If-None-Match", tag)
	}
	row("the same, compressed, asked again", nothing, dashboard, "Accept-Encoding", "gzip")
	for _, call := range []string{"dashboard/?hours=48&points=2880", "endpoints/?hours=48", "health/", "diagnostics/", "alerts/?hours=48", "thresholds/"} {
		row("`"+call+"`, the first after a point", point, call)
		row("the same, asked again", nothing, call)
	}
	for _, scope := range []string{"service", "endpoint"} {
		body := `{"metric_name":"error_rate","scope":"` + scope + `","hours":48,"updates":{"warning_threshold":1}}`
		r := took(runs, nothing, func() { a.send("POST", "thresholds/backtest/", body, "Content-Type", "application/json") })
		fmt.Fprintf(&b, "| `thresholds/backtest/` of each %s, 48 h | %.3f | %.3f | %.0f | |\n", scope, r.ms, r.fastest, r.bytes/1024)
	}
	runtime.KeepAlive(s)
	return b.String()
}
