package analyze_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

// Every exported type goes to JSON and comes back the same.
func TestJSON(t *testing.T) {
	x := noisy(1, 1, 2)
	detector, _ := save(t, x)
	stable := analyze.EstimateMean(repeat(3, 20))
	tests := []struct {
		name string
		in   any
		want string // JSON, where it is short
	}{
		{"value", analyze.ValueOf(-0.25), `-0.25`},
		{"absent value", analyze.Value{}, `null`},
		{"values", analyze.Values{1, 0.5, 1e300}, `[1,0.5,1e+300]`},
		{"no values", analyze.Values(nil), `null`},
		{"direction", analyze.LowerIsWorse, `"lower"`},
		{"trend direction", analyze.Degrading, `"degrading"`},
		{"summary", analyze.Summarize(x), ``},
		{"summary of nothing", analyze.Summary{}, `{"count":0,"mean":null,"median":null,"std_dev":null,"min":null,"max":null,"p90":null,"p95":null,"p99":null,"mean_low":null,"mean_high":null}`},
		{"summary of constants", analyze.Summarize(repeat(2, 8)), `{"count":8,"mean":2,"median":2,"std_dev":0,"min":2,"max":2,"p90":2,"p95":2,"p99":2,"mean_low":2,"mean_high":2}`},
		{"mean", analyze.EstimateMean(x), ``},
		{"mean of constants", stable, `{"value":3,"std_err":0,"df":19,"n":20}`},
		{"mean of nothing", analyze.EstimateMean(nil), `{"value":null,"std_err":null,"df":null,"n":0}`},
		{"difference", analyze.Compare(analyze.EstimateMean(x[:60]), analyze.EstimateMean(x[60:])), ``},
		{"difference of constants", analyze.Compare(stable, stable), `{"value":0,"low":0,"high":0,"p_value":1,"std_err":0,"df":null}`},
		{"difference of nothing", analyze.Difference{}, `{"value":null,"low":null,"high":null,"p_value":null,"std_err":null,"df":null}`},
		{"trend", compareHalves(x, analyze.HigherIsWorse), ``},
		{"trend of nothing", compareHalves(nil, analyze.HigherIsWorse), `{"direction":"stable","confidence":0,"confidence_level":"low","change_percent":null,"change_low":null,"change_high":null,"slope_per_hour":null,"usual_percent":null,"p_value":null,"change_points":[],"points":0,"missing":"0 points up to the split and 0 after it; each side needs 5"}`},
		{"zero trend", analyze.Trend{}, ``},
		{"change point", analyze.ChangePoint{Index: 7, Time: midnight, Before: analyze.ValueOf(0), After: analyze.ValueOf(2), PValue: analyze.ValueOf(1e-9)}, `{"index":7,"time":"2024-05-01T00:00:00Z","before":0,"after":2,"change_percent":null,"p_value":1e-09}`},
		{"season", analyze.Seasonality(minutes(2880), repeat(2, 2880)), ``},
		{"result", analyze.Result{Score: 0.75, Expected: 12.5}, `{"score":0.75,"expected":12.5}`},
		{"detector", *detector, ``},
		{"new detector", analyze.Detector{}, ``},
	}
	compared := map[string]bool{}
	for _, test := range tests {
		compared[reflect.TypeOf(test.in).Name()] = true
		t.Run(test.name, func(t *testing.T) {
			back := reflect.New(reflect.TypeOf(test.in))
			data, err := json.Marshal(test.in)
			if err != nil {
				t.Fatal(err)
			}
			if test.want != "" && string(data) != test.want {
				t.Errorf("got  %s\nwant %s", data, test.want)
			}
			if err := json.Unmarshal(data, back.Interface()); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			if diff := cmp.Diff(test.in, back.Elem().Interface(), cmp.AllowUnexported(analyze.Value{}), cmp.Comparer(sameState)); diff != "" {
				t.Errorf("%s comes back otherwise (-want +got):\n%s", data, diff)
			}
		})
	}
	for _, name := range exportedTypes(t) {
		if !compared[name] {
			t.Errorf("type %s is not in the table", name)
		}
	}
}

func sameState(a, b analyze.Detector) bool {
	x, _ := a.MarshalText()
	y, _ := b.MarshalText()
	return string(x) == string(y)
}

// exportedTypes returns the names of the types that the package exports.
func exportedTypes(t *testing.T) (names []string) {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.TYPE {
				continue
			}
			for _, spec := range group.Specs {
				if name := spec.(*ast.TypeSpec).Name.Name; ast.IsExported(name) {
					names = append(names, name)
				}
			}
		}
	}
	if len(names) == 0 {
		t.Fatal("no exported types were found")
	}
	return names
}

// A difference answers the same after a trip through JSON.
func TestDifferenceFromJSONAnswersTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		d := analyze.Compare(analyze.EstimateMean(ar(rng, 30, 0.5)), analyze.EstimateMean(ar(rng, 40, 0.5)))
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back analyze.Difference
		if err := json.Unmarshal(data, &back); err != nil || back != d {
			t.Fatalf("%s comes back as %+v, %v", data, back, err)
		}
		if got, want := back.Within(0.3), d.Within(0.3); got != want {
			t.Fatalf("within 0.3 by %v, want %v", got, want)
		}
	}
}
