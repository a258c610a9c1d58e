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

// A series in which people marked where a new regime begins.
type markedSeries struct {
	name   string
	values []float64 // NaN: missing
	marks  [][]int   // by person, ascending
}

// readMarked reads the series that annotations.json names and that are there, by name.
func readMarked(dir string) ([]markedSeries, error) {
	data, err := os.ReadFile(filepath.Join(dir, "annotations.json"))
	if err != nil {
		return nil, err
	}
	var people map[string]map[string][]int
	if err := json.Unmarshal(data, &people); err != nil {
		return nil, fmt.Errorf("annotations.json: %w", err)
	}
	var all []markedSeries
	for name, marks := range people {
		s := markedSeries{name: name}
		f, err := os.Open(filepath.Join(dir, name+".csv"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows, err := csv.NewReader(f).ReadAll()
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, row := range rows[1:] {
			v := math.NaN()
			if row[1] != "" {
				if v, err = strconv.ParseFloat(row[1], 64); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
			s.values = append(s.values, v)
		}
		for _, m := range marks {
			slices.Sort(m)
			s.marks = append(s.marks, m)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b markedSeries) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return all, nil
}

// matched counts the marks that have a point found within 5, each point used once. Marks
// are taken in order, and each takes the nearest point that is left.
func matched(marks, found []int) (n int) {
	const margin = 5
	left := slices.Clone(found)
	for _, mark := range marks {
		best := -1
		for i, at := range left {
			d := max(mark-at, at-mark)
			if d <= margin && (best < 0 || d < max(mark-left[best], left[best]-mark)) {
				best = i
			}
		}
		if best >= 0 {
			n++
			left = slices.Delete(left, best, best+1)
		}
	}
	return n
}

// withStart returns the points in order, each once, with index 0, which everybody and
// every method finds.
func withStart(lists ...[]int) []int {
	all := []int{0}
	for _, l := range lists {
		all = append(all, l...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// f1 is the harmonic mean of precision, against the marks of anybody, and of recall,
// which is the mean over persons.
func f1(marks [][]int, found []int) float64 {
	x := withStart(found)
	precision := float64(matched(withStart(marks...), x)) / float64(len(x))
	recall := 0.0
	for _, m := range marks {
		m = withStart(m)
		recall += float64(matched(m, x)) / float64(len(m)) / float64(len(marks))
	}
	return 2 * precision * recall / (precision + recall)
}

// cover is how well the segments found overlap with those of a person, the mean over
// persons.
func cover(marks [][]int, found []int, n int) float64 {
	x := append(withStart(found), n)
	total := 0.0
	for _, m := range marks {
		m = append(withStart(m), n)
		for i := 1; i < len(m); i++ {
			best := 0.0
			for j := 1; j < len(x); j++ {
				both := min(m[i], x[j]) - max(m[i-1], x[j-1])
				either := max(m[i], x[j]) - min(m[i-1], x[j-1])
				if both > 0 {
					best = max(best, float64(both)/float64(either))
				}
			}
			total += best * float64(m[i]-m[i-1]) / float64(n)
		}
	}
	return total / float64(len(marks))
}

// scoreMarked returns the means over the series, with the points that find returns.
func scoreMarked(all []markedSeries, find func([]float64) []int) (meanF1, meanCover float64) {
	for _, s := range all {
		found := find(s.values)
		meanF1 += f1(s.marks, found) / float64(len(all))
		meanCover += cover(s.marks, found, len(s.values)) / float64(len(all))
	}
	return meanF1, meanCover
}

// changePoints are those of the library, of a point a minute.
func changePoints(values []float64) (at []int) {
	for _, c := range analyze.ChangePoints(minutes(len(values)), values) {
		at = append(at, c.Index)
	}
	return at
}

var start = time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC)

func minutes(n int) []time.Time {
	times := make([]time.Time, n)
	for i := range times {
		times[i] = start.Add(time.Duration(i) * time.Minute)
	}
	return times
}
