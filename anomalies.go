package perfmon

import (
	"math"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// Anomaly is a point of a metric that does not fit the metric's own past.
type Anomaly struct {
	Metric   string    `json:"metric_name"`
	At       time.Time `json:"at"`
	Value    Value     `json:"value"`    // in the metric's unit
	Expected Value     `json:"expected"` // about where the value should have been
	Score    float64   `json:"score"`    // how little it fits, from 0.5 to 1
}

// DetectorRecord is what the detector of a metric has learnt, and what it has found.
type DetectorRecord struct {
	Metric  string    `json:"metric_name"`
	Through time.Time `json:"through"` // the last point it has seen
	State   []byte    `json:"state"`   // as analyze.Detector.AppendBinary writes it
	Found   []Anomaly `json:"found,omitempty"`
}

const (
	// maxAnomalies is how many are kept, of each metric and in all.
	maxAnomalies = 1000
	// learnEvery is after how many points the detectors are saved. What they see
	// between is learnt again from the points.
	learnEvery = 30
)

// anomalies owns a detector for each metric of the service, and what they found.
type anomalies struct {
	mu        sync.Mutex
	detectors map[string]*analyze.Detector
	through   map[string]time.Time
	list      []Anomaly // oldest first
	dropped   uint64    // of list, to make room
	points    int       // since the detectors were saved
}

func newAnomalies() *anomalies {
	return &anomalies{detectors: map[string]*analyze.Detector{}, through: map[string]time.Time{}}
}

// look gives the detectors a point's values, by name.
func (as *anomalies) look(at time.Time, values map[string]float64) {
	as.mu.Lock()
	defer as.mu.Unlock()
	var found []Anomaly
	for name, v := range values {
		if math.IsNaN(v) || aboutSelf(name) || !at.After(as.through[name]) {
			continue
		}
		d := as.detectors[name]
		if d == nil {
			d = analyze.NewDetector()
			as.detectors[name] = d
		}
		as.through[name] = at
		if r := d.Add(at, v); r.Score >= analyze.AnomalyScore {
			found = append(found, Anomaly{name, at, ValueOf(v), ValueOf(r.Expected), r.Score})
		}
	}
	sortFunc(found, func(a, b Anomaly) int {
		if a.Metric < b.Metric {
			return -1
		}
		return 1
	})
	as.keep(found)
	as.points++
}

// ongoing returns the latest anomaly of each metric whose anomaly goes on.
func (as *anomalies) ongoing() map[string]Anomaly {
	as.mu.Lock()
	defer as.mu.Unlock()
	latest := map[string]Anomaly{}
	for _, a := range as.list {
		if d := as.detectors[a.Metric]; d != nil && d.Ongoing() {
			latest[a.Metric] = a
		}
	}
	return latest
}

// keep adds what was found; mu is held.
func (as *anomalies) keep(found []Anomaly) {
	as.list = append(as.list, found...)
	if extra := len(as.list) - maxAnomalies; extra > 0 {
		as.list = slices.Delete(as.list, 0, extra)
		as.dropped += uint64(extra)
	}
}

// records saves the detectors when it is time to.
func (as *anomalies) records() []Record {
	as.mu.Lock()
	defer as.mu.Unlock()
	if as.points < learnEvery {
		return nil
	}
	as.points = 0
	found := map[string][]Anomaly{}
	for _, a := range as.list {
		found[a.Metric] = append(found[a.Metric], a)
	}
	names := make([]string, 0, len(as.detectors))
	for name := range as.detectors {
		names = append(names, name)
	}
	slices.Sort(names)
	var list []Record
	for _, name := range names {
		state, err := as.detectors[name].AppendBinary(nil)
		if err != nil {
			continue // it would have to be learnt anew
		}
		list = append(list, Record{Detector: &DetectorRecord{name, as.through[name], state, found[name]}})
	}
	return list
}

// apply takes over what a detector of an earlier monitor has learnt. The detector that
// made the record has learnt it already.
func (as *anomalies) apply(r *DetectorRecord) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if as.detectors[r.Metric] != nil {
		return
	}
	d := analyze.NewDetector()
	if d.UnmarshalBinary(r.State) != nil {
		return // of another version: it learns anew from the points
	}
	as.detectors[r.Metric], as.through[r.Metric] = d, r.Through
	as.keep(r.Found)
	sortStableFunc(as.list, func(a, b Anomaly) int { return a.At.Compare(b.At) })
}

// Anomalies returns the points of the service's metrics in the last window (0: the
// retention) that did not fit, newest first, at most 1000. Every metric is learnt as its
// points come. What goes on after it was found is not found again and again.
func (h History) Anomalies(window time.Duration) []Anomaly {
	since := h.since(window)
	as := h.m.anomalies
	as.mu.Lock()
	defer as.mu.Unlock()
	list := []Anomaly{}
	for i := len(as.list) - 1; i >= 0; i-- {
		if a := as.list[i]; a.At.After(since) {
			list = append(list, a)
		}
	}
	return list
}
