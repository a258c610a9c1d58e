package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/exp/slices"
)

// request is one request of a principal.
type request struct {
	*http.Request
	by Principal
	id string // the part of the path that {id} or {file...} stands for
}

// call answers a request. Its answer may be JSON, a page, a download or a stream. An
// error of type *problem is told to the client, one of package perfmon as far as it
// concerns the client, any other as a 500.
type call func(r *request) (answer, error)

// route is a path below the mount with its calls.
type route struct {
	path   string          // without slashes around it; {id} at its end stands for any name, {file...} for any path
	public []string        // methods that need no principal
	calls  map[string]call // by method
}

// table lists all calls.
func (a *API) table() []route {
	const get, put, post, remove = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
	public := []string{get}
	var signIn []string
	if a.signIn != nil {
		signIn = []string{post, remove}
	}
	return []route{
		{"dashboard", nil, map[string]call{get: a.dashboard}},
		{"realtime", nil, map[string]call{get: a.realtime}},
		{"alerts", nil, map[string]call{get: a.listAlerts, post: a.actOnAlerts}},
		{"alerts/{id}", nil, map[string]call{get: a.getAlert}},
		{"thresholds", nil, map[string]call{get: a.listThresholds, put: a.putThreshold, remove: a.removeThreshold}},
		{"thresholds/backtest", nil, map[string]call{post: a.backTest}},
		{"metrics", nil, map[string]call{get: a.listMetrics}},
		{"endpoints", nil, map[string]call{get: a.listEndpoints}},
		{"trends", nil, map[string]call{get: a.trends}},
		{"anomalies", nil, map[string]call{get: a.anomalies}},
		{"baseline", nil, map[string]call{get: a.listBaselines, post: a.establishBaseline}},
		{"series", nil, map[string]call{get: a.series}},
		{"reports", nil, map[string]call{get: a.report}},
		{"events", nil, map[string]call{get: a.listEvents, post: a.addEvent}},
		{"silences", nil, map[string]call{get: a.listSilences, post: a.addSilence}},
		{"silences/{id}", nil, map[string]call{remove: a.endSilence}},
		{"notifiers", nil, map[string]call{get: a.listNotifiers}},
		{"notifiers/test", nil, map[string]call{post: a.testNotifier}},
		{"notifiers/resend", nil, map[string]call{post: a.resend}},
		{"notifiers/who", nil, map[string]call{get: a.whoIsTold}},
		{"config", nil, map[string]call{get: a.getConfig, put: a.putConfig}},
		{"health", nil, map[string]call{get: a.health}},
		{"diagnostics", nil, map[string]call{get: a.diagnostics}},
		{"openapi.json", nil, map[string]call{get: a.openapi}},
		{"session", signIn, map[string]call{get: a.getSession, post: a.postSession, remove: a.deleteSession}},
		{"livez", public, map[string]call{get: a.livez}},
		{"readyz", public, map[string]call{get: a.readyz}},
		{"", public, map[string]call{get: a.index}},
		{pagePath, public, map[string]call{get: a.pageFile}},
	}
}

// pagePath is where the files of the dashboard page are.
const pagePath = "page/{file...}"

// ofPage reports whether the route is one of the dashboard page, and no call.
func (t *route) ofPage() bool { return t.path == "" || t.path == pagePath }

// name is what errors call the route.
func (t *route) name() string {
	if t.path == "" {
		return "The page"
	}
	return t.path + "/"
}

// match returns the ID in a path; ok is false when the route is another one.
func (t *route) match(path string) (id string, ok bool) {
	if before, deep := strings.CutSuffix(t.path, "{file...}"); deep {
		id, ok = strings.CutPrefix(path, before)
		return id, ok && id != ""
	}
	before, named := strings.CutSuffix(t.path, "{id}")
	if !named {
		return "", path == t.path
	}
	id, ok = strings.CutPrefix(path, before)
	return id, ok && id != "" && !strings.Contains(id, "/")
}

// methods lists what the route takes.
func (t *route) methods() []string {
	list := sortedKeys(t.calls)
	if t.calls[http.MethodGet] != nil {
		list = append(list, http.MethodHead)
		slices.Sort(list)
	}
	return list
}

// find returns the route of a request, nil where there is none.
func (a *API) find(r *http.Request) (t *route, id string) {
	path, ok := a.below(r)
	if !ok {
		return nil, ""
	}
	for i := range a.routes {
		if id, ok := a.routes[i].match(path); ok {
			return &a.routes[i], id
		}
	}
	return nil, ""
}

// below returns the path below the mount, without slashes around it.
func (a *API) below(r *http.Request) (path string, ok bool) {
	path, ok = strings.CutPrefix(r.URL.Path, a.prefix)
	if r.URL.Path+"/" == a.prefix {
		path, ok = "", true
	}
	if !ok {
		path, ok = stripped(r)
	}
	if path == "/" {
		return "", false // two slashes: relative URLs would go wrong there
	}
	return strings.TrimSuffix(path, "/"), ok
}

// stripped returns what http.StripPrefix has left of a path; ok is false where it has
// taken nothing away. It can be told by what the client sent.
func stripped(r *http.Request) (path string, ok bool) {
	sent, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return "", false
	}
	path = r.URL.Path
	taken, ok := strings.CutSuffix(sent.Path, path)
	if !ok || taken == "" {
		return "", false
	}
	whole := path == "" || strings.HasPrefix(path, "/") || strings.HasSuffix(taken, "/")
	return strings.TrimPrefix(path, "/"), whole
}

// method is the method that a request is answered as: HEAD goes with GET.
func method(r *http.Request) string {
	if r.Method == http.MethodHead {
		return http.MethodGet
	}
	return r.Method
}
