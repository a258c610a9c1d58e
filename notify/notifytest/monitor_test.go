package notifytest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// A monitor tells an Alertmanager of 1,003 alerts in few calls. One that is started anew, and so
// has forgotten them, knows those that are active again as soon as they are refreshed.
func TestBurstAndNewStart(t *testing.T) {
	var to atomic.Pointer[httputil.ReverseProxy]
	var calls atomic.Int64
	point := func(a *alertmanager) {
		u, err := url.Parse(a.url)
		if err != nil {
			t.Fatal(err)
		}
		to.Store(httputil.NewSingleHostReverseProxy(u))
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		to.Load().ServeHTTP(w, r)
	}))
	defer front.Close()
	first := start(t)
	point(first)

	n, err := notify.Alertmanager(notify.AlertmanagerOptions{URL: front.URL})
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewMock()
	clk.Set(time.Now())
	m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithoutSystemMetrics(), perfmon.WithNotifier("am", n), perfmon.WithService(perfmon.Service{Name: "shop"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	// step lets time pass until what a listing of the Alertmanager says is so.
	step := func(a *alertmanager, what string, is func(list []toldAlert) bool) {
		t.Helper()
		a.until(t, what, func() bool {
			clk.Add(30 * time.Second)
			return is(a.list(t))
		})
	}

	var last string
	for i := range 1003 {
		raised, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "queue", Severity: perfmon.Warning, Message: "full", Scope: perfmon.Scope{Endpoint: fmt.Sprint("GET /", i)}})
		if err != nil {
			t.Fatal(err)
		}
		if last = raised.ID; i > 2 {
			continue
		}
		if _, err := m.Alerts().Acknowledge(last, "ann"); err != nil { // still active
			t.Fatal(err)
		}
	}
	step(first, "all alerts are listed", func(list []toldAlert) bool { return len(list) == 1003 })
	if n := calls.Load(); n > 20 {
		t.Errorf("%d calls for 1,003 alerts", n)
	}

	second := start(t)
	point(second)
	step(second, "one that was started anew knows them", func(list []toldAlert) bool { return len(list) == 1003 })
	if _, err := m.Alerts().Resolve(last, "ann"); err != nil {
		t.Fatal(err)
	}
	step(second, "one of them is over", func(list []toldAlert) bool { return len(list) == 1002 })
}
