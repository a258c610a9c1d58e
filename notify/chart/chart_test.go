package chart_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify/chart"
)

var shots = flag.String("shots", "", "a folder for the pictures, to look at")

var (
	_   perfmon.ChartMaker = chart.Draw
	now                    = time.Date(2026, 11, 25, 20, 31, 0, 0, time.UTC)
)

// hour is an hour of values, one a minute.
func hour(title, name, unit string, limit perfmon.Value, f func(i int) float64) perfmon.ChartData {
	d := perfmon.ChartData{Title: title, Metric: perfmon.Metric{Name: name, Unit: unit}, Limit: limit, Opened: now.Add(-12 * time.Minute), Severity: perfmon.Critical}
	for i := range 61 {
		d.Times, d.Values = append(d.Times, now.Add(time.Duration(i-60)*time.Minute)), append(d.Values, f(i))
	}
	return d
}

func wave(i int) float64 { return math.Sin(float64(i)/3) + math.Sin(float64(i)*7) }

// pictures are charts of all sorts.
func pictures() map[string]perfmon.ChartData {
	limit := perfmon.ValueOf
	few := hour("queue_size of service", "queue_size", "count", limit(100), func(i int) float64 { return float64(i * 3) })
	few.Times, few.Values = few.Times[59:], few.Values[59:]
	before := hour("memory_usage_percent of service", "memory_usage_percent", "%", limit(90), func(i int) float64 { return 88 + float64(i)/15 + wave(i)/4 })
	before.Opened = now.Add(-2 * time.Hour)
	return map[string]perfmon.ChartData{
		"slow": hour("response_time_p95 of GET /orders/{id}", "response_time_p95", "s", limit(5), func(i int) float64 {
			return 0.4 + wave(i)/10 + max(0, float64(i-44))*0.42
		}),
		"fall": hour("throughput_rps of service", "throughput_rps", "1/s", limit(5), func(i int) float64 { return max(0, 120+10*wave(i)-max(0, float64(i-45))*20) }),
		"gaps": hour("error_rate of POST /cart", "error_rate", "%", limit(10), func(i int) float64 {
			if i > 10 && i < 20 || i > 25 && i < 30 && i != 28 || i == 50 {
				return math.NaN()
			}
			return 1.5 + wave(i)/2 + max(0, float64(i-40))
		}),
		"level":   hour("cache_hit_rate of service", "cache_hit_rate", "%", limit(50), func(int) float64 { return 42 }),
		"zero":    hour("requests of service", "own", "count", perfmon.Value{}, func(int) float64 { return 0 }),
		"below":   hour("temperature", "own", "°C", limit(-5), func(i int) float64 { return -20 + wave(i) + float64(i)/3 }),
		"far":     before,
		"few":     few,
		"large":   hour("own", "own", "count", limit(9e9), func(i int) float64 { return 1e9 * (5 + wave(i)) }),
		"small":   hour("gc_pause_p99 of service", "gc_pause_p99", "s", limit(0.0002), func(i int) float64 { return 1e-4 + 5e-5*wave(i) }),
		"extreme": hour(strings.Repeat("a very long title ", 30), "own", strings.Repeat("u", 32), limit(1e299), func(i int) float64 { return 1e300 * wave(i) / 4 }),
	}
}

