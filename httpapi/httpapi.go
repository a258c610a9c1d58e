// Package httpapi serves a monitor over HTTP, as JSON and as a stream of events. Mount it on any mux, and say who
// may use it:
//
//	api, err := httpapi.New(m, httpapi.WithBearerToken(os.Getenv("PERFMON_TOKEN")))
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer api.Close()
//	mux.Handle(httpapi.DefaultPrefix, api)
//
// Then ask it:
//
//	curl -H "Authorization: Bearer $PERFMON_TOKEN" localhost:8080/api/monitoring/performance/health/
//
// A service with sign-in of its own gives [WithAuthorizer] instead, which turns a request
// into a [Principal]: a super admin, or the admin of one organization. Without an
// authorizer every call is refused. A client that is refused does not learn which calls
// exist.
//
// Answers are the types of package perfmon. Errors are application/problem+json (RFC
// 9457) and name the parameter at fault; parameters and fields that a call does not know
// are refused. docs/api.md describes each call.
package httpapi

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/backend-prs/perfmon"
)

// DefaultPrefix is where the API is mounted unless WithPrefix says otherwise.
const DefaultPrefix = "/api/monitoring/performance/"

// API serves a monitor. It is an http.Handler and safe for concurrent use. Its own
// requests are not counted where package middleware is around it.
type API struct {
	m         *perfmon.Monitor
	prefix    string
	authorize Authorizer
	signIn    *signIn // nil without a bearer token
	log       logger
	origins   *http.CrossOriginProtection
	routes    []route
	hub       *hub
	places    places
	openings  *openings
	kept      *kept
	pageFiles fs.FS // nil: those that are embedded

	backTests backTests
	hits      *hits
	heavy     chan struct{} // one for each answer that is being made

	closing sync.Once
	closed  chan struct{} // ends streams

	silencing sync.Mutex // held while a silence of an organization is counted and added

	viewsMu sync.Mutex
	views   map[*perfmon.Monitor]*API // of a fleet and its replicas; viewsMu
}

// New returns the API of a monitor, to be mounted under DefaultPrefix. An error names
// every option that is wrong.
func New(m *perfmon.Monitor, opts ...Option) (*API, error) {
	a := &API{
		m: m, prefix: DefaultPrefix, log: newLogger(slog.New(slog.DiscardHandler)),
		origins: http.NewCrossOriginProtection(), closed: make(chan struct{}), heavy: make(chan struct{}, maxHeavy), hits: &hits{},
	}
	var errs []error
	if m == nil {
		errs = append(errs, wrong("monitor", "nil", "a *perfmon.Monitor"))
	}
	for i, o := range opts {
		if o == nil {
			errs = append(errs, wrong(fmt.Sprintf("option %d", i+1), "nil", "an option such as WithBearerToken(token)"))
			continue
		}
		errs = append(errs, o(a))
	}
	if a.signIn != nil {
		errs = append(errs, a.signIn.mount(a.prefix))
	}
	var err error
	a.places, err = newPlaces()
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	a.routes = a.table()
	a.hub = &hub{m: m, log: a.log, readers: map[*reader]struct{}{}}
	a.openings = newOpenings(m)
	a.kept = newKept(m)
	a.kept.room = a.room
	return a, nil
}

// Close ends the streams that go on and makes readyz answer 503; other calls are still
// answered. It returns nil always. Closing twice changes nothing.
func (a *API) Close() error {
	a.closing.Do(func() { close(a.closed) })
	return nil
}

// Option sets up the API.
type Option func(*API) error

// wrong is the error of an option.
func wrong(option, value, want string) error {
	return fmt.Errorf("%s: %s is not valid: want %s", option, value, want)
}

// WithPrefix sets the path under which the API is mounted. It begins with a slash; a
// slash at its end is added. Requests for other paths are not found. Under
// http.StripPrefix any prefix will do. Default: DefaultPrefix.
func WithPrefix(prefix string) Option {
	return func(a *API) error {
		bare := strings.TrimSuffix(prefix, "/")
		if !strings.HasPrefix(prefix, "/") || strings.ContainsAny(prefix, "{}?#") || prefix != clean(prefix) || bare != "" && path.Clean(bare) != bare {
			return wrong("prefix", quote(prefix), `a path that begins with a slash, such as "/ops/performance/"`)
		}
		a.prefix = bare + "/"
		return nil
	}
}

// WithLogger sets where the API reports panics of the authorizer and its own errors,
// each with the reference that the answer gives. It is called in a goroutine of its own;
// what it is too slow for is dropped. Default: nowhere.
func WithLogger(log *slog.Logger) Option {
	return func(a *API) error {
		if log == nil {
			return wrong("logger", "nil", "a *slog.Logger")
		}
		a.log = newLogger(log)
		return nil
	}
}
