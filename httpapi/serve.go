package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/mark"
)

// ServeHTTP answers a call.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mark.Ignore(w)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	a.answer(r).write(w, r)
}

// maxQuery bounds a query in bytes: all parameters of a call are shorter.
const maxQuery = 8 << 10

// answer returns the answer to any request. A client that may not use the API gets the
// same answer whether the call exists or not.
func (a *API) answer(r *http.Request) (out answer) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			out = a.failure(r, p)
		}
	}()
	t, id := a.find(r)
	req := &request{Request: r, id: id}
	if t == nil || !slices.Contains(t.public, method(r)) {
		by, refused := a.principal(r)
		if refused != nil {
			return refused
		}
		req.by = by
	}
	if len(r.URL.RawQuery) > maxQuery {
		a.hits.queries.Add(1)
		return bad("query", fmt.Sprintf("of %d bytes", len(r.URL.RawQuery)), fmt.Sprintf("at most %d bytes", maxQuery))
	}
	f, refused := a.route(t, r)
	if refused != nil {
		return refused
	}
	out, err := f(req)
	if err != nil {
		return a.problemOf(r, err)
	}
	return out
}

// route returns the call for a request.
func (a *API) route(t *route, r *http.Request) (call, *problem) {
	if t == nil {
		var paths []string
		for _, t := range a.routes {
			if !t.ofPage() {
				paths = append(paths, t.path+"/")
			}
		}
		slices.Sort(paths)
		return nil, &problem{Status: http.StatusNotFound, Detail: "There is no such call. There are: " + strings.Join(paths, ", ") + "."}
	}
	f := t.calls[method(r)]
	if f == nil {
		allowed := strings.Join(t.methods(), ", ")
		return nil, &problem{
			Status: http.StatusMethodNotAllowed, Detail: t.name() + " takes " + allowed + ".", header: http.Header{"Allow": {allowed}},
		}
	}
	if a.origins.Check(r) != nil { // lets GET and HEAD through
		return nil, &problem{Status: http.StatusForbidden, Detail: "A page of another origin may change nothing here."}
	}
	return f, nil
}

// problemOf says what an error means to the client. Texts of a store and of other code
// of the host are not shown.
func (a *API) problemOf(r *http.Request, err error) *problem {
	var (
		p        *problem
		field    *perfmon.FieldError
		notReady *perfmon.NotReadyError
	)
	switch {
	case errors.As(err, &p):
		if p.Status == http.StatusRequestEntityTooLarge {
			a.hits.bodies.Add(1)
		}
		return p
	case errors.As(err, &field):
		return bad(field.Field, valueText(field.Value), field.Want)
	case errors.As(err, &notReady):
		return &problem{Status: http.StatusConflict, Detail: "No baseline can be established yet: " + strings.Join(notReady.Missing, " "), Missing: notReady.Missing}
	case errors.Is(err, perfmon.ErrNotFound):
		return &problem{Status: http.StatusNotFound, Detail: "There is no such thing."}
	case errors.Is(err, perfmon.ErrClosed):
		return &problem{Status: http.StatusServiceUnavailable, Detail: "The monitor is closed: nothing can be changed any more."}
	case errors.Is(err, perfmon.ErrStore):
		return &problem{Status: http.StatusServiceUnavailable, Detail: "The store failed, so nothing was changed."}
	}
	return a.failure(r, err)
}
