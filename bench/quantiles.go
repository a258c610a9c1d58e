package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/DataDog/sketches-go/ddsketch"
	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/backend-prs/perfmon/sketch"
)

// distributions of response times in nanoseconds.
var distributions = []struct {
	name string
	draw func(*rand.Rand) float64
}{
	{"lognormal", func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()) * 1e7 }},
	{"bimodal", func(r *rand.Rand) float64 {
		if r.IntN(10) == 0 {
			return math.Exp(r.NormFloat64()*0.3) * 1e9
		}
		return math.Exp(r.NormFloat64()*0.3) * 2e6
	}},
	{"Pareto", func(r *rand.Rand) float64 { return min(1e6*math.Pow(1-r.Float64(), -1/1.5), 3.6e12) }},
	{"constant with outliers", func(r *rand.Rand) float64 {
		if r.IntN(200) == 0 {
			return 1e6 * float64(1+r.IntN(5000))
		}
		return 5e6
	}},
}

var asked = []float64{0.5, 0.9, 0.95, 0.99, 0.999}

// quantileErrors holds quantiles against sorting.
func quantileErrors(quick bool) string {
	n := 1_000_000
	if quick {
		n = 10_000
	}
	var b strings.Builder
	b.WriteString("| worst error of p50 to p99.9, in % |")
	for _, d := range distributions {
		b.WriteString(" " + d.name + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(distributions)) + "\n")
	rows := []struct {
		name string
		make func() (add func(float64), quantile func(float64) float64)
	}{
		{"**perfmon**", func() (func(float64), func(float64) float64) {
			var s sketch.Sketch
			return func(v float64) { s.Add(uint64(v)) }, s.Quantile
		}},
		{"**perfmon**, a hundred parts merged", func() (func(float64), func(float64) float64) {
			var parts [100]sketch.Sketch
			at := 0
			return func(v float64) { parts[at%100].Add(uint64(v)); at++ }, func(q float64) float64 {
				var s sketch.Sketch
				for i := range parts {
					s.Merge(&parts[i])
				}
				return s.Quantile(q)
			}
		}},
		{"HdrHistogram, 2 digits", func() (func(float64), func(float64) float64) {
			h := hdr.New(1, 3.7e12, 2)
			return func(v float64) { _ = h.RecordValue(int64(v)) }, func(q float64) float64 { return float64(h.ValueAtQuantile(100 * q)) }
		}},
		{"DDSketch, 1 %", func() (func(float64), func(float64) float64) {
			d, _ := ddsketch.NewDefaultDDSketch(0.01)
			return func(v float64) { _ = d.Add(v) }, func(q float64) float64 { v, _ := d.GetValueAtQuantile(q); return v }
		}},
		{"native histogram, factor 1.1", nativeHistogram},
	}
	for _, row := range rows {
		b.WriteString("| " + row.name + " |")
		for _, d := range distributions {
			rng := rand.New(rand.NewPCG(3, 4))
			add, got := row.make()
			values := make([]float64, n)
			for i := range values {
				values[i] = math.Floor(d.draw(rng))
				add(values[i])
			}
			slices.Sort(values)
			worst := 0.0
			for _, q := range asked {
				exact := values[int(math.Ceil(q*float64(n)))-1]
				worst = max(worst, math.Abs(got(q)-exact)/exact)
			}
			fmt.Fprintf(&b, " %.2f |", 100*worst)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// nativeHistogram reads quantiles as PromQL does, by interpolation within a bucket, here on
// a logarithmic scale.
func nativeHistogram() (add func(float64), quantile func(float64) float64) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 1000})
	return func(v float64) { h.Observe(v / 1e9) }, func(q float64) float64 {
		var m dto.Metric
		if err := h.Write(&m); err != nil {
			return math.NaN()
		}
		p := m.GetHistogram()
		base := math.Pow(2, math.Pow(2, -float64(p.GetSchema())))
		rank, seen := q*float64(p.GetSampleCount()), 0.0
		at, i, count := int32(0), 0, int64(0)
		for _, span := range p.GetPositiveSpan() {
			at += span.GetOffset()
			for range span.GetLength() {
				count += p.GetPositiveDelta()[i]
				i++
				if seen+float64(count) >= rank {
					share := (rank - seen) / float64(count)
					return math.Pow(base, float64(at)-1+share) * 1e9
				}
				seen += float64(count)
				at++
			}
		}
		return math.NaN()
	}
}
