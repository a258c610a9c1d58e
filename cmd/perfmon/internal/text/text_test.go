package text_test

import (
	"encoding/csv"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		v    float64
		unit string
		want string
	}{
		{0, "s", "0 s"}, {0.0384, "s", "38.4 ms"}, {0.9999, "s", "1 s"}, {2.5e-7, "s", "250 ns"}, {1.234e-5, "s", "12.3 µs"}, {90, "s", "1.5 min"}, {7200, "s", "2 h"},
		{-0.038, "s", "-38 ms"}, {27.4, "MiB", "27.4 MiB"}, {0.5, "MiB", "512 KiB"}, {2048, "MiB", "2 GiB"}, {0, "MiB", "0 MiB"}, {1.5e6, "MiB", "1.43 TiB"},
		{1234, "1/s", "1.23 k/s"}, {81.04, "1/s", "81 /s"}, {0.123456, "1/s", "0.123 /s"}, {0, "1/s", "0 /s"}, {0.4, "%", "0.4 %"}, {100, "%", "100 %"}, {1e-9, "%", "1e-09 %"},
		{9999, "count", "9999"}, {12345, "count", "12.3 k"}, {0.285, "count", "0.285"}, {3e9, "", "3 G"}, {5, "baskets", "5 baskets"}, {1234.5, "x", "1234 x"},
		{math.NaN(), "s", "–"}, {math.Inf(1), "s", "–"},
	} {
		if got := text.Number(test.v, test.unit); got != test.want {
			t.Errorf("%v %s: %q, want %q", test.v, test.unit, got, test.want)
		}
	}
}

func TestSmallForms(t *testing.T) {
	for got, want := range map[string]string{
		text.Percent(perfmon.ValueOf(12.34)): "+12.3 %", text.Percent(perfmon.ValueOf(-5)): "-5 %", text.Percent(perfmon.ValueOf(0)): "0 %", text.Percent(perfmon.Value{}): "–",
		text.Probability(perfmon.ValueOf(1e-9)): "< 0.0001", text.Probability(perfmon.ValueOf(0.01234)): "0.0123",
		text.Count(1): "1", text.Count(1234567): "1,234,567", text.Plural(1, "point"): "1 point", text.Plural(2000, "point"): "2,000 points",
		text.Duration(42 * time.Second): "42 s", text.Duration(90 * time.Second): "1 min 30 s", text.Duration(3 * time.Hour): "3 h", text.Duration(-time.Second): "0 s",
		text.Duration(50 * time.Hour): "2 d 2 h", text.Duration(20 * time.Millisecond): "20 ms", text.Seconds(math.NaN()): "– ",
		text.Spread(perfmon.ValueOf(0.5))(12.3456): "12.35", text.Spread(perfmon.ValueOf(5000))(123456): "123456", text.Spread(perfmon.Value{})(1234567): "1.23 M",
		text.Clean("a\x1b[31mb\nc\u202ed"): "a [31mb c d", text.Clean("\xff"): "\ufffd", text.CleanLines("a\x1bb\nc"): "a b\nc",
	} {
		if got != strings.TrimSpace(want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSpark(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		values  []float64
		columns int
		want    string
	}{
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 8, "▁▂▃▄▅▆▇█"}, {[]float64{7, nan, 0}, 9, "█ ▁"}, {[]float64{0, 0}, 9, "▁▁"}, {[]float64{5, 5}, 9, "██"},
		{[]float64{-7, 0}, 9, "▁█"}, {[]float64{1, 9, 1, 1, nan, nan}, 3, "█▂ "}, {nil, 5, ""}, {[]float64{-math.MaxFloat64, math.MaxFloat64}, 2, "▁█"},
	} {
		if got := text.Spark(test.values, test.columns); got != test.want {
			t.Errorf("%v: %q, want %q", test.values, got, test.want)
		}
	}
}

func table() *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "name", Field: "name", Least: 6}, {Head: "value", Field: "value", Right: true}, {Field: "raw"}, {Head: "more", Field: "more", Wide: true},
	}}
	t.Add(text.Cell{Text: "\x1b[31mGET /a/long/route\x1b[0m", Raw: "GET /a/long/route"}, text.Cell{Text: "1 ms", Raw: "0.001"}, text.Cell{Raw: "=1+1"}, text.Cell{Text: "x", Raw: "-5"})
	t.Add(text.Cell{Text: "b", Raw: "@b"}, text.Cell{Text: "–"}, text.Cell{Raw: "+4 a"}, text.Cell{Text: "y", Raw: `q"uote`})
	return t
}

