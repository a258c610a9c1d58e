package perfmon_test

import (
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sketch"
)

// noJSON are the exported types that hold no data of their own.
var noJSON = []string{
	"Alerts", "Baselines", "Markers", "NewMarker", "Collector", "Config", "Counter", "Gauge", "History", "MemoryStore", "Metrics", "Monitor", "Option", "Recorder",
	"Store", "Thresholds", "Timer", "FieldError", "NotReadyError", "MessageData", "HostAlert", "AlertQuery", "DashboardQuery", "ReportQuery", "Revision",
	"SettingsUpdate", "ThresholdUpdate", "ThresholdID", "Response", "Companion", "Archive", "Block", "Roll",
	"Cache", "Share", "Mean", "QueueState", "PoolState",
	"ChartData", "ChartMaker", "Notifier", "BatchNotifier", "RefreshNotifier", "Notifications", "RetryError", "UndeliverableError", "AlertOutline", "Route", "Hours", "NewSilence", "Silences",
	"Fleet", "FleetBid", "FleetEntry", "FleetLease", "FleetLog", "FleetPull", "FleetReplica", "FleetTail",
}

// Every exported type comes back from its own JSON.
func TestJSONBothWays(t *testing.T) {
	b := start(t, perfmon.WithMetricFunc(perfmon.Metric{Name: "x", Kind: perfmon.KindTiming, Worse: perfmon.LowerIsWorse}, func() float64 { return 1.0 / 3 }),
		perfmon.WithThreshold(perfmon.Threshold{
			Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, AppliesTo: "GET *", Critical: perfmon.ValueOf(1.0 / 3), ConsecutiveViolations: 2,
			Cooldown: 90 * time.Second, MinRequests: 10, AbsentAfter: 1500 * time.Millisecond, Disabled: true,
		}), perfmon.WithStore(&perfmon.MemoryStore{}))
	for i := range 130 {
		for range 100 {
			b.rec.Record(time.Duration(1+i)*time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200 + 300*(i/125), Organization: "acme"})
		}
		b.step()
	}
	if _, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Warning, Message: "m", UserID: "ann", Metadata: map[string]any{"k": []any{1.0, "x"}}}); err != nil {
		t.Fatal(err)
	}
	store := &perfmon.MemoryStore{}
	refused := newFake()
	refused.answers(func(context.Context, perfmon.Notification) error {
		return &perfmon.UndeliverableError{Err: errors.New("refused")}
	})
	other := start(t, perfmon.WithStore(store), perfmon.WithStep(time.Minute), perfmon.WithNotifier("chat", refused, perfmon.Route{Metrics: []string{"fan"}}), perfmon.WithNotificationGrouping(0))
	for range 70 {
		other.errors(50)
	}
	if _, err := other.Baselines().Establish(0, "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Silences().Add(perfmon.NewSilence{Metric: "own", Until: noon.Add(100 * time.Hour), Reason: "r"}, "ann"); err != nil {
		t.Fatal(err)
	}
	other.raise("fan", perfmon.Critical, perfmon.Scope{})
	refused.next(t)
	for other.Notifications().List()[0].Dead == 0 {
		runtime.Gosched()
	}
	off := false
	if _, err := other.Config().Update(perfmon.SettingsUpdate{TrendAnalysis: &off}, "ann"); err != nil {
		t.Fatal(err)
	}
	values := []any{
		b.History().EndpointTable(0, 5), b.Dashboard(perfmon.DashboardQuery{Trends: true, Alerts: true}), b.Report(perfmon.ReportQuery{Type: perfmon.ReportDetailed}), b.Diagnostics(), b.Config().Settings(), b.Config().Origins()["Retention"],
		b.Thresholds().All()[len(b.Thresholds().All())-1], b.Service(), b.Metrics().All()[len(b.Metrics().All())-1], perfmon.Environment()[0],
		perfmon.Regression{Metric: "m", Change: perfmon.ValueOf(12.5), PValue: perfmon.ValueOf(0.001), Limit: 2, Points: 3},
		perfmon.Firing{Scope: perfmon.Scope{Endpoint: "GET /"}, From: noon, To: noon.Add(time.Hour), Severity: perfmon.Warning, Value: perfmon.ValueOf(7)},
		perfmon.Anomaly{Metric: "m", At: noon, Value: perfmon.ValueOf(1e300), Score: 0.5},
		perfmon.Totals{Scope: perfmon.Scope{Endpoint: "GET /"}, Requests: 1, Times: &sketch.Sketch{}},
		perfmon.EndpointTotals{Totals: perfmon.Totals{Scope: perfmon.Scope{Endpoint: "GET /"}, Requests: 1, Times: &sketch.Sketch{}}, StatusTimes: [5]*sketch.Sketch{{}, {}, {}, {}, {}},
			Exemplars: []perfmon.Exemplar{{TraceID: "t", Duration: time.Second, Time: noon, Class: 2}}},
		perfmon.MetricTotal{Metric: "m", Count: 3, Seconds: perfmon.ValueOf(0.5), Times: &sketch.Sketch{}},
		perfmon.Marker{ID: "x", At: noon, Kind: perfmon.MarkerDeploy, Version: "v2", Title: "t", By: "ann"},
		perfmon.FleetStatus{Mode: "joined", Replicas: []perfmon.ReplicaStatus{{Instance: "a", LastSeen: noon, Metrics: map[string]perfmon.Value{"m": perfmon.ValueOf(1)}, Worst: []string{"m"}}}},
		perfmon.Key{Metric: "m", Scope: perfmon.Scope{Organization: "acme"}},
		perfmon.AlertEvent{Number: 3, Change: perfmon.ChangeOpened, At: noon, By: "ann", Alert: b.active()[0]},
		b.Alerts().Events(0, 0),
		perfmon.Told{Notifier: "chat", Why: "w", Silence: "x", Later: noon},
		perfmon.Notification{ID: "x", Kind: perfmon.NotifyReport, Time: noon, Title: "t", Charts: []perfmon.Image{{Name: "a.png", Data: []byte{1}}}, Report: &perfmon.WeeklyReport{
			From: noon, Until: noon.Add(time.Hour), Worse: []perfmon.WeeklyChange{{Metric: "m", Before: perfmon.ValueOf(1), After: perfmon.ValueOf(2)}}, Alerts: []perfmon.ReportAlert{{Alert: b.active()[0]}},
		}},
	}
	if err := store.Load(t.Context(), func(r perfmon.Record) error { values = append(values, r); return nil }, func(p perfmon.Point) error { values = append(values, p); return nil }); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range values {
		note(seen, reflect.TypeOf(v))
		data, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
			continue
		}
		back := reflect.New(reflect.TypeOf(v))
		if err := json.Unmarshal(data, back.Interface()); err != nil {
			t.Errorf("%T: %v\n%.300s", v, err, data)
			continue
		}
		if diff := cmp.Diff(v, back.Elem().Interface(), compareJSON...); diff != "" {
			t.Errorf("%T (-before +after):\n%.3000s", v, diff)
		}
		again, err := json.Marshal(back.Elem().Interface())
		if err != nil || string(again) != string(data) {
			t.Errorf("%T: written again it differs: %v\n%.300s\n%.300s", v, err, data, again)
		}
	}
	for _, name := range exportedTypes(t) {
		if !seen[name] && !contains(noJSON, name) {
			t.Errorf("%s is not tested: does it come back from its own JSON?", name)
		}
	}
}

