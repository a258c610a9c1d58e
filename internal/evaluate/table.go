package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// A row of the table: what was measured, and what should be.
type row struct {
	what   string
	got    float64
	most   bool // want is the most that is right, not the least
	want   float64
	format string // of got and want
	note   string
}

func (r row) reached() bool { return r.most && r.got <= r.want || !r.most && r.got >= r.want }

func (r row) String() string {
	bound, verdict := "at least", "reached"
	if r.most {
		bound = "at most"
	}
	if !r.reached() {
		verdict = "MISSED"
	}
	text := fmt.Sprintf("%-84s %9s  %-8s %9s  %s", r.what, fmt.Sprintf(r.format, r.got), bound, fmt.Sprintf(r.format, r.want), verdict)
	if r.note != "" {
		text += "  (" + r.note + ")"
	}
	return text
}

// An evaluation measures groups of rows.
type evaluation struct {
	quick bool
	seed  uint64
	out   io.Writer
	rows  []row
	left  []string // what was left out, and why

	progress io.Writer // nil: nowhere
}

// runs is how many series of a kind are simulated.
func (e *evaluation) runs(quick, full int) int {
	if e.quick {
		return quick
	}
	return full
}

// rng returns numbers of their own for each stream.
func (e *evaluation) rng(stream string) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, c := range []byte(stream) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(e.seed, h))
}

func (e *evaluation) add(r row) {
	e.rows = append(e.rows, r)
	fmt.Fprintln(e.out, r)
}

// most adds a row whose figure is at most want, least one whose figure is at least that.
func (e *evaluation) most(format, what string, got, want float64) {
	e.add(row{what: what, got: got, most: true, want: want, format: format})
}

func (e *evaluation) least(format, what string, got, want float64) {
	e.add(row{what: what, got: got, want: want, format: format})
}

// say adds what is no figure to be reached.
func (e *evaluation) say(format string, args ...any) {
	fmt.Fprintf(e.out, "    "+format+"\n", args...)
}

// done says how far a long simulation is.
func (e *evaluation) done(what string, n, of int) {
	if e.progress != nil {
		fmt.Fprintf(e.progress, "    %s: %d of %d, %.0f s\n", what, n, of, time.Since(started).Seconds())
	}
}

// started is when the program did.
var started = time.Now()

const percent = "%.1f %%"

var groups = []struct {
	name string
	run  func(*evaluation)
}{
	{"trend", (*evaluation).trends},
	{"regression", (*evaluation).regressions},
	{"mean", (*evaluation).intervals},
	{"changes", (*evaluation).changes},
	{"tcpd", (*evaluation).marked},
	{"anomalies", (*evaluation).anomalies},
	{"nab", (*evaluation).nab},
}

// run measures one group, or all, and reports whether all bounds are reached.
func (e *evaluation) run(only string) bool {
	for _, g := range groups {
		if only != "" && !strings.HasPrefix(g.name, only) {
			continue
		}
		fmt.Fprintf(e.out, "\n%s\n", g.name)
		began, used := time.Now(), processorTime()
		g.run(e)
		e.say("%.1f s, %.1f s of a processor", time.Since(began).Seconds(), (processorTime() - used).Seconds())
	}
	missed := 0
	for _, r := range e.rows {
		if !r.reached() {
			missed++
		}
	}
	fmt.Fprintf(e.out, "\n%d of %d reached\n", len(e.rows)-missed, len(e.rows))
	for _, l := range e.left {
		fmt.Fprintln(e.out, l)
	}
	return missed == 0
}

// marked scores change points against those that people marked.
func (e *evaluation) marked() {
	all, err := readMarked(dataDir("tcpd"))
	if err != nil || len(all) == 0 {
		e.left = append(e.left, "The series that people marked are not there; their rows are left out.")
		return
	}
	f, c := scoreMarked(all, changePoints)
	e.least("%.3f", "change points marked by people, F1", f, 0.78)
	e.least("%.3f", "change points marked by people, cover", c, 0.75)
	for half := range 2 {
		var part []markedSeries
		for i := half; i < len(all); i += 2 {
			part = append(part, all[i])
		}
		f, c := scoreMarked(part, changePoints)
		e.say("half %d: F1 %.3f, cover %.3f", half+1, f, c)
	}
	if !e.quick {
		for _, s := range all {
			found := changePoints(s.values)
			e.say("%-20s F1 %.3f, cover %.3f: found %v, marked %v", s.name, f1(s.marks, found), cover(s.marks, found, len(s.values)), found, s.marks)
		}
	}
}

// nab scores the detector on the Numenta Anomaly Benchmark.
func (e *evaluation) nab() {
	all, err := readNAB(dataDir("nab"))
	if err != nil || len(all) == 0 {
		e.left = append(e.left, "The series of the Numenta Anomaly Benchmark are not there; their rows are left out.")
		return
	}
	began := processorTime()
	runDetector(all)
	took, points := processorTime()-began, 0
	for _, s := range all {
		points += len(s.values)
	}
	at := func(share float64, p profile) float64 { return nabTotal(all, share*0.5, p) }
	middle := at(1, standard)
	e.least("%.1f", "anomalies, NAB, standard profile", middle, 74)
	e.least("%.1f", "anomalies, NAB, reward low FP rate", at(1, lowFP), 64)
	e.least("%.1f", "anomalies, NAB, reward low FN rate", at(1, lowFN), 76)
	moves := 0.0
	for _, share := range []float64{0.95, 0.975, 1.025, 1.05} {
		moves = max(moves, max(at(share, standard)-middle, middle-at(share, standard)))
	}
	e.most("%.1f", "anomalies, NAB, how much the score moves within 5 % of the threshold", moves, 3)
	for half := range 2 {
		var part []nabSeries
		for i := half; i < len(all); i += 2 {
			part = append(part, all[i])
		}
		e.say("half %d: %.1f, %.1f, %.1f", half+1, nabTotal(part, 0.5, standard), nabTotal(part, 0.5, lowFP), nabTotal(part, 0.5, lowFN))
	}
	e.say("%.2f µs a point", float64(took.Microseconds())/float64(points))
	if !e.quick {
		for _, s := range all {
			e.say("%-65s %6.2f of %d", s.name, nabScore(s.scores, s.windows, 0.5, standard), len(s.windows))
		}
	}
}
