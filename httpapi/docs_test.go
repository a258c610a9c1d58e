package httpapi_test

import (
	"encoding"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// fieldNames adds the JSON names of all fields that a type has, at any depth.
func fieldNames(t reflect.Type, names map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		fieldNames(t.Elem(), names)
		return
	case reflect.Struct:
	default:
		return
	}
	if t == reflect.TypeFor[time.Time]() || t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return // their fields are in the answers
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && f.IsExported() {
			names[name] = true
		}
		fieldNames(f.Type, names)
	}
}

// keys adds the keys of all objects in an answer, but for those named by metrics,
// settings and what the host gives.
func keys(v any, names map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			keys(e, names)
		}
	case map[string]any:
		for name, e := range v {
			names[name] = true
			if name != "metadata" {
				keys(e, names)
			}
		}
	}
}

// docs/api.md names every field of every answer and every parameter and field of every
// request.
func TestDocsAreComplete(t *testing.T) {
	data, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(data)
	s := serve(t)
	metrics := map[string]bool{}
	for _, m := range s.Metrics().All() {
		metrics[m.Name] = true
	}
	names := map[string]bool{}
	for _, v := range []any{perfmon.Dashboard{}, perfmon.Report{}, perfmon.AlertEvent{}, perfmon.Diagnostics{}, perfmon.Baseline{}, perfmon.Regression{}, perfmon.Origin{}} {
		fieldNames(reflect.TypeOf(v), names)
	}
	s.load(12, 20)
	s.do("root", "PUT", "thresholds/", `{"metric_name":"error_rate","scope":"endpoint","applies_to":"GET *","updates":{"warning_threshold":1,"absent_after_seconds":60}}`)
	for _, path := range reads {
		keys(s.do("root", "GET", path, "").body, names)
	}
	keys(s.do("root", "POST", "alerts/", `{"action":"dismiss","alert_ids":["x"]}`).body, names)
	keys(s.do("root", "GET", "health/?x=1", "").body, names)
	keys(s.do("root", "POST", "baseline/", `{}`).body, names)
	keys(s.do("root", "POST", "thresholds/backtest/", `{"metric_name":"error_rate"}`).body, names)
	keys(s.do("panic", "GET", "health/", "").body, names)
	for _, call := range calls {
		path := call.path
		if path, _, _ = strings.Cut(path, "?"); call.body == "" {
			_, known, _ := strings.Cut(s.do("root", call.method, path+"?unknown=1", "").raw, "This call takes: ")
			known, _, _ = strings.Cut(known, `."`)
			for _, name := range strings.Split(known, ", ") {
				names[name] = true
			}
			continue
		}
		body := map[string]any{}
		if err := json.Unmarshal([]byte(call.body), &body); err != nil {
			t.Fatal(err)
		}
		keys(body, names)
	}
	for _, name := range []string{"active_only", "last_event_id", "cursor", "applies_to", "last_error", "std_err", "absent_after_seconds", "total_ns", "missing", "reference", "alert_ids"} {
		if !names[name] {
			t.Errorf("this test does not find %q", name)
		}
	}
	for name := range names {
		if name != "" && !metrics[name] && !strings.Contains(docs, "`"+name+"`") && !strings.Contains(docs, `"`+name+`"`) {
			t.Errorf("docs/api.md does not name %q", name)
		}
	}
	for _, call := range calls {
		path, _, _ := strings.Cut(call.path, "?")
		if strings.HasPrefix(path, "nothing") || call.method == "PATCH" {
			continue
		}
		path = strings.Replace(path, "/nothing/", "/{id}/", 1)
		if !strings.Contains(docs, "## `"+call.method+" "+path+"`") {
			t.Errorf("docs/api.md has no section on %s %s", call.method, path)
		}
	}
}
