// Package routers shows how perfmon's middleware goes with routers that do not name
// their routes in the request's Pattern.
package routers

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// Chi returns a router that is monitored. Around it, chi's route is not known yet; with
// Use it is, when the handler has returned.
func Chi(m *perfmon.Monitor) chi.Router {
	r := chi.NewRouter()
	r.Use(middleware.New(m, middleware.WithRoute(func(r *http.Request) string {
		return chi.RouteContext(r.Context()).RoutePattern()
	})))
	return r
}

// Gorilla returns a router that is monitored. Its Use runs for routes that match.
func Gorilla(m *perfmon.Monitor) *mux.Router {
	r := mux.NewRouter()
	r.Use(middleware.New(m, middleware.WithRoute(func(r *http.Request) string {
		route := mux.CurrentRoute(r)
		if route == nil {
			return ""
		}
		path, err := route.GetPathTemplate()
		if err != nil {
			return ""
		}
		return path
	})))
	return r
}

// Echo returns a server that is monitored. The first of its three middlewares tells the
// second the route, and the third turns an error into its response in time to be counted.
func Echo(m *perfmon.Monitor) *echo.Echo {
	e := echo.New()
	type key struct{}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), key{}, c.Path())))
			return next(c)
		}
	})
	e.Use(echo.WrapMiddleware(middleware.New(m, middleware.WithRoute(func(r *http.Request) string {
		path, _ := r.Context().Value(key{}).(string)
		return path
	}))))
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := next(c); err != nil {
				c.Error(err)
			}
			return nil
		}
	})
	return e
}
