package perfmon_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/wire"
)

// full sets every field that v points to, each to another value, so that one which an
// encoding forgets is missed.
func full(v reflect.Value, n *int) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = noon.Add(time.Duration(*n) * time.Nanosecond)
		return
	case *perfmon.Value:
		*x = perfmon.ValueOf(float64(*n) / 3)
		return
	case *perfmon.Metadata:
		if err := x.UnmarshalJSON([]byte(`{"n":1}`)); err != nil {
			panic(err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		full(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			full(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			full(v.Index(i), n)
		}
	case reflect.String:
		v.SetString(strings.Repeat("s", *n%7) + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 7)
	default:
		panic("no value for " + v.Type().String())
	}
}

// Every field of an alert and of its key's state comes back from the binary encoding.
func TestRecordBinaryForgetsNothing(t *testing.T) {
	alert, n := &perfmon.AlertRecord{}, 0
	full(reflect.ValueOf(alert).Elem(), &n)
	if n < 60 {
		t.Fatalf("only %d fields are set", n)
	}
	threshold := perfmon.Threshold{Metric: "m", Warning: perfmon.ValueOf(3), Cooldown: time.Minute}
	for _, want := range []perfmon.Record{
		{Number: 7, Time: noon, Author: "ann", Alert: alert},
		{Number: 8, Time: noon, Author: "monitor", Alert: &perfmon.AlertRecord{Key: perfmon.Key{Metric: "m"}}},
		{Number: 9, Time: noon, Author: "bob", Threshold: &perfmon.ThresholdRecord{Threshold: threshold, Removed: true}},
		{Number: math.MaxUint64, Marker: &perfmon.Marker{ID: "x", At: noon, Kind: perfmon.MarkerNote}},
	} {
		data, err := want.AppendBinary([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		var got perfmon.Record
		if err := got.UnmarshalBinary(data[len("before"):]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record %d (-want +got):\n%s", want.Number, diff)
		}
	}
}

func TestPointBinary(t *testing.T) {
	for _, want := range []perfmon.Point{
		{Time: noon, ElapsedSeconds: 59.9, Values: map[string]perfmon.Value{"a": perfmon.ValueOf(1.0 / 3), "b": perfmon.ValueOf(-1e300)}, Scopes: []perfmon.ScopePoint{
			{Scope: perfmon.Scope{Endpoint: "GET /"}, Requests: 3, Errors: 1, Times: []byte{1, 2, 3}}, {Scope: perfmon.Scope{Organization: "acme"}, Requests: math.MaxUint64, Times: []byte{9}},
		}},
		{Time: noon, Values: map[string]perfmon.Value{}},
	} {
		data, err := want.AppendBinary([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		var got perfmon.Point
		if err := got.UnmarshalBinary(data[len("before"):]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestRefusedBinaries(t *testing.T) {
	record, err := perfmon.Record{Number: 1, Time: noon, Alert: &perfmon.AlertRecord{Key: perfmon.Key{Metric: "m"}}}.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "its checksum does not match"},
		{"a later version", append([]byte{200}, record[1:]...), "encoding of version 200: this perfmon reads versions up to "},
		{"cut", record[:len(record)-1], "its checksum does not match"},
		{"changed", append(append([]byte{}, record[:5]...), append([]byte{record[5] ^ 1}, record[6:]...)...), "its checksum does not match"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := perfmon.Record{Number: 5}
			var p perfmon.Point
			asPoint := append([]byte{}, test.data...)
			if len(asPoint) > 0 && asPoint[0] == record[0] {
				asPoint[0] = 1 // the version of points
			}
			for _, err := range []error{r.UnmarshalBinary(test.data), p.UnmarshalBinary(asPoint)} {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want %q", err, test.want)
				}
			}
			if r.Number != 5 || !p.Time.IsZero() {
				t.Error("it was changed")
			}
		})
	}
}

// Whatever bytes are read, with a checksum that matches, reading ends with a value that
// comes back, or an error.
func FuzzRecordBinary(f *testing.F) {
	alert, n := &perfmon.AlertRecord{}, 0
	full(reflect.ValueOf(alert).Elem(), &n)
	for _, r := range []perfmon.Record{{Number: 1, Time: noon, Alert: alert}, {Number: 2, Marker: &perfmon.Marker{ID: "x"}}} {
		data, err := r.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:len(data)-4])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r, again perfmon.Record
		var p perfmon.Point
		sealed := wire.Seal(data, 0)
		_ = p.UnmarshalBinary(sealed)
		if r.UnmarshalBinary(sealed) != nil {
			return
		}
		written, err := r.AppendBinary(nil)
		if err != nil {
			return // a record of nothing that JSON can write
		}
		if err := again.UnmarshalBinary(written); err != nil {
			t.Fatal(err)
		}
	})
}
