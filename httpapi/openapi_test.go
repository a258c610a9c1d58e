package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/backend-prs/perfmon/httpapi"
)

// The description says where the API is mounted.
func TestDescriptionKnowsItsMount(t *testing.T) {
	s := serve(t)
	custom, err := httpapi.New(s.Monitor, httpapi.WithAuthorizer(authorize), httpapi.WithPrefix("/ops/perf/"))
	if err != nil {
		t.Fatal(err)
	}
	atRoot, err := httpapi.New(s.Monitor, httpapi.WithAuthorizer(authorize), httpapi.WithPrefix("/"))
	if err != nil {
		t.Fatal(err)
	}
	for path, test := range map[string]struct {
		h    http.Handler
		want string
	}{
		httpapi.DefaultPrefix + "openapi.json":  {s.api, "/api/monitoring/performance"},
		httpapi.DefaultPrefix + "openapi.json/": {s.api, "/api/monitoring/performance"},
		"/ops/perf/openapi.json":                {custom, "/ops/perf"},
		"/deep/down/openapi.json":               {http.StripPrefix("/deep/down", s.api), "/deep/down"},
		"/openapi.json":                         {atRoot, ""},
	} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("As", "root")
		w := httptest.NewRecorder()
		test.h.ServeHTTP(w, r)
		var got struct {
			OpenAPI string `json:"openapi"`
			Servers []struct {
				URL string `json:"url"`
			} `json:"servers"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.OpenAPI != "3.1.0" || len(got.Servers) != 1 || got.Servers[0].URL != test.want {
			t.Errorf("%s: %d %+v %v, want %q", path, w.Code, got, err, test.want)
		}
	}
}
