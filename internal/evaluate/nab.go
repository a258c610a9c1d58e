package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// A labelled series of the Numenta Anomaly Benchmark.
type nabSeries struct {
	name    string
	times   []time.Time
	values  []float64
	windows []window
	scores  []float64 // of the detector
}

// A window is from its first index to its last one.
type window struct{ first, last int }

// A profile says what hits and errors weigh.
type profile struct {
	name   string
	tp     float64 // a window found
	fp, fn float64 // a detection outside all windows, and a window missed
}

// The profiles of the benchmark.
var (
	standard = profile{"standard", 1, 0.11, 1}
	lowFP    = profile{"reward low FP rate", 1, 0.22, 1}
	lowFN    = profile{"reward low FN rate", 1, 0.11, 2}
)

// readNAB reads the series that windows.json names and that are there, by name.
func readNAB(dir string) ([]nabSeries, error) {
	data, err := os.ReadFile(filepath.Join(dir, "windows.json"))
	if err != nil {
		return nil, err
	}
	var labels map[string][][2]string
	if err := json.Unmarshal(data, &labels); err != nil {
		return nil, fmt.Errorf("windows.json: %w", err)
	}
	var all []nabSeries
	for name, windows := range labels {
		s, err := readNABSeries(dir, name, windows)
		if os.IsNotExist(err) {
			continue // a part of the benchmark is enough
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b nabSeries) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return all, nil
}

func readNABSeries(dir, name string, labels [][2]string) (s nabSeries, err error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return s, err
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return s, err
	}
	s.name = name
	for _, row := range rows[1:] {
		t, err := time.Parse("2006-01-02 15:04:05", row[0])
		if err != nil {
			return s, err
		}
		v, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			return s, err
		}
		s.times, s.values = append(s.times, t), append(s.values, v)
	}
	for _, l := range labels {
		var ends [2]int
		for i, text := range l {
			t, err := time.Parse("2006-01-02 15:04:05.000000", text)
			if err != nil {
				return s, err
			}
			at := slices.IndexFunc(s.times, t.Equal)
			if at < 0 {
				return s, fmt.Errorf("no point is of %s", text)
			}
			ends[i] = at
		}
		s.windows = append(s.windows, window{ends[0], ends[1]})
	}
	return s, nil
}

// scaledSigmoid falls from nearly 1 at -1 through 0 at 0 to -1.
func scaledSigmoid(y float64) float64 {
	if y >= 3 {
		return -1
	}
	return 2/(1+math.Exp(5*y)) - 1
}

// nabScore is the raw score of a series whose points from threshold up are detections.
// The first 15 % of the points, 750 at most, do not count.
func nabScore(scores []float64, windows []window, threshold float64, p profile) (raw float64) {
	probation := min(len(scores)*15/100, 750)
	best := make([]float64, len(windows)) // of each window; -fn while it is missed
	for i := range best {
		best[i] = -p.fn
	}
	for i := probation; i < len(scores); i++ {
		if !(scores[i] >= threshold) {
			continue
		}
		inside, before := -1, -1
		for j, w := range windows {
			switch {
			case i >= w.first && i <= w.last:
				inside = j
			case i > w.last:
				before = j
			}
		}
		switch {
		case inside >= 0:
			w := windows[inside]
			y := -float64(w.last-i+1) / float64(w.last-w.first+1)
			best[inside] = max(best[inside], p.tp*scaledSigmoid(y)/scaledSigmoid(-1))
		case before >= 0:
			w := windows[before]
			raw += p.fp * scaledSigmoid(float64(i-w.last)/float64(w.last-w.first))
		default:
			raw -= p.fp
		}
	}
	for _, b := range best {
		raw += b
	}
	return raw
}

// nabTotal is the score of many series, 0 for a detector that says nothing and 100 for a
// perfect one.
func nabTotal(all []nabSeries, threshold float64, p profile) float64 {
	var sum, windows float64
	for i := range all {
		sum += nabScore(all[i].scores, all[i].windows, threshold, p)
		windows += float64(len(all[i].windows))
	}
	return 100 * (sum + p.fn*windows) / ((p.tp + p.fn) * windows)
}

// run lets a detector read each series.
func runDetector(all []nabSeries) {
	for i := range all {
		s := &all[i]
		d := analyze.NewDetector()
		s.scores = make([]float64, len(s.values))
		for j, v := range s.values {
			s.scores[j] = d.Add(s.times[j], v).Score
		}
	}
}
