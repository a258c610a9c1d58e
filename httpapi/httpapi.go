// Package httpapi serves a monitor over HTTP, as JSON.
//
//	api, err := httpapi.New(m, httpapi.WithBearerToken(token))
//	mux.Handle(httpapi.DefaultPrefix, api)
//
// Without an authorizer every call is refused. Errors are application/problem+json
// (RFC 9457) and name the parameter at fault; parameters that a call does not know are
// refused. The calls are described in docs/api.md.
package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"sort"
	"strings"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/mark"
)

// DefaultPrefix is where the API is mounted unless WithPrefix says otherwise.
const DefaultPrefix = "/api/monitoring/performance/"

// Option sets up the API.
type Option func(*api) error

// WithPrefix says under which path the API is mounted. It begins with a slash; a slash
// at its end is added. Under http.StripPrefix, any prefix will do.
func WithPrefix(prefix string) Option {
	return func(a *api) error {
		if !strings.HasPrefix(prefix, "/") || strings.ContainsAny(prefix, "{}?#") {
			return &perfmon.FieldError{Field: "prefix", Value: prefix, Want: "a path that begins with a slash"}
		}
		a.prefix = strings.TrimRight(prefix, "/") + "/"
		return nil
	}
}

type api struct {
	m         *perfmon.Monitor
	prefix    string
	authorize Authorizer
	calls     map[string]map[string]call // by name, by method
}

// call answers one request of an authorized principal. What it returns is written as
// JSON; an error of type *problem as that, any other as a 500.
type call func(r *http.Request, p Principal) (status int, body any, err error)

// New returns the API of a monitor, to be mounted under DefaultPrefix. It is safe for
// concurrent use. Its own requests are not counted where package middleware is around
// it.
func New(m *perfmon.Monitor, opts ...Option) (http.Handler, error) {
	if m == nil {
		return nil, &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"}
	}
	a := &api{m: m, prefix: DefaultPrefix}
	for _, o := range opts {
		if err := o(a); err != nil {
			return nil, err
		}
	}
	a.calls = map[string]map[string]call{
		"dashboard":   {http.MethodGet: a.dashboard},
		"alerts":      {http.MethodGet: a.listAlerts, http.MethodPost: a.actOnAlerts},
		"thresholds":  {http.MethodGet: a.listThresholds, http.MethodPut: a.putThreshold},
		"health":      {http.MethodGet: a.health},
		"diagnostics": {http.MethodGet: a.diagnostics},
	}
	return a, nil
}

// ServeHTTP answers a call, whatever becomes of it.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mark.Ignore(w)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	status, body, err := a.serve(w, r)
	if err != nil {
		var p *problem
		if !errors.As(err, &p) {
			p = &problem{Status: http.StatusInternalServerError, Detail: "The answer could not be made."}
		}
		p.write(w)
		return
	}
	data, err := json.Marshal(body)
	if err != nil {
		(&problem{Status: http.StatusInternalServerError, Detail: "The answer could not be encoded."}).write(w)
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(data, '\n')) // the client may be gone
	}
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) (status int, body any, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			err = &problem{Status: http.StatusInternalServerError, Detail: "The answer could not be made."}
		}
	}()
	p, err := a.principal(w, r)
	if err != nil {
		return 0, nil, err
	}
	name := strings.TrimPrefix(r.URL.Path, strings.TrimSuffix(a.prefix, "/"))
	name = strings.Trim(name, "/")
	methods, ok := a.calls[name]
	if !ok {
		return 0, nil, &problem{Status: http.StatusNotFound, Detail: "There is no such call. There are: " + strings.Join(sortedKeys(a.calls), ", ") + "."}
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	f, ok := methods[method]
	if !ok {
		allowed := strings.Join(sortedKeys(methods), ", ")
		w.Header().Set("Allow", allowed)
		return 0, nil, &problem{Status: http.StatusMethodNotAllowed, Detail: name + " takes " + allowed + "."}
	}
	return f(r, p)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
