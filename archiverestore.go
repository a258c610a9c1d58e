package perfmon

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/backend-prs/perfmon/internal/block"
)

// rollUp rolls up what is due, in a store that is an Archive. What fails is tried again
// after the next point.
func (m *Monitor) rollUp(now time.Time) {
	j := &m.journal
	j.mu.Lock()
	defer j.unlock()
	if a := j.archive(); a == nil || j.oldest.After(now.Add(-rollLag-time.Hour)) {
		return
	}
	_ = j.roll(now, m.settings.get().Retention, m.keeper(now)) // health says what fails
}

// keeper says which records in a store still matter. The journal's mutex is held, so none
// changes meanwhile.
func (m *Monitor) keeper(now time.Time) func(identity string) bool {
	alive := map[string]bool{}
	m.alerts.identities(alive)
	for _, e := range m.markers.since(time.Time{}) {
		alive["marker "+e.ID] = true
	}
	for _, b := range m.baselines.all(now) {
		alive[Record{Baseline: &b}.Identity()] = true
	}
	return func(identity string) bool {
		kind, _, _ := strings.Cut(identity, " ")
		switch kind {
		case "alert", "key", "marker", "baseline":
			return alive[identity]
		}
		return true
	}
}

// identities adds those of the records of all alerts and keys that are held.
func (b *alertBook) identities(to map[string]bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for id := range b.byID {
		to["alert "+id] = true
	}
	for key := range b.keys {
		to[Record{Alert: &AlertRecord{Key: key}}.Identity()] = true
	}
}

// restoreBlocks returns a function that takes over the blocks of points in a store that is an
// Archive, the first time it is called.
func (m *Monitor) restoreBlocks(now moment) func(ctx context.Context, alive func()) error {
	done := false
	return func(ctx context.Context, alive func()) error {
		a := m.journal.archive()
		if done || a == nil {
			return nil
		}
		done = true
		since := now.wall.Add(-m.settings.get().Retention)
		return a.Blocks(ctx, 0, blockStart(since, time.Hour), now.wall, func(b Block) error {
			alive()
			read, err := block.Read(b.Data, block.Everything)
			if err != nil {
				m.log.write(slog.LevelWarn, "an hour in the store is damaged", "error", err.Error())
				return nil // the others are as good as ever
			}
			m.learnBlock(read)
			m.history.restoreBlock(read, since)
			return nil
		})
	}
}

// learnBlock gives the detectors the points that they have not seen.
func (m *Monitor) learnBlock(b *block.Block) {
	if len(b.Times) == 0 || m.anomalies.saw(time.UnixMilli(b.Times[len(b.Times)-1])) {
		return
	}
	for i, ms := range b.Times {
		values := make(map[string]float64, len(b.Metrics))
		for _, metric := range b.Metrics {
			values[metric.Name] = float64(metric.Values[i])
		}
		m.anomalies.look(time.UnixMilli(ms).UTC(), values)
	}
}

// saw reports whether all detectors have seen a point of that time.
func (as *anomalies) saw(t time.Time) bool {
	as.mu.Lock()
	defer as.mu.Unlock()
	for _, through := range as.through {
		if through.Before(t) {
			return false
		}
	}
	return len(as.through) > 0
}

// restoreBlock takes over the points of an hour after since.
func (h *history) restoreBlock(b *block.Block, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.version++
	h.windows = windows{}
	scopes := make([]*scopeHistory, len(b.Scopes))
	for i, s := range b.Scopes {
		scopes[i] = h.scope(Scope{s.Endpoint, s.Organization})
	}
	for i, ms := range b.Times {
		at := time.UnixMilli(ms).UTC()
		if !at.After(since) {
			continue
		}
		if h.begun.IsZero() {
			h.begun = at.Add(-time.Duration(b.Elapsed[i]) * time.Millisecond)
		}
		h.ring.Append(at)
		for _, m := range b.Metrics {
			if v := m.Values[i]; v == v { // not NaN
				h.set(m.Name, float64(v))
			}
		}
		for j := range b.Scopes {
			for k, codes := range b.Scopes[j].Codes {
				if code := codes[i]; code != 0 {
					scopes[j].columns.SetCode(k, code)
				}
			}
			if b.Scopes[j].Codes[throughputFigure][i] != 0 {
				s := scopes[j]
				if s.last = at; s.first.IsZero() || at.Before(s.first) {
					s.first = at
				}
			}
		}
	}
	if n := len(b.Times); n > 0 && b.Times[n-1] > since.UnixMilli() {
		from, to := b.Times[0]-b.Elapsed[0], b.Times[n-1]
		for j, s := range b.Scopes {
			scopes[j].digests.Restore(from, to, s.Requests, s.Errors, s.Times)
		}
	}
}
