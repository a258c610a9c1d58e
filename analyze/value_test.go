package analyze_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/analyze"
)

func TestValue(t *testing.T) {
	for _, test := range []struct {
		name   string
		in     float64
		want   float64 // NaN: absent
		json   string
		string string
	}{
		{"zero", 0, 0, "0", "0"},
		{"minus zero", math.Copysign(0, -1), 0, "0", "0"},
		{"plain", 1.25, 1.25, "1.25", "1.25"},
		{"negative", -33.1, -33.1, "-33.1", "-33.1"},
		{"a third", 1. / 3, 1. / 3, "0.3333333333333333", "0.3333333333333333"},
		{"smallest plain", 1e-6, 1e-6, "0.000001", "0.000001"},
		{"just smaller", 9.99e-7, 9.99e-7, "9.99e-07", "9.99e-07"},
		{"largest plain", 999999999999999, 999999999999999, "999999999999999", "999999999999999"},
		{"just larger", 1e15, 1e15, "1e+15", "1e+15"},
		{"beyond float32", 1e300, 1e300, "1e+300", "1e+300"},
		{"largest", math.MaxFloat64, math.MaxFloat64, "1.7976931348623157e+308", "1.7976931348623157e+308"},
		{"smallest", math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64, "5e-324", "5e-324"},
		{"NaN", nan, nan, "null", "absent"},
		{"another NaN", math.Float64frombits(0xFFF8000000000123), nan, "null", "absent"},
		{"infinity", inf, nan, "null", "absent"},
		{"minus infinity", -inf, nan, "null", "absent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := analyze.ValueOf(test.in)
			absent := math.IsNaN(test.want)
			if got := v.Float(); !cmp.Equal(got, test.want, cmpopts.EquateNaNs()) || math.Signbit(got) != math.Signbit(test.want) && !absent {
				t.Errorf("Float: %v, want %v", got, test.want)
			}
			if got, ok := v.Get(); ok == absent || ok && got != test.want || !ok && got != 0 {
				t.Errorf("Get: %v, %v", got, ok)
			}
			if v.IsAbsent() != absent || (v == analyze.Value{}) != absent {
				t.Errorf("IsAbsent: %v, want %v", v.IsAbsent(), absent)
			}
			if got := v.String(); got != test.string {
				t.Errorf("String: %s, want %s", got, test.string)
			}
			data, err := json.Marshal(v)
			if err != nil || string(data) != test.json {
				t.Errorf("JSON: %s, %v, want %s", data, err, test.json)
			}
			back := analyze.ValueOf(42)
			if err := json.Unmarshal(data, &back); err != nil || back != v {
				t.Errorf("back from JSON: %v, %v, want %v", back, err, v)
			}
		})
	}
}

func TestValueRefuses(t *testing.T) {
	for _, data := range []string{``, ` `, `"1"`, `"null"`, `true`, `[]`, `{}`, `1e309`, `-1e309`, `NaN`, `Infinity`, `+1`, `.5`, `1.`, `01`, `0x10`, `1_0`, `1 2`, `nul`} {
		v := analyze.ValueOf(7)
		if err := v.UnmarshalJSON([]byte(data)); err == nil {
			t.Errorf("%q is read as %v", data, v)
		}
		if v != analyze.ValueOf(7) {
			t.Errorf("%q is refused, but leaves %v", data, v)
		}
		var values analyze.Values
		if err := values.UnmarshalJSON([]byte(`[1,` + data + `]`)); err == nil {
			t.Errorf("a column with %q is read as %v", data, values)
		}
	}
	var v analyze.Value
	err := json.Unmarshal([]byte(`"`+strings.Repeat("x", 10_000)+`"`), &v)
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("the error of a long text is %v", err)
	}
}