var compareJSON = []cmp.Option{
	cmpopts.EquateEmpty(), cmpopts.EquateNaNs(), cmpopts.EquateApproxTime(0),
	// Points are kept in single precision.
	cmp.Comparer(func(a, b perfmon.Values) bool {
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if float32(a[i]) != float32(b[i]) && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) {
				return false
			}
		}
		return true
	}),
	cmp.Comparer(func(a, b perfmon.Sample) bool {
		if !a.Time.Equal(b.Time) {
			return false
		}
		for m, v := range a.All() {
			got, ok := b.Value(m.Name)
			if ok == math.IsNaN(v) || ok && got != v {
				return false
			}
		}
		return true
	}),
	cmp.Comparer(func(a, b *sketch.Sketch) bool {
		x, _ := a.AppendBinary(nil)
		y, _ := b.AppendBinary(nil)
		return string(x) == string(y)
	}),
}

// note collects the names of the package's types that a type is made of.
func note(seen map[string]bool, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		note(seen, t.Elem())
	case reflect.Map:
		note(seen, t.Key())
		note(seen, t.Elem())
	}
	if !strings.HasPrefix(t.PkgPath(), module) || seen[t.String()] {
		return
	}
	seen[t.Name()], seen[t.String()] = true, true
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			note(seen, t.Field(i).Type)
		}
	}
}

func exportedTypes(t *testing.T) []string {
	t.Helper()
	var names []string
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				names = append(names, spec.Name.Name)
			}
			return true
		})
	}
	return names
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
