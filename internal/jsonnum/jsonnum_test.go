package jsonnum_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/backend-prs/perfmon/internal/jsonnum"
)

func TestAppend(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -2.5: "-2.5", 1234567: "1234567", 0.1: "0.1", 100.0 / 3: "33.333332", 1e-9: "1e-09",
		2e15: "2e+15", math.Inf(1): "null", math.Inf(-1): "null", 1e300: "null",
	} {
		if got := string(jsonnum.Append(nil, v)); got != want {
			t.Errorf("%v is written as %s, want %s", v, got, want)
		}
	}
	if got := string(jsonnum.Append(nil, math.NaN())); got != "null" {
		t.Errorf("NaN is written as %s", got)
	}
}

func FuzzAppendIsJSON(f *testing.F) {
	f.Add(1.5)
	f.Fuzz(func(t *testing.T, v float64) {
		var back *float64
		if err := json.Unmarshal(jsonnum.Append(nil, v), &back); err != nil {
			t.Fatal(err)
		}
		if back != nil && math.Abs(*back-v) > math.Abs(v)*1e-6+1e-40 {
			t.Fatalf("%v comes back as %v", v, *back)
		}
	})
}