func TestValuesJSON(t *testing.T) {
	for _, test := range []struct {
		name string
		in   analyze.Values
		json string
		back analyze.Values // nil: as in
	}{
		{"nil", nil, "null", nil},
		{"empty", analyze.Values{}, "[]", analyze.Values{}},
		{"absent", analyze.Values{nan, inf, -inf}, "[null,null,null]", analyze.Values{nan, nan, nan}},
		{"plain", analyze.Values{0, 1, -2.5, 1234567}, "[0,1,-2.5,1234567]", nil},
		{"minus zero", analyze.Values{math.Copysign(0, -1)}, "[0]", analyze.Values{0}},
		{"rounded", analyze.Values{100. / 3}, "[33.333332]", analyze.Values{float64(float32(100. / 3))}},
		{"exponents", analyze.Values{float64(float32(1e-9)), float64(float32(2e15))}, "[1e-09,2e+15]", nil},
		{"largest float32", analyze.Values{math.MaxFloat32}, "[3.4028235e+38]", nil},
		{"beyond float32", analyze.Values{1e300, -1e39, 3.5e38}, "[1e+300,-1e+39,3.5e+38]", nil},
		{"below float32", analyze.Values{1e-300, 1.234567890123e-40}, "[1e-300,1.234567890123e-40]", nil},
		{"smallest normal float32", analyze.Values{0x1p-126, math.SmallestNonzeroFloat32}, "[1.1754944e-38,1.401298464324817e-45]", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, err := json.Marshal(test.in)
			if err != nil || string(data) != test.json {
				t.Fatalf("JSON: %s, %v, want %s", data, err, test.json)
			}
			want := test.back
			if want == nil {
				want = test.in
			}
			back := analyze.Values{1, 2, 3}
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, back, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("back from JSON (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMinusZeroIsReadAsZero(t *testing.T) {
	var v analyze.Values
	if err := json.Unmarshal([]byte(`[-0,-0.0]`), &v); err != nil || len(v) != 2 || math.Signbit(v[0]) || math.Signbit(v[1]) {
		t.Errorf("%v, %v", v, err)
	}
}

func TestValuesRefuses(t *testing.T) {
	for _, data := range []string{``, `1`, `"x"`, `{}`, `[1`, `[1,]`, `[[1]]`} {
		v := analyze.Values{7}
		if err := v.UnmarshalJSON([]byte(data)); err == nil {
			t.Errorf("%q is read as %v", data, v)
		}
		if diff := cmp.Diff(analyze.Values{7}, v); diff != "" {
			t.Errorf("%q is refused, but leaves %v", data, v)
		}
	}
}

func TestDirection(t *testing.T) {
	for d, want := range map[analyze.Direction]string{analyze.Neutral: "neutral", analyze.HigherIsWorse: "higher", analyze.LowerIsWorse: "lower"} {
		text, err := d.MarshalText()
		if err != nil || string(text) != want || d.String() != want {
			t.Errorf("%d: %s, %s, %v, want %s", d, text, d, err, want)
		}
		back := analyze.Direction(9)
		if err := back.UnmarshalText(text); err != nil || back != d {
			t.Errorf("%s comes back as %v, %v", want, back, err)
		}
	}
	if _, err := analyze.Direction(3).MarshalText(); err == nil {
		t.Error("direction 3 has a text")
	}
	if got := analyze.Direction(3).String(); got != "Direction(3)" {
		t.Errorf("direction 3 is %s", got)
	}
	for _, text := range []string{"", "Higher", "up", "neutral "} {
		d := analyze.HigherIsWorse
		err := d.UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), `"neutral", "higher" or "lower"`) || d != analyze.HigherIsWorse {
			t.Errorf("%q is read as %v, %v", text, d, err)
		}
	}
}

func FuzzValueJSON(f *testing.F) {
	for _, seed := range []string{"0", "-1.5", "1e300", "null", "1e-320", `"1"`, "0x1p3"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v analyze.Value
		if err := v.UnmarshalJSON(data); err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON, and is read as %v", data, v)
		}
		out, err := v.MarshalJSON()
		var back analyze.Value
		if err != nil || back.UnmarshalJSON(out) != nil || back != v {
			t.Fatalf("%v is written as %s, %v, and comes back as %v", v, out, err, back)
		}
	})
}

func FuzzValuesJSON(f *testing.F) {
	for _, seed := range []string{"null", "[]", "[1,null,-2.5e300]", "[1e-40,1e39]", `["1"]`, "[3.4028235e38,3.4028236e38]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v analyze.Values
		if err := v.UnmarshalJSON(data); err != nil {
			return
		}
		out, err := v.MarshalJSON()
		var back analyze.Values
		if err != nil || !json.Valid(out) {
			t.Fatalf("%v is written as %s, %v", v, out, err)
		}
		if err := back.UnmarshalJSON(out); err != nil || !cmp.Equal(v, back, cmpopts.EquateNaNs()) {
			t.Fatalf("%v is written as %s and comes back as %v, %v", v, out, back, err)
		}
	})
}