// Every picture is a PNG of its size, and small.
func TestDraw(t *testing.T) {
	for name, d := range pictures() {
		image, err := chart.Draw(t.Context(), d)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := png.Decode(bytes.NewReader(image.Data))
		if err != nil {
			t.Fatal(err)
		}
		if b := got.Bounds(); b.Dx() != chart.Width || b.Dy() != chart.Height || len(image.Data) > 40<<10 {
			t.Errorf("%s: %v, %d bytes", name, b, len(image.Data))
		}
		t.Logf("%s: %d bytes: %s", name, len(image.Data), image.Alt)
		if *shots != "" {
			if err := os.WriteFile(filepath.Join(*shots, name+".png"), image.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The line is where the values are, and the limit where it is: by colour, in their columns.
func TestShowsTheValuesAndTheLimit(t *testing.T) {
	d := hour("own", "own", "count", perfmon.ValueOf(75), func(i int) float64 {
		if i < 30 {
			return 20
		}
		return 100
	})
	d.Opened = time.Time{}
	image, err := chart.Draw(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(image.Data))
	if err != nil {
		t.Fatal(err)
	}
	// rows are the middle of what has a colour in a column.
	row := func(x int, is func(r, g, b uint32) bool) int {
		sum, n := 0, 0
		for y := 60; y < chart.Height-50; y++ {
			if r, g, b, _ := picture.At(x, y).RGBA(); is(r>>8, g>>8, b>>8) {
				sum, n = sum+y, n+1
			}
		}
		if n == 0 {
			return -1
		}
		return sum / n
	}
	line := func(r, g, b uint32) bool { return r < 90 && g < 130 && b > 140 }
	limit := func(r, g, b uint32) bool { return r > 150 && g < 70 && b < 70 }
	low, high := row(200, line), row(600, line)
	at := -1
	for x := 400; x < 440 && at < 0; x++ { // it is dashed
		at = row(x, limit)
	}
	if low < 0 || high < 0 || at < 0 || high >= low {
		t.Fatalf("20 is in row %d, 100 in row %d, the limit in row %d", low, high, at)
	}
	if want := high + (low-high)*25/80; at < want-2 || at > want+2 {
		t.Errorf("the limit is in row %d, want %d", at, want)
	}
}

func TestAlt(t *testing.T) {
	image, err := chart.Draw(t.Context(), hour("response_time_p95\nof service", "response_time_p95", "s", perfmon.ValueOf(5), func(i int) float64 { return 0.1 * float64(i) }))
	if err != nil {
		t.Fatal(err)
	}
	const want = "response_time_p95 of service, 19:31 to 20:31 UTC: from 0 s to 6 s, at last 6 s, limit 5 s"
	if image.Alt != want || image.Name != "response_time_p95.png" || image.ContentType != "image/png" {
		t.Errorf("%s of %s: %s", image.Name, image.ContentType, image.Alt)
	}
}

func TestRefused(t *testing.T) {
	nan, good := math.NaN(), hour("own", "own", "", perfmon.Value{}, wave)
	for field, change := range map[string]func(*perfmon.ChartData){
		"Values: 60":    func(d *perfmon.ChartData) { d.Values = d.Values[1:] },
		"Values: 1":     func(d *perfmon.ChartData) { d.Times, d.Values = d.Times[:3], []float64{nan, 1, math.Inf(1)} },
		"Values: 10001": func(d *perfmon.ChartData) { d.Times, d.Values = make([]time.Time, 10_001), make([]float64, 10_001) },
		"Times: ":       func(d *perfmon.ChartData) { d.Times[3] = d.Times[2] },
	} {
		d := good
		d.Times, d.Values = append([]time.Time{}, good.Times...), append([]float64{}, good.Values...)
		change(&d)
		_, err := chart.Draw(t.Context(), d)
		if _, ok := errors.AsType[*perfmon.FieldError](err); !ok || !strings.Contains(err.Error(), field) {
			t.Errorf("%v, want %s", err, field)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := chart.Draw(ctx, good); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := chart.Draw(context.Background(), pictures()["slow"]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// FuzzDraw draws whatever numbers there are.
func FuzzDraw(f *testing.F) {
	f.Add(1.0, 2.0, 3.0, "s")
	f.Add(-1e300, 1e300, 0.0, "%")
	f.Add(5e-324, 0.0, -5e-324, "")
	f.Add(1e300, 1e300, math.Inf(1), "MiB")
	f.Fuzz(func(t *testing.T, a, b, limit float64, unit string) {
		d := hour("own", "own", unit, perfmon.ValueOf(limit), func(i int) float64 { return []float64{a, b}[i%2] })
		if _, err := chart.Draw(t.Context(), d); err != nil {
			if _, ok := errors.AsType[*perfmon.FieldError](err); !ok {
				t.Error(err)
			}
		}
	})
}

func BenchmarkDraw(b *testing.B) {
	d := pictures()["slow"]
	for b.Loop() {
		if _, err := chart.Draw(b.Context(), d); err != nil {
			b.Fatal(err)
		}
	}
}
