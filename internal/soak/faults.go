package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// fault is something that goes wrong again and again until ctx ends.
type fault struct {
	name  string
	every time.Duration
	do    func(ctx context.Context, s *service, r *rand.Rand)
}

var faults = []fault{
	{"collectors", 2 * time.Second, turn(func(w *wrongs) *atomic.Int32 { return &w.collector })},
	{"callbacks", 3 * time.Second, turn(func(w *wrongs) *atomic.Int32 { return &w.callbacks })},
	{"logger", 3 * time.Second, turn(func(w *wrongs) *atomic.Int32 { return &w.log })},
	{"notifier", 3 * time.Second, turn(func(w *wrongs) *atomic.Int32 { return &w.notifiers })},
	{"silences", 2 * time.Second, makeNoise},
	{"store", 5 * time.Second, turn(func(w *wrongs) *atomic.Int32 { return &w.stores })},
	{"hangups", 20 * time.Millisecond, hangUp},
	{"names", 20 * time.Millisecond, hostileNames},
	{"streams", 300 * time.Millisecond, cutStream},
	{"queries", 100 * time.Millisecond, heavyQuery},
	{"bodies", 200 * time.Millisecond, wrongBody},
	{"authorizer", 200 * time.Millisecond, wrongPrincipal},
	{"settings", time.Second, changeSettings},
	{"metrics", 50 * time.Millisecond, addMetrics},
}

func faultNames() (names []string) {
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

// turn sets what is wrong with one kind of the host's code, and lets what hung come back.
func turn(of func(*wrongs) *atomic.Int32) func(context.Context, *service, *rand.Rand) {
	return func(_ context.Context, s *service, r *rand.Rand) {
		of(s.wrong).Store(int32(r.IntN(int(wrongKinds))))
		s.wrong.free()
	}
}

// hangUp sends half a request, or reads half a response.
func hangUp(ctx context.Context, s *service, r *rand.Rand) {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	text := []string{
		"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf",
		"GET /products/1 HTTP/1.1\r\nHo",
		"GET " + httpapi.DefaultPrefix + "dashboard/?hours=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n",
	}[r.IntN(4)]
	_, _ = io.WriteString(conn, text)
}

// hostileNames asks with names that nobody has.
func hostileNames(ctx context.Context, s *service, r *rand.Rand) {
	junk := fmt.Sprintf("%x", r.Uint64())
	method := []string{"GET", "PUT", "M" + junk[:4]}[r.IntN(3)]
	request, err := http.NewRequestWithContext(ctx, method, s.url+"/"+strings.Repeat("%0a"+junk, 1+r.IntN(20)), nil)
	if err != nil {
		return
	}
	request.Header.Set("Organization", "evil "+junk)
	request.Header.Set("User", junk)
	request.Header.Set("Session", strings.Repeat(junk, 20))
	send(request)
}

// send sends a request and reads what comes back, for 5 s at most.
func send(request *http.Request) (status int) {
	ctx, cancel := context.WithTimeout(request.Context(), 5*time.Second)
	defer cancel()
	response, err := http.DefaultClient.Do(request.WithContext(ctx))
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// call is a request of the API, with its token.
func (s *service) call(ctx context.Context, method, path string, body io.Reader) *http.Request {
	request, err := http.NewRequestWithContext(ctx, method, s.url+httpapi.DefaultPrefix+path, body)
	if err != nil {
		panic(err) // of the soak itself
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return request
}

// cutStream opens a stream and cuts it.
func cutStream(ctx context.Context, s *service, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(1500))*time.Millisecond)
	defer cancel()
	send(s.call(ctx, "GET", "realtime/", nil))
}

// heavyQuery asks for much, or for what is not there.
func heavyQuery(ctx context.Context, s *service, r *rand.Rand) {
	paths := []string{
		"dashboard/?hours=0.01&points=10000", "reports/?type=detailed&format=html", "reports/?type=detailed&format=csv", "trends/",
		"diagnostics/", "endpoints/", "series/?metric=pressure&points=10000", "series/?metric=nothing", "dashboard/?hours=1e308", "alerts/?limit=1000",
	}
	send(s.call(ctx, "GET", paths[r.IntN(len(paths))], nil))
}

// wrongBody sends what is no valid change.
func wrongBody(ctx context.Context, s *service, r *rand.Rand) {
	bodies := []string{
		"{", `{"metric_name": "error_rate", "updates": {"warning_threshold": 1e999}}`, strings.Repeat("[", 100_000), `{"a":1}{"b":2}`,
		`{"metric_name": "` + strings.Repeat("x", 60_000) + `"}`, "\xff\xfe",
	}
	send(s.call(ctx, "PUT", "thresholds/", bytes.NewBufferString(bodies[r.IntN(len(bodies))])))
}

// wrongPrincipal has the authorizer fail.
func wrongPrincipal(ctx context.Context, s *service, r *rand.Rand) {
	request := s.call(ctx, "GET", "health/", nil)
	request.Header.Set("Fault", []string{"panic", "hang", "nonsense"}[r.IntN(3)])
	if request.Header.Get("Fault") == "hang" {
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		request = request.WithContext(ctx)
	}
	send(request)
}

// changeSettings changes what may be changed at run time, with valid values.
func changeSettings(_ context.Context, s *service, r *rand.Rand) {
	endpoints, organizations, violations, trends := 10+r.IntN(90), 5+r.IntN(40), 1+r.IntN(3), r.IntN(2) == 0
	_, _ = s.m.Config().Update(perfmon.SettingsUpdate{
		MaxEndpoints: &endpoints, MaxOrganizations: &organizations, ConsecutiveViolations: &violations, TrendAnalysis: &trends,
	}, "soak")
	warning := perfmon.ValueOf(float64(1 + r.IntN(99)))
	_, _ = s.m.Thresholds().Update(perfmon.ThresholdID{Metric: perfmon.ErrorRate}, perfmon.ThresholdUpdate{Warning: &warning}, "soak")
}

// addMetrics registers metrics until there is no room, and goes on.
func addMetrics(_ context.Context, s *service, r *rand.Rand) {
	g, err := s.m.Metrics().Gauge(perfmon.Metric{Name: fmt.Sprintf("custom_%d", r.Uint32()), Unit: "count", Help: "One of thousands."})
	if err == nil {
		g.Set(1)
	}
}
