package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// hostile sends a million requests that differ in what a client can choose, and tells what
// each takes, and what all of them leave behind.
func hostile(quick bool) string {
	n := 1_000_000
	if quick {
		n = 10_000
	}
	var b strings.Builder
	b.WriteString("| a million different | ns a request, first tenth | last tenth | MiB held afterwards |\n| --- | ---: | ---: | ---: |\n")
	for _, kind := range []struct {
		name string
		opts []middleware.Option
		make func(r *http.Request, text string)
	}{
		{"paths, of one route", nil, func(r *http.Request, text string) { r.URL.Path = text }},
		{"routes", nil, func(r *http.Request, text string) { r.Pattern = text }},
		{"routes, named by a function", []middleware.Option{middleware.WithRoute(func(r *http.Request) string { return r.URL.Path })}, func(r *http.Request, text string) { r.URL.Path = text }},
		{"methods", nil, func(r *http.Request, text string) { r.Method, r.Pattern = text, "/" }},
		{"users and sessions", []middleware.Option{middleware.WithIdentity(func(r *http.Request) middleware.Identity {
			return middleware.Identity{User: r.URL.Path, Session: r.URL.Path}
		})}, func(r *http.Request, text string) { r.URL.Path = text }},
		{"organizations", []middleware.Option{middleware.WithIdentity(func(r *http.Request) middleware.Identity {
			return middleware.Identity{Organization: r.URL.Path}
		})}, func(r *http.Request, text string) { r.URL.Path = text }},
	} {
		before := held()
		m := newMonitor(perfmon.WithoutSystemMetrics())
		h := middleware.New(m, kind.opts...)(answer)
		r, w := requests(1)[0], &writer{http.Header{}}
		tenth := n / 10
		var first, last time.Duration
		for i := range n {
			kind.make(r, fmt.Sprintf("/%016x/%d", uint64(i)*0x9e3779b97f4a7c15, i))
			begin := time.Now()
			h.ServeHTTP(w, r)
			switch took := time.Since(begin); {
			case i < tenth:
				first += took
			case i >= n-tenth:
				last += took
			}
		}
		mib := (held() - before) / (1 << 20)
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | %.2f |\n", kind.name, float64(first.Nanoseconds())/float64(tenth), float64(last.Nanoseconds())/float64(tenth), mib)
		_ = m.Close()
	}
	return b.String()
}

// full compares a table at its limit with one below it.
func full() []contender {
	small := newMonitor(perfmon.WithMaxEndpoints(routes / 2))
	return []contender{
		around("50 routes, all known", routes, perfmonAround()),
		around("50 routes, 25 beyond the limit", routes, middleware.New(small)(answer)),
	}
}
