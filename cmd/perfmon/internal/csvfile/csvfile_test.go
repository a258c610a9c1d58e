package csvfile_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/csvfile"
)

// read returns all points of a text.
func read(in io.Reader, o csvfile.Options) (points []csvfile.Point, r *csvfile.Reader, err error) {
	if r, err = csvfile.NewReader(in, o); err != nil {
		return nil, nil, err
	}
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return points, r, nil
		}
		if err != nil {
			return points, r, err
		}
		points = append(points, p)
	}
}

// The same three points, as many ways as people and programs write them.
func TestForms(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 3, 1, 12, 0, s, 0, time.UTC) }
	want := []csvfile.Point{{Time: at(0), Value: 1.5}, {Time: at(10), Value: -2}, {Time: at(30), Value: 3000}}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text string
		o    csvfile.Options
	}{
		"RFC 3339":             {"time,value\n2026-03-01T12:00:00Z,1.5\n2026-03-01T13:00:10+01:00,-2\n2026-03-01T12:00:30.000Z,3e3\n", csvfile.Options{}},
		"with a space":         {"timestamp,value\n2026-03-01 12:00:00,1.5\n2026-03-01 12:00:10,-2\n2026-03-01 12:00:30.0,3000\n", csvfile.Options{}},
		"in a zone":            {"timestamp,value\n2026-03-01 13:00:00,1.5\n2026-03-01 13:00:10,-2\n2026-03-01 13:00:30,3000\n", csvfile.Options{Zone: berlin}},
		"Unix seconds":         {"time,value\n1772366400,1.5\n1772366410,-2\n1772366430,3000\n", csvfile.Options{}},
		"a fraction":           {"time,value\n1772366400.0,1.5\n1772366410.0,-2\n1.77236643e9,3000\n", csvfile.Options{}},
		"milliseconds":         {"ts,ms\n1772366400000,1.5\n1772366410000,-2\n1772366430000,3000\n", csvfile.Options{}},
		"microseconds":         {"ts,ms\n1772366400000000,1.5\n1772366410000000,-2\n1772366430000000,3000\n", csvfile.Options{}},
		"nanoseconds":          {"ts,ms\n1772366400000000000,1.5\n1772366410000000000,-2\n1772366430000000000,3000\n", csvfile.Options{}},
		"no head":              {"2026-03-01T12:00:00Z,1.5\n2026-03-01T12:00:10Z,-2\n2026-03-01T12:00:30Z,3000", csvfile.Options{}},
		"no head, Unix":        {"1772366400,1.5\n1772366410,-2\n1772366430,3000\n", csvfile.Options{}},
		"value first":          {"ms,when\n1.5,2026-03-01T12:00:00Z\n-2,2026-03-01T12:00:10Z\n3000,2026-03-01T12:00:30Z\n", csvfile.Options{}},
		"value first, Unix":    {"1.5,1772366400\n-2,1772366410\n3000,1772366430\n", csvfile.Options{}},
		"decimal comma":        {"Zeit;Wert\n2026-03-01 12:00:00;1,5\n2026-03-01 12:00:10;-2,0\n2026-03-01 12:00:30;3000\n", csvfile.Options{}},
		"tabs":                 {"time\tvalue\n2026-03-01T12:00:00Z\t1.5\n2026-03-01T12:00:10Z\t-2\n2026-03-01T12:00:30Z\t3000\n", csvfile.Options{}},
		"quotes, mark, CR":     {"\ufeff\"time\",\"my \"\"value\"\"\"\r\n\"2026-03-01T12:00:00Z\", \"1.5\"\r\n\"2026-03-01T12:00:10Z\",\"-2\"\r\n2026-03-01T12:00:30Z , 3000 \r\n", csvfile.Options{}},
		"comments":             {"# of a program\ntime,value\n2026-03-01T12:00:00Z,1.5\n\n2026-03-01T12:00:10Z,-2\n#\n2026-03-01T12:00:30Z,3000\n", csvfile.Options{}},
		"named":                {"a,b,c,d\n1,2026-03-01T12:00:00Z,1.5,x\n2,2026-03-01T12:00:10Z,-2,y\n3,2026-03-01T12:00:30Z,3000,z\n", csvfile.Options{Value: "c"}},
		"numbered":             {"a,b,c,d\n1,2026-03-01T12:00:00Z,1.5,x\n2,2026-03-01T12:00:10Z,-2,y\n3,2026-03-01T12:00:30Z,3000,z\n", csvfile.Options{Value: "3", Time: "2"}},
		"a column named value": {"time,label,count,value\n2026-03-01T12:00:00Z,a,9,1.5\n2026-03-01T12:00:10Z,a,9,-2\n2026-03-01T12:00:30Z,a,9,3000\n", csvfile.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, r, err := read(strings.NewReader(test.text), test.o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" || r.Skipped != 0 {
				t.Errorf("%+v (-want +got):\n%s", r.Bad, diff)
			}
		})
	}
}

