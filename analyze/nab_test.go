package analyze_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// BenchmarkNAB scores the detector on series of the Numenta Anomaly Benchmark, in the
// standard profile (Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms:
// the Numenta Anomaly Benchmark", 2015). NAB names the folder that holds windows.json and
// the series.
func BenchmarkNAB(b *testing.B) {
	dir := os.Getenv("NAB")
	if dir == "" {
		b.Skip("NAB is not set")
	}
	data, err := os.ReadFile(filepath.Join(dir, "windows.json"))
	if err != nil {
		b.Fatal(err)
	}
	var labels map[string][][2]string
	if err := json.Unmarshal(data, &labels); err != nil {
		b.Fatal(err)
	}
	var files []nabSeries
	for name, windows := range labels {
		if s, ok := readSeries(b, filepath.Join(dir, name), windows); ok {
			s.name = name
			files = append(files, s)
		}
	}
	slices.SortFunc(files, func(x, y nabSeries) int {
		if x.name < y.name {
			return -1
		}
		return 1
	})
	var points int
	for b.Loop() {
		points = 0
		for i := range files {
			d := analyze.NewDetector()
			files[i].scores = files[i].scores[:0]
			for j, v := range files[i].values {
				files[i].scores = append(files[i].scores, d.Add(files[i].times[j], v).Score)
			}
			points += len(files[i].values)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(points), "ns/point")
	best, at := math.Inf(-1), 0.0
	for threshold := 0.01; threshold < 1; threshold += 0.01 {
		if s := total(files, threshold); s > best {
			best, at = s, threshold
		}
	}
	b.ReportMetric(best, "NAB")
	b.ReportMetric(at, "threshold")
	b.ReportMetric(total(files, analyze.AnomalyScore), "NAB-default")
	if testing.Verbose() {
		for _, f := range files {
			raw, hits, wrong := f.score(analyze.AnomalyScore)
			b.Logf("%-65s %6.2f: %d of %d windows, %d false", f.name, raw, hits, len(f.windows), wrong)
		}
	}
}

type nabSeries struct {
	name    string
	times   []time.Time
	values  []float64
	scores  []float64
	windows [][2]int // first and last index
}

func readSeries(b *testing.B, path string, labels [][2]string) (s nabSeries, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return s, false // the sample does not hold every file
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		b.Fatal(err)
	}
	for _, row := range rows[1:] {
		v, err1 := strconv.ParseFloat(row[1], 64)
		t, err2 := time.Parse("2006-01-02 15:04:05", row[0])
		if err1 != nil || err2 != nil {
			b.Fatal(path, row)
		}
		s.values = append(s.values, v)
		s.times = append(s.times, t)
	}
	for _, l := range labels {
		from, err1 := time.Parse("2006-01-02 15:04:05.000000", l[0])
		to, err2 := time.Parse("2006-01-02 15:04:05.000000", l[1])
		if err1 != nil || err2 != nil {
			b.Fatal(path, l)
		}
		var w [2]int
		w[0] = slices.IndexFunc(s.times, func(t time.Time) bool { return !t.Before(from) })
		w[1] = slices.IndexFunc(s.times, func(t time.Time) bool { return t.After(to) })
		if w[1]--; w[1] < 0 {
			w[1] = len(s.times) - 1
		}
		s.windows = append(s.windows, w)
	}
	return s, true
}

func sigmoid(y float64) float64 { return 2/(1+math.Exp(5*y)) - 1 }

// score returns the raw score of a series, how many windows were hit and how many
// detections lay outside of all.
func (s *nabSeries) score(threshold float64) (raw float64, hits, wrong int) {
	const falsePositive = 0.11
	probation := min(len(s.values)*15/100, 750)
	hit := make([]bool, len(s.windows))
	for i, v := range s.scores {
		if i < probation || v < threshold {
			continue
		}
		inside, before := -1, -1
		for j, w := range s.windows {
			if i >= w[0] && i <= w[1] {
				inside = j
			}
			if i > w[1] {
				before = j
			}
		}
		switch {
		case inside >= 0:
			if !hit[inside] {
				hit[inside] = true
				hits++
				w := s.windows[inside]
				raw += sigmoid(-float64(w[1]-i+1)/float64(w[1]-w[0]+1)) / sigmoid(-1)
			}
		case before >= 0:
			w := s.windows[before]
			raw += falsePositive * sigmoid(float64(i-w[1])/math.Max(float64(w[1]-w[0]), 1))
			wrong++
		default:
			raw -= falsePositive
			wrong++
		}
	}
	for _, h := range hit {
		if !h {
			raw--
		}
	}
	return raw, hits, wrong
}

// total scales the sum: a detector that says nothing gets 0, a perfect one 100.
func total(files []nabSeries, threshold float64) float64 {
	var sum, windows float64
	for i := range files {
		raw, _, _ := files[i].score(threshold)
		sum += raw
		windows += float64(len(files[i].windows))
	}
	return 100 * (sum + windows) / (2 * windows)
}
