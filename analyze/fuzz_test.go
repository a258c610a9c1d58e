package analyze_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

// fuzzSeries fuzzes what takes times and values: of each ten bytes the first eight are a
// number, and the last two, signed, the minutes since the time before.
func fuzzSeries(f *testing.F, check func(t *testing.T, times []time.Time, values []float64)) {
	add := func(values ...float64) {
		var data []byte
		for i := range 60 {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(values[i%len(values)]))
			data = binary.LittleEndian.AppendUint16(data, uint16(1+i%2*100))
		}
		f.Add(data)
	}
	f.Add([]byte{})
	add(1)
	add(0, math.NaN(), math.Inf(1), math.Inf(-1))
	add(math.MaxFloat64, -math.MaxFloat64, 1e300)
	add(5e-324, 0, -5e-324)
	add(1, 2, 1, 2, 1, 50)
	f.Fuzz(func(t *testing.T, data []byte) {
		at := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
		times, values := []time.Time{}, []float64{}
		for len(data) >= 10 && len(values) < 2000 {
			at = at.Add(time.Duration(int16(binary.LittleEndian.Uint16(data[8:]))) * time.Minute)
			times, values = append(times, at), append(values, math.Float64frombits(binary.LittleEndian.Uint64(data)))
			data = data[10:]
		}
		check(t, times, values)
	})
}

// probability reports whether a value is one, or absent.
func probability(v analyze.Value) bool {
	p, ok := v.Get()
	return !ok || p >= 0 && p <= 1
}

func FuzzSummarize(f *testing.F) {
	fuzzSeries(f, func(t *testing.T, _ []time.Time, values []float64) {
		s := analyze.Summarize(values)
		last := s.Min
		for _, v := range []analyze.Value{s.Min, s.Median, s.P90, s.P95, s.P99, s.Max} {
			if v.Float() < last.Float() {
				t.Errorf("quantiles are out of order: %+v", s)
			}
			last = v
		}
		if s.Count > 0 && s.Mean.IsAbsent() || s.Mean.Float() < s.Min.Float() || s.Mean.Float() > s.Max.Float() || s.MeanLow.Float() > s.MeanHigh.Float() {
			t.Errorf("got %+v", s)
		}
	})
}

func FuzzCompareWindows(f *testing.F) {
	fuzzSeries(f, func(t *testing.T, times []time.Time, values []float64) {
		split := time.Date(2024, 5, 1, 6, 0, 0, 0, time.UTC)
		trend := analyze.CompareWindows(times, values, split, analyze.HigherIsWorse)
		if !probability(trend.PValue) || !(trend.Confidence >= 0 && trend.Confidence <= 1) {
			t.Errorf("got %+v", trend)
		}
		other := analyze.CompareWindows(times, values, split, analyze.LowerIsWorse)
		turned := map[analyze.TrendDirection]analyze.TrendDirection{analyze.Improving: analyze.Degrading, analyze.Degrading: analyze.Improving, analyze.Stable: analyze.Stable}
		if other.Direction != turned[trend.Direction] {
			t.Errorf("%v where higher is worse, %v where lower is", trend.Direction, other.Direction)
		}
	})
}

func FuzzChangePoints(f *testing.F) {
	fuzzSeries(f, func(t *testing.T, times []time.Time, values []float64) {
		points := analyze.ChangePoints(times, values)
		for i, p := range points {
			if p.Index < 0 || p.Index >= len(values) || !p.Time.Equal(times[p.Index]) || i > 0 && p.Time.Before(points[i-1].Time) || !probability(p.PValue) {
				t.Errorf("got %+v", points)
			}
		}
	})
}

func FuzzCompare(f *testing.F) {
	fuzzSeries(f, func(t *testing.T, _ []time.Time, values []float64) {
		half := len(values) / 2
		before, after := analyze.EstimateMean(values[:half]), analyze.EstimateMean(values[half:])
		d := analyze.Compare(before, after)
		back := analyze.Compare(after, before)
		if !probability(d.PValue) || d.Low.Float() > d.High.Float() {
			t.Errorf("got %+v", d)
		}
		if diff := cmp.Diff(d.Value, analyze.ValueOf(-back.Value.Float())); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzDetector(f *testing.F) {
	fuzzSeries(f, func(t *testing.T, times []time.Time, values []float64) {
		d := analyze.NewDetector()
		for i, v := range values {
			if r := d.Add(times[i], v); !(r.Score >= 0 && r.Score <= 1) || math.IsNaN(r.Expected) || math.IsInf(r.Expected, 0) {
				t.Fatalf("point %d, %v: %+v", i, v, r)
			}
		}
		state, err := d.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := new(analyze.Detector).UnmarshalBinary(state); err != nil {
			t.Error(err)
		}
	})
}