// The columns that are found, by the heads of the file or else by their numbers.
func TestColumns(t *testing.T) {
	for name, test := range map[string]struct {
		text        string
		o           csvfile.Options
		time, value string
	}{
		"by what they hold":          {"n,when,v\n1,2026-03-01,5\n", csvfile.Options{}, "when", "n"},
		"by the head value":          {"n,when,Value\n1,2026-03-01,5\n", csvfile.Options{}, "when", "Value"},
		"Unix times by their head":   {"v,n,ts\n1772366400,5,1772366400\n", csvfile.Options{}, "ts", "v"},
		"the first Unix times":       {"a,b,c\n1772366400,1772366401,5\n", csvfile.Options{}, "a", "b"},
		"text before numbers":        {"a,b,c\n1772366400,5,2026-03-01\n", csvfile.Options{}, "c", "a"},
		"no heads":                   {"5,2026-03-01\n", csvfile.Options{}, "2", "1"},
		"an empty head":              {"when,,x\n2026-03-01,5,y\n", csvfile.Options{}, "when", "2"},
		"the first by its number":    {"1772366400,7,5\n", csvfile.Options{Time: "1", Value: "3"}, "1", "3"},
		"a head that is a number":    {"when,v,x2\n2026-03-01,5,6\n", csvfile.Options{Value: "x2"}, "when", "x2"},
		"half of the cells are good": {"a,b\nx,1\n2026-03-01,2\n", csvfile.Options{}, "a", "b"},
		"empty cells do not count":   {"a,b,c\n,2026-03-01,\n,2026-03-02,\n,2026-03-03,5\n", csvfile.Options{}, "b", "c"},
		"without times":              {"x,y\na,1\nb,2\n", csvfile.Options{Step: 1}, "", "y"},
		"numbers before 1990":        {"a,b\n1772366400,500000000\n", csvfile.Options{}, "a", "b"},
	} {
		r, err := csvfile.NewReader(strings.NewReader(test.text), test.o)
		if err != nil || r.TimeColumn != test.time || r.ValueColumn != test.value {
			t.Errorf("%s: %q and %q, want %q and %q: %v", name, r.TimeColumn, r.ValueColumn, test.time, test.value, err)
		}
	}
	// A single column of numbers is no column of times, and most cells have to be good.
	for _, text := range []string{"1772366400\n1772366401\n", "a\n1772366400\n", "a,b\nx,1\ny,2\n2026-03-01,3\n"} {
		if r, err := csvfile.NewReader(strings.NewReader(text), csvfile.Options{}); err == nil {
			t.Errorf("%q has times in %q", text, r.TimeColumn)
		}
	}
}

// A file without times has its rows a step apart.
func TestStep(t *testing.T) {
	got, r, err := read(strings.NewReader("value\n5\nx\n6\n"), csvfile.Options{Step: time.Minute})
	want := []csvfile.Point{{Time: time.Unix(0, 0).UTC(), Value: 5}, {Time: time.Unix(60, 0).UTC(), Value: 6}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" || r.Skipped != 1 || r.ValueColumn != "value" || r.TimeColumn != "" {
		t.Errorf("%v %+v %s", err, r, diff)
	}
}

