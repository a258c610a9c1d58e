package routers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/examples/routers"
)

func show(w http.ResponseWriter, r *http.Request) {}
func fail(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }

func TestRoutes(t *testing.T) {
	for name, router := range map[string]func(*perfmon.Monitor) http.Handler{
		"chi": func(m *perfmon.Monitor) http.Handler {
			r := routers.Chi(m)
			r.Get("/orders/{id}", show)
			r.Post("/orders/{id}", fail)
			return r
		},
		"gorilla": func(m *perfmon.Monitor) http.Handler {
			r := routers.Gorilla(m)
			r.HandleFunc("/orders/{id}", show).Methods("GET")
			r.HandleFunc("/orders/{id}", fail).Methods("POST")
			return r
		},
		"echo": func(m *perfmon.Monitor) http.Handler {
			e := routers.Echo(m)
			e.GET("/orders/:id", func(c echo.Context) error { return c.NoContent(200) })
			e.POST("/orders/:id", func(c echo.Context) error { return echo.NewHTTPError(503) })
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			clk := clock.NewMock()
			m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithoutSystemMetrics())
			if err != nil {
				t.Fatal(err)
			}
			samples := make(chan perfmon.Sample)
			defer m.Subscribe(func(s perfmon.Sample) { samples <- s })()
			if err := m.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			h := router(m)
			for i := range 3 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("/orders/%d", i), nil))
			}
			for i := range 2 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", fmt.Sprintf("/orders/%d", i), nil))
			}
			clk.Add(m.Step())
			<-samples
			var got []string
			for _, e := range m.History().Endpoints(0) {
				got = append(got, fmt.Sprint(e.Scope.Endpoint, " ", e.Requests, " ", e.Errors))
			}
			path := "/orders/{id}"
			if name == "echo" {
				path = "/orders/:id"
			}
			if diff := cmp.Diff([]string{"GET " + path + " 3 0", "POST " + path + " 2 2"}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
