package perfmon

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/exp/slices"
)

// MarkerKind is what sort of thing a marker marks.
type MarkerKind string

const (
	MarkerDeploy MarkerKind = "deploy" // another version runs from then on
	MarkerNote   MarkerKind = "note"   // anything else that may explain a change
)

// Marker is something that happened to the service at one time, such as a deploy.
type Marker struct {
	// ID is unique, sorts by time and is safe in a URL.
	ID      string     `json:"event_id"`
	At      time.Time  `json:"at"`
	Kind    MarkerKind `json:"kind"`
	Version string     `json:"version,omitempty"` // that runs from then on; "" where nobody said
	Title   string     `json:"title,omitempty"`   // for people
	By      string     `json:"by"`                // ByMonitor where the monitor saw it by itself
}

// String is one line for a log.
func (m Marker) String() string {
	text := string(m.Kind)
	for _, part := range []string{m.Version, m.Title} {
		if part != "" {
			text += " " + part
		}
	}
	return text
}

// NewMarker is a marker that somebody adds.
type NewMarker struct {
	Kind    MarkerKind // MarkerDeploy or MarkerNote
	Version string     // at most 200 bytes; of a deploy alone
	Title   string     // at most 200 bytes; needed where there is no version
}

const (
	// MarkerRetention is how long markers are kept.
	MarkerRetention = 90 * 24 * time.Hour

	maxMarkers    = 10_000
	maxMarkerText = 200
)

// Markers adds markers to a monitor; History.Markers reads them. A monitor that has a
// version, by WithService or the build, adds a deploy when it starts with another one
// than the latest known.
type Markers struct{ m *Monitor }

// Markers returns the markers of the monitor.
func (m *Monitor) Markers() Markers { return Markers{m} }

// Add marks now. by names who does it. Errors: *FieldError, ErrClosed, ErrStore.
func (ms Markers) Add(n NewMarker, by string) (made Marker, err error) {
	n.Version, n.Title = cleanText(n.Version), cleanText(n.Title)
	if err := n.validate(); err != nil {
		return Marker{}, fmt.Errorf("perfmon: marker: %w", err)
	}
	err = ms.m.change(by, func(now moment) ([]Record, error) {
		made = ms.m.newMarker(now, n, author(by))
		committed := made
		return []Record{{Marker: &committed}}, nil
	})
	if err != nil {
		return Marker{}, err
	}
	return made, nil
}

func (n NewMarker) validate() error {
	switch {
	case n.Kind != MarkerDeploy && n.Kind != MarkerNote:
		return &FieldError{"Kind", n.Kind, `"deploy" or "note"`}
	case len(n.Version) > maxMarkerText:
		return &FieldError{"Version", n.Version, "at most 200 bytes"}
	case n.Kind == MarkerNote && n.Version != "":
		return &FieldError{"Version", n.Version, "none: only a deploy has one"}
	case len(n.Title) > maxMarkerText:
		return &FieldError{"Title", n.Title, "at most 200 bytes"}
	case n.Kind == MarkerNote && n.Title == "":
		return &FieldError{"Title", n.Title, "1 to 200 bytes"}
	case n.Title == "" && n.Version == "":
		return &FieldError{"Version", n.Version, "a version, a title, or both"}
	}
	return nil
}

// newMarker makes a marker; the journal's mutex is held.
func (m *Monitor) newMarker(now moment, n NewMarker, by string) Marker {
	return Marker{ID: m.alerts.newID(now.wall), At: now.wall, Kind: n.Kind, Version: n.Version, Title: n.Title, By: by}
}

// noteVersion marks that a version of the service starts that did not run before.
func (m *Monitor) noteVersion() {
	now := m.watch.now()
	m.find(now, func() []Record { return m.versionRecords(now) }) // in a fleet, when it has joined
}

// versionRecords is the marker of a version that did not run before; the journal's mutex is
// held.
func (m *Monitor) versionRecords(now moment) []Record {
	version := m.service.Version
	if version == "" || version == m.markers.version() {
		return nil
	}
	made := m.newMarker(now, NewMarker{Kind: MarkerDeploy, Version: version}, ByMonitor)
	return []Record{{Marker: &made}}
}

// Markers returns the markers of the last window, the newest first; 0 is all that are
// kept: at most the newest 10,000, none older than 90 days.
func (h History) Markers(window time.Duration) []Marker {
	if window <= 0 || window > MarkerRetention {
		window = MarkerRetention
	}
	return h.m.markers.since(h.m.Now().Add(-window))
}

// markers owns the markers.
type markers struct {
	mu      sync.Mutex
	list    []Marker // oldest first; mu
	dropped uint64   // of list, to make room; mu
	latest  string   // the version of the latest that has one; mu
}

// apply takes over a record.
func (ms *markers) apply(m *Marker) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.list = append(ms.list, *m)
	if m.Version != "" {
		ms.latest = m.Version
	}
	old := m.At.Add(-MarkerRetention)
	drop := max(len(ms.list)-maxMarkers, 0)
	ms.dropped += uint64(drop)
	for ms.list[drop].At.Before(old) {
		drop++
	}
	ms.list = slices.Delete(ms.list, 0, drop)
}

// version is the latest that is known.
func (ms *markers) version() string {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.latest
}

// since returns the markers from a time on, the newest first.
func (ms *markers) since(from time.Time) []Marker {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	found := []Marker{}
	for i := len(ms.list) - 1; i >= 0; i-- {
		if !ms.list[i].At.Before(from) {
			found = append(found, ms.list[i])
		}
	}
	return found
}
