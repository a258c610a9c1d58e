package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
	"github.com/backend-prs/perfmon/internal/golden"
)

// csvOf writes a series, one point each five minutes, as a file.
func csvOf(t testing.TB, n int, value func(i int, r float64) float64) string {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 3))
	var b strings.Builder
	b.WriteString("time,value\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,%.4f\n", noon.Add(time.Duration(i)*5*time.Minute).Format(time.RFC3339), value(i, random.NormFloat64()))
	}
	name := filepath.Join(t.TempDir(), "series.csv")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

var series = map[string]struct {
	n     int
	value func(i int, r float64) float64
}{
	"stable": {500, func(_ int, r float64) float64 { return 100 + r }},
	"worse":  {500, func(i int, r float64) float64 { return 100 + r + float64(i/350)*8 }},
	"spike": {500, func(i int, r float64) float64 {
		if i == 300 {
			return 112
		}
		return 100 + r
	}},
	"daily":  {7 * 288, func(i int, r float64) float64 { return 50 + 10*math.Sin(2*math.Pi*float64(i)/288) + r }},
	"little": {7, func(_ int, r float64) float64 { return 100 + r }},
	"one":    {1, func(_ int, r float64) float64 { return 100 }},
	"flat":   {100, func(int, float64) float64 { return 0 }},
}

// What analyze shows of series whose course is known, in text and in JSON.
func TestAnalyze(t *testing.T) {
	s := openShop(t)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range series {
		t.Run(name, func(t *testing.T) {
			file := csvOf(t, test.n, test.value)
			t.Chdir(filepath.Dir(file))
			got := s.run("analyze", "series.csv")
			if got.code != 0 || got.err != "" {
				t.Errorf("%+v", got)
			}
			text := got.out
			got = s.run("analyze", "series.csv", "--output-format=json")
			if got.code != 0 {
				t.Errorf("%+v", got)
			}
			t.Chdir(here)
			golden.Text(t, "analyze-"+name+".txt", []byte(text))
			golden.JSON(t, "analyze-"+name+".json", []byte(got.out))
		})
	}
}

// The fields of the JSON are fixed, and so is what they mean.
func TestAnalyzeJSON(t *testing.T) {
	s := openShop(t)
	file := csvOf(t, 500, series["worse"].value)
	var out struct {
		Points, Skipped int
		Step            float64 `json:"step_seconds"`
		Trend           map[string]any
		ChangePoints    []analyze.ChangePoint `json:"change_points"`
		Scores          []float64
	}
	for worse, want := range map[string]string{"higher": "degrading", "lower": "improving"} {
		got := s.run("analyze", file, "--worse", worse, "--scores", "--output-format", "json")
		if err := json.Unmarshal([]byte(got.out), &out); err != nil {
			t.Fatal(err)
		}
		if out.Trend["direction"] != want || out.Points != 500 || out.Skipped != 0 || out.Step != 300 || len(out.Scores) != 500 || len(out.ChangePoints) != 1 || out.ChangePoints[0].Index != 350 {
			t.Errorf("%s: %+v", worse, out)
		}
		if len(out.Trend) != 6 {
			t.Errorf("a trend has %v", out.Trend)
		}
	}
	d := analyze.NewDetector() // a live monitor would have the same scores
	for i, line := range strings.Split(read(t, file), "\n")[1:501] {
		var v float64
		if _, err := fmt.Sscanf(line[strings.Index(line, ",")+1:], "%g", &v); err != nil {
			t.Fatal(err)
		}
		if r := d.Add(noon.Add(time.Duration(i)*5*time.Minute), v); r.Score != out.Scores[i] {
			t.Fatalf("point %d scores %v, want %v", i, out.Scores[i], r.Score)
		}
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Bad rows are left out and told; --strict fails. The standard input is a file, too.
func TestAnalyzeBadRows(t *testing.T) {
	s := openShop(t)
	text := read(t, csvOf(t, 100, series["stable"].value)) + "yesterday,5\n" + strings.Repeat("2026-03-01T12:00:00Z,x\n", 11)
	const said = "perfmon: -: 12 of 112 rows are bad:\n  line 102: \"yesterday\" is no time\n  line 103: \"x\" is no number\n"
	got := s.runIn(text, "analyze", "-", "--output-format=json")
	if got.code != 0 || !strings.HasPrefix(got.out, `{"points":100,"skipped":12,`) || !strings.HasPrefix(got.err, said) || !strings.HasSuffix(got.err, "  and 2 more\n") {
		t.Errorf("%+v", got)
	}
	got = s.runIn(text, "analyze", "-", "--strict")
	if got.code != exitUnknown || got.out != "" || !strings.HasPrefix(got.err, said) {
		t.Errorf("%+v", got)
	}
	got = s.runIn("v\n1\n2\n3\n", "analyze", "-", "--step=1m", "--output-format=json")
	if got.code != 0 || !strings.Contains(got.out, `"points":3,"skipped":0,"step_seconds":60,`) {
		t.Errorf("%+v", got)
	}
}

// A series of the API comes back as a file that analyze reads.
func TestAnalyzeOfSeries(t *testing.T) {
	s := busy(t)
	file := s.run("series", "response_time_p95", "--output-format=csv").out
	if got := s.runIn(file, "analyze", "-"); got.code != 0 || !strings.HasPrefix(got.out, "response_time_p95 by time of -: 71 points from ") {
		t.Errorf("%+v", got)
	}
}

// Compare says whether B is worse, by how much, and how sure that is.
func TestCompare(t *testing.T) {
	s := openShop(t)
	level := func(mean, noise float64, n int) string {
		return csvOf(t, n, func(i int, r float64) float64 { return mean + noise*math.Sin(float64(i*i)) + r })
	}
	a := level(100, 1, 200)
	for _, test := range []struct {
		name, b string
		args    []string
		verdict string
		code    int
	}{
		{"the same file", a, nil, "same", exitFine},
		{"much higher", level(120, 1, 200), nil, "regression", exitWarning},
		{"much higher is better", level(120, 1, 200), []string{"--worse=lower"}, "improvement", exitFine},
		{"lower", level(90, 1, 200), nil, "improvement", exitFine},
		{"a little higher", level(101, 1, 200), nil, "same", exitFine},
		{"a little counts", level(101, 1, 200), []string{"--tolerance=0"}, "regression", exitWarning},
		{"too noisy", level(103, 60, 12), nil, "unsure", exitUnknown},
		{"too few", level(200, 1, 3), nil, "unsure", exitUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.run(append([]string{"compare", a, test.b, "--output-format=json"}, test.args...)...)
			var out comparison
			if err := json.Unmarshal([]byte(got.out), &out); err != nil {
				t.Fatal(err, got)
			}
			if out.Verdict != test.verdict || got.code != test.code || out.N[0] != 200 {
				t.Errorf("exit code %d: %+v", got.code, out)
			}
			if change, low := out.Change.Float(), out.CI95[0].Float(); test.verdict == "regression" && !(low > 0 && change > low && out.CI95[1].Float() > change && out.PValue.Float() < 0.05) {
				t.Errorf("%+v", out)
			}
		})
	}
	b := level(120, 1, 200)
	got := s.run("compare", a, b)
	text := strings.NewReplacer(a, "a.csv", b, "b.csv").Replace(got.out)
	if diff := cmp.Diff("regression: the mean changed by +20", text[:35]); diff != "" || !strings.Contains(text, "points") {
		t.Error(diff, got)
	}
}
