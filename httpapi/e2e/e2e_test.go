// Package e2e tries the API with the programs that are around it in the real world: a
// proxy, and a browser that prints. It is a module of its own, so that tests of the main
// module need none of them.
package e2e

import (
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// program is the path of one that a test needs.
func program(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: install the package %s", err, pkg)
	}
	return path
}

// authorize goes by the header "As".
func authorize(r *http.Request) (httpapi.Principal, error) {
	switch as := r.Header.Get("As"); as {
	case "":
		return httpapi.Principal{}, httpapi.ErrUnauthenticated
	case "root":
		return httpapi.Principal{Name: "root", SuperAdmin: true}, nil
	default:
		return httpapi.Principal{Name: as, Organization: as}, nil
	}
}

// service is a monitor on a mock clock.
type service struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	rec     *perfmon.Recorder
	samples chan perfmon.Sample
}

func serve(t testing.TB, opts ...perfmon.Option) *service {
	t.Helper()
	s := &service{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	s.clock.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	m, err := perfmon.New(append([]perfmon.Option{perfmon.WithClock(s.clock), perfmon.WithoutSystemMetrics()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	s.Monitor, s.rec = m, m.NewRecorder()
	m.Subscribe(func(sample perfmon.Sample) { s.samples <- sample })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return s
}

func (s *service) step() {
	s.t.Helper()
	s.clock.Add(s.Step())
	receive(s.t, s.samples)
}

// api makes one of the monitor.
func (s *service) api(opts ...httpapi.Option) *httpapi.API {
	s.t.Helper()
	api, err := httpapi.New(s.Monitor, append([]httpapi.Option{httpapi.WithAuthorizer(authorize)}, opts...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return api
}

// raise opens an alert and returns the number of its event.
func (s *service) raise(endpoint string) uint64 {
	s.t.Helper()
	a, err := s.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Endpoint: endpoint}})
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Record
}

// receive waits for what has to come.
func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came in 30 s")
		panic("unreachable")
	}
}

// settingsUpdate turns the monitor on or off.
func settingsUpdate(enabled bool) perfmon.SettingsUpdate {
	return perfmon.SettingsUpdate{Enabled: &enabled}
}