// A table that is too wide is cut where that may be, and no colour runs on.
func TestTable(t *testing.T) {
	for width, want := range map[int]string{
		0:  "name                      value\nGET /a/long/route          1 ms\nb                             –",
		20: "name          value\nGET /a/lo…      1 ms\nb                  –",
	} {
		lines := table().Lines(text.Style{}, width, false)
		got := strings.Join(lines, "\n")
		if width == 20 {
			for _, line := range lines {
				if ansi.StringWidth(line) > width {
					t.Errorf("%q is wider than %d", line, width)
				}
			}
			if !strings.Contains(ansi.Strip(got), "…") || strings.Count(got, "\x1b[31m") != strings.Count(got, "\x1b[0m") {
				t.Errorf("%q", got)
			}
			continue
		}
		if got := strings.Join(strings.Fields(ansi.Strip(got)), " "); got != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%q", got)
		}
	}
	if wide := strings.Join(table().Lines(text.Style{}, 0, true), "\n"); !strings.Contains(wide, "more") {
		t.Error(wide)
	}
	if dim := table().Lines(text.Style{Color: true}, 0, false)[0]; !strings.HasPrefix(dim, "\x1b[2mname\x1b[0m") {
		t.Errorf("%q", dim)
	}
}

// CSV has all columns with a field, and nothing that a spreadsheet would run.
func TestCSV(t *testing.T) {
	var b strings.Builder
	if err := table().CSV(&b); err != nil {
		t.Fatal(err)
	}
	want := "name,value,raw,more\r\nGET /a/long/route,0.001,'=1+1,-5\r\n'@b,,'+4 a,\"q\"\"uote\"\r\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// A chart keeps gaps in time, and its width.
func TestChart(t *testing.T) {
	at := func(i int) time.Time { return time.Date(2026, 3, 1, 12, i, 0, 0, time.UTC) }
	c := text.Chart{
		Times: []time.Time{at(0), at(1), at(2), at(3), at(30)}, Values: []float64{0, 50, 100, math.NaN(), 25}, Unit: "%", Width: 40, Height: 2,
		Marks: []time.Time{at(30)}, Label: func(t time.Time) string { return t.Format("15:04") },
	}
	want := []string{"100 % ┤  █", "  0 % ┤▁██                           ▄", "                                     ▲", "       12:00                     12:30"}
	if diff := cmp.Diff(want, c.Lines()); diff != "" {
		t.Error(diff)
	}
	c.Values = []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	if got := c.Lines(); got != nil {
		t.Errorf("%q", got)
	}
	many := text.Chart{Width: 40, Label: c.Label}
	for i := range 500 {
		many.Times, many.Values = append(many.Times, at(i)), append(many.Values, float64(i%50)-25)
	}
	for _, line := range many.Lines() {
		if w := ansi.StringWidth(line); w > 40 {
			t.Errorf("%d columns: %q", w, line)
		}
	}
}

// A page hangs text under its prefix, and writes times as near as they are.
func TestPage(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := &text.Page{Width: 30, Now: now, Zone: time.UTC}
	p.Hang("a", 6, "words that take more than a line")
	p.Hang("a longer one", 6, "below it")
	p.Head("Section")
	p.Line("%s", strings.Repeat("x", 40))
	want := "a     words that take more\n      than a line\na longer one\n      below it\n\nSection\n" + strings.Repeat("x", 29) + "…\n"
	if diff := cmp.Diff(want, p.String()); diff != "" {
		t.Error(diff)
	}
	for at, want := range map[time.Time]string{now: "12:00:00", now.AddDate(0, 0, -1): "Feb 28 12:00", now.AddDate(-1, 0, 0): "2025-03-01 12:00", {}: "–"} {
		if got := p.Time(at); got != want {
			t.Errorf("%v is %q, want %q", at, got, want)
		}
	}
	if got := p.Ago(now.Add(-90 * time.Second)); got != "1 min 30 s ago" {
		t.Error(got)
	}
}

// No text becomes a formula, also behind spaces and in full width; numbers stay numbers.
func TestCSVHasNoFormulas(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", " =1+1": "' =1+1", "＝1+1": "'＝1+1", "@x": "'@x", "-1.5": "-1.5", "plain": "plain", " plain": " plain", "": "",
	} {
		table := text.Table{Columns: []text.Column{{Field: "a"}, {Field: "b"}}}
		table.Add(text.Cell{Raw: cell}, text.Cell{Raw: "end"})
		var b strings.Builder
		if err := table.CSV(&b); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(rows) != 2 || rows[1][0] != want {
			t.Errorf("%q: %q, %v", cell, rows, err)
		}
	}
}