// Bad rows are counted, and the first ones said with their line.
func TestBadRows(t *testing.T) {
	long := strings.Repeat("9", 1<<20)
	text := "time,value\n2026-03-01T12:00:00Z,1\nyesterday,2\n2026-03-01T12:00:02Z,\n\n2026-03-01T12:00:03Z,much\n2026-03-01T12:00:04Z\n2026-03-01T12:00:05Z,NaN\n" +
		"2026-03-01T12:00:06Z,+Inf\n2026-03-01T12:00:07Z,\"5\n" + long + "\n2026-03-01T12:00:08Z,3\n9999-03-01T12:00:08Z,3"
	points, r, err := read(strings.NewReader(text), csvfile.Options{})
	if err != nil || len(points) != 2 {
		t.Fatalf("%v %v", points, err)
	}
	want := []csvfile.BadRow{
		{Line: 3, Why: `"yesterday" is no time`}, {Line: 4, Why: "the value is empty"}, {Line: 6, Why: `"much" is no number`}, {Line: 7, Why: "it has 1 columns"},
		{Line: 8, Why: `"NaN" is no number`}, {Line: 9, Why: `"+Inf" is no number`}, {Line: 10, Why: "a quote does not end"}, {Line: 11, Why: "it is longer than 1024 KiB"},
		{Line: 13, Why: `"9999-03-01T12:00:08Z" is no time`},
	}
	if diff := cmp.Diff(want, r.Bad); diff != "" || r.Skipped != len(want) {
		t.Errorf("%d (-want +got):\n%s", r.Skipped, diff)
	}
	points, r, err = read(strings.NewReader("time,value\n2026-03-01T12:00:00Z,1\n"+strings.Repeat("x,y\n", 1000)), csvfile.Options{Time: "time", Value: "value"})
	if err != nil || len(points) != 1 || r.Skipped != 1000 || len(r.Bad) != 10 {
		t.Errorf("%v %+v", err, r)
	}
}

// What cannot be read says why, and what to do.
func TestWrongFiles(t *testing.T) {
	for want, test := range map[string]struct {
		text string
		o    csvfile.Options
	}{
		"the file is empty":             {"", csvfile.Options{}},
		"the file is empty ":            {"\n\n# only a comment\n", csvfile.Options{}},
		"no column of times":            {"value\n1\n2\n", csvfile.Options{}},
		"no column of times ":           {"a,b\n1,2\n3,4\n", csvfile.Options{}},
		"no column of numbers":          {"time,value\n2026-03-01,x\n2026-03-02,y\n", csvfile.Options{}},
		"no column of numbers ":         {"time,value\n", csvfile.Options{Time: "time"}},
		`value: "v" is not valid: want`: {"time,value\n2026-03-01,1\n", csvfile.Options{Value: "v"}},
		`time: "0" is not valid: want`:  {"time,value\n2026-03-01,1\n", csvfile.Options{Time: "0"}},
		"is the column of times":        {"time,value\n2026-03-01,1\n", csvfile.Options{Value: "time"}},
		"want one of them":              {"time,value\n2026-03-01,1\n", csvfile.Options{Time: "time", Step: time.Second}},
		"want more than 0":              {"time,value\n2026-03-01,1\n", csvfile.Options{Step: -time.Second}},
		"line 1: a quote does not end":  {"\"\n", csvfile.Options{}},
	} {
		if _, _, err := read(strings.NewReader(test.text), test.o); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("%q: %v, want %s", test.text, err, want)
		}
	}
	if _, _, err := read(io.MultiReader(strings.NewReader("time,value\n2026-03-01,1\n"), broken{}), csvfile.Options{}); err == nil || !strings.Contains(err.Error(), "disk") {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

// Whatever a file holds, every line is a point, a bad row, or nothing, and points are
// finite and of this time.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"time,value\n2026-03-01T12:00:00Z,1.5\n", "1772366400;1,5\n", "\"a\"\"b\",\"c\n", "a\tb\n1\t2\n", "#\n\n,\n", "\ufefftime,value\r\n1e300,1e300\r\n",
		"time,value\n-9223372036854775808,1\n", "9e17,1\n9.1e18,2\n",
	} {
		f.Add(seed, "", "", int64(0))
	}
	f.Add("1\n2\n", "", "1", int64(time.Second))
	f.Fuzz(func(t *testing.T, text, timeColumn, value string, step int64) {
		points, r, err := read(strings.NewReader(text), csvfile.Options{Time: timeColumn, Value: value, Step: time.Duration(step)})
		if err != nil {
			return
		}
		if lines := strings.Count(text, "\n") + 1; len(points)+r.Skipped > lines || len(r.Bad) > r.Skipped {
			t.Errorf("%d points and %d bad rows of %d lines", len(points), r.Skipped, lines)
		}
		for _, p := range points {
			if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
				t.Errorf("%v", p)
			}
			if _, err := p.Time.MarshalJSON(); err != nil && step == 0 {
				t.Error(err)
			}
		}
		for _, bad := range r.Bad {
			if bad.Line < 1 || bad.Why == "" || len(bad.Why) > 400 {
				t.Errorf("%+v", bad)
			}
		}
	})
}

// A large file needs no more memory than a small one.
func BenchmarkReader(b *testing.B) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "%d,%d.5\n", 1772366400+i, i)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, _, err := read(strings.NewReader(text.String()), csvfile.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
