package perfmon

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// views keeps what follows from points alone, and takes milliseconds to derive: summaries
// and trends of the service's metrics. It is derived when somebody first asks after a
// point, and as long as somebody does, right after each point.
type views struct {
	mu        sync.Mutex
	of        pointsState // what follows is of
	summaries map[time.Duration]map[string]Summary
	trends    []Trend
	day       *dayFigures
	targets   keptTargets
	wanted    map[time.Duration]uint64 // the windows that were asked for, and at which state of the history; also asTrends, asTargets
}

// pointsState is what summaries and trends follow from.
type pointsState struct {
	history  uint64
	catalog  *catalog
	settings *SettingsRecord
}

const (
	maxViews    = 8 // windows that are kept
	viewsUnused = 15

	// What is wanted beside windows.
	asTrends  = 0
	asTargets = -1
)

// at empties what is of another state, and notes that a window is asked for. The caller
// holds mu.
func (v *views) at(state pointsState, window time.Duration) {
	if v.of != state {
		v.of, v.summaries, v.trends, v.day, v.targets = state, map[time.Duration]map[string]Summary{}, nil, nil, keptTargets{}
	}
	if v.wanted == nil || len(v.wanted) > maxViews {
		v.wanted = map[time.Duration]uint64{}
	}
	v.wanted[window] = state.history
}

func (m *Monitor) pointsState() pointsState {
	return pointsState{m.history.state(), m.registry.catalog(), m.settings.current.Load()}
}

// summaries returns the summaries of series of a window, by metric.
func (m *Monitor) summaries(window time.Duration, s Series) map[string]Summary {
	if m.History().beyond(m.Now().Add(-window)) {
		return summarize(s) // of what the store has: the step loop is not to read it
	}
	state, v := m.pointsState(), &m.views
	v.mu.Lock()
	v.at(state, window)
	kept := v.summaries[window]
	v.mu.Unlock()
	if kept != nil {
		return maps.Clone(kept)
	}
	kept = summarize(s)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of == state && len(v.summaries) < maxViews {
		v.summaries[window] = maps.Clone(kept)
	}
	return kept
}

func summarize(s Series) map[string]Summary {
	by := make(map[string]Summary, len(s.Metrics))
	for name, column := range s.Metrics {
		by[name] = analyze.Summarize(column.Values)
	}
	return by
}

// trends returns the trends of the service's metrics that have points, over an hour.
func (m *Monitor) trends() []Trend {
	state, v := m.pointsState(), &m.views
	v.mu.Lock()
	v.at(state, asTrends)
	kept := v.trends
	v.mu.Unlock()
	if kept != nil {
		return slices.Clone(kept)
	}
	h := m.History()
	kept = []Trend{}
	for _, metric := range m.registry.catalog().metrics {
		if !m.history.fed(metric.Name) {
			continue
		}
		if t, err := h.Trend(metric.Name, Scope{}, 0); err == nil {
			kept = append(kept, t)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of == state {
		v.trends = slices.Clone(kept)
	}
	return kept
}

// dayFigures are figures of health that follow from points.
type dayFigures struct {
	busiestHour     float64 // throughput of the last 24 hours
	cacheHits, busy float64 // hit rate and processors, means of the last hour
}

// day returns the figures of health that follow from points.
func (m *Monitor) day() dayFigures {
	state, v := m.pointsState(), &m.views
	v.mu.Lock()
	v.at(state, asTargets)
	kept := v.day
	v.mu.Unlock()
	if kept != nil {
		return *kept
	}
	s := m.History().series(24*time.Hour, ThroughputRPS, CPUUsagePercent, CacheHitRate)
	hour := m.Now().Add(-time.Hour)
	kept = &dayFigures{
		busiestHour: busiestHour(s.Times, s.Metrics[ThroughputRPS].Values),
		cacheHits:   meanSince(s, CacheHitRate, hour), busy: meanSince(s, CPUUsagePercent, hour),
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of == state {
		v.day = kept
	}
	return *kept
}

// keptTargets are the targets of health as they were at a time, with the sample of then.
type keptTargets struct {
	list   []Target
	sample *Sample
	at     time.Time
}

// targets returns the targets of health with their values, which move on with each step.
func (m *Monitor) targets() []Target {
	now, sample, state, v := m.Now(), m.current.Load(), m.pointsState(), &m.views
	v.mu.Lock()
	v.at(state, asTargets)
	kept := v.targets
	v.mu.Unlock()
	age := now.Sub(kept.at)
	if kept.list == nil || kept.sample != sample || age < 0 || age >= m.stepLength {
		kept = keptTargets{m.deriveTargets(now), sample, now}
		v.mu.Lock()
		if v.of == state {
			v.targets = kept
		}
		v.mu.Unlock()
	}
	list := slices.Clone(kept.list)
	for i := range list {
		list[i] = list[i].met()
	}
	return list
}

// refreshTargets derives the targets of health anew as long as somebody asks for them. The
// step loop calls it when all else is done.
func (m *Monitor) refreshTargets() {
	v := &m.views
	v.mu.Lock()
	asked, ok := v.wanted[asTargets]
	v.mu.Unlock()
	if ok {
		m.targets()
		v.setAsked(asTargets, asked) // that was nobody asking
	}
}

// refreshViews derives anew what is asked for again and again. The step loop calls it
// after a point, when all else is done.
func (m *Monitor) refreshViews() {
	now := m.history.state()
	v := &m.views
	v.mu.Lock()
	var windows []time.Duration
	for window, asked := range v.wanted {
		if now-asked > viewsUnused {
			delete(v.wanted, window)
			continue
		}
		windows = append(windows, window)
	}
	v.mu.Unlock()
	for _, window := range windows {
		asked := v.askedFor(window)
		switch window {
		case asTrends:
			m.trends()
		case asTargets: // they move on with each step
			continue
		default:
			m.summaries(window, m.History().series(window))
		}
		v.setAsked(window, asked) // that was nobody asking
	}
}

func (v *views) askedFor(window time.Duration) uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.wanted[window]
}

func (v *views) setAsked(window time.Duration, version uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wanted != nil {
		v.wanted[window] = version
	}
}

// Revision stands for all that a monitor says of itself, the passing of time left out: as
// long as it is the same, so is a [Dashboard], but for GeneratedAt and the uptime, and so
// are [Health] and what [History] returns. It changes with each step and each change of
// an alert, a threshold, a setting, a baseline and a marker. Revisions can be compared.
type Revision struct {
	sample *Sample
	store  *StoreStatus
	points uint64
	health string // why it is not known
}

// Revision returns the revision of the monitor. It takes no lock that is held for long.
func (m *Monitor) Revision() Revision {
	return Revision{m.current.Load(), m.journal.seen.Load(), m.history.state(), m.noSample()}
}
