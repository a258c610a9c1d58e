package perfmon

import (
	"container/heap"
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// AlertRetention is how long alerts are kept that are over.
const AlertRetention = 90 * 24 * time.Hour

// What is kept of alerts. Those that are not over are never dropped.
const (
	maxAlerts      = 10_000
	maxAlertBytes  = 32 << 20 // of messages and metadata
	maxRaisedKeys  = 5 * maxAlerts
	droppedDetails = `{"dropped":"there was no room for the metadata of this alert"}`
)

// AlertRecord is the new state of a key and, where it changed, of its alert.
type AlertRecord struct {
	Key   Key      `json:"key"`
	State KeyState `json:"state"`
	Alert *Alert   `json:"alert,omitempty"`
	// Change is what happened to the alert; empty where only the key's state changed.
	Change AlertChange `json:"change,omitempty"`
	// Notify says whether people are notified.
	Notify bool `json:"notify,omitempty"`
}

// KeyState is all there is about a key besides its alert: its runs, recovery, cooldown
// and rule. The zero value is a key never seen.
type KeyState struct {
	Life lifecycle.State `json:"life"`
	Rule lifecycle.Rule  `json:"rule"`
	// Threshold is what watches the key; nil where nothing does.
	Threshold *Threshold `json:"threshold,omitempty"`
	// Host says that the host raised the alert, so that only it ends it.
	Host bool `json:"host,omitempty"`
	// Recent are the values of the run or recovery that goes on.
	Recent []judged `json:"recent,omitempty"`
	// Since is when the run of violations began that goes on; zero without one.
	Since time.Time `json:"since,omitzero"`
	// CoolFrom is when the cooldown began, by the clock on the wall.
	CoolFrom time.Time `json:"cool_from,omitzero"`
	// AlertID is the last alert, "" when there was none.
	AlertID string `json:"alert_id,omitempty"`
}

// alertBook owns every alert and the state of every key. All rules are in package
// lifecycle. What it holds never changes in place: next states are computed as records,
// and apply swaps them in once they are committed.
type alertBook struct {
	words messageMaker

	refused  atomic.Uint64 // alerts of the host that found no room
	stripped atomic.Uint64 // those that were dropped for their size, or lost their metadata

	// For new IDs; the journal makes one change at a time.
	entropy io.Reader
	lastMS  uint64 // of the last ID: IDs ascend even when the clock was set back

	mu      sync.RWMutex
	keys    map[Key]KeyState
	byID    map[string]*Alert
	log     []*Alert        // by ID, oldest first
	over    idHeap          // IDs of alerts that are over, oldest on top; some may be reopened
	queued  map[string]bool // the IDs in over
	bytes   int             // of messages and metadata
	dropped uint64          // alerts that were dropped to make room
}

func newAlertBook(words messageMaker) *alertBook {
	if words == nil {
		words = defaultMessage
	}
	return &alertBook{
		words:   words,
		keys:    map[Key]KeyState{},
		byID:    map[string]*Alert{},
		queued:  map[string]bool{},
		entropy: ulid.Monotonic(rand.Reader, 0),
	}
}

// transition carries out what changed in the life of a key: one record for each change,
// or one for the key alone where only its state did. describe words an alert that
// opened, was announced or escalated; it may be nil. value is the one at which an alert
// resolves.
func (b *alertBook) transition(now moment, key Key, k KeyState, changes []lifecycle.Transition, by, note string, value Value, describe func(*Alert)) []Record {
	if len(changes) == 0 {
		return []Record{{Alert: &AlertRecord{Key: key, State: k}}}
	}
	a := Alert{ID: k.AlertID, Metric: key.Metric, Scope: key.Scope, OpenedAt: now.wall} // where it was dropped
	if old := b.get(k.AlertID); old != nil {
		a = *old
	}
	records := make([]Record, 0, len(changes))
	for i, t := range changes {
		if t.Change == lifecycle.Opened {
			a = Alert{ID: b.newID(now.wall), Metric: key.Metric, Scope: key.Scope, OpenedAt: now.wall, State: AlertOpen}
			k.AlertID = a.ID
		}
		a.Severity = severityOf(k.Life.Level)
		if t.Change == lifecycle.Reopened && i+1 < len(changes) { // it escalates right after
			a.Severity = Warning
		}
		a.Quiet = k.Life.Quiet()
		var change AlertChange
		switch t.Change {
		case lifecycle.Opened:
			change = ChangeOpened
		case lifecycle.Reopened:
			change, a.State = ChangeReopened, AlertOpen
			a.Reopened++
		case lifecycle.Announced:
			change = ChangeAnnounced
		case lifecycle.Escalated:
			change = ChangeEscalated
			if k.Life.Status == lifecycle.Open {
				a.State = AlertOpen
			}
		case lifecycle.WasAcknowledged:
			change, a.State = ChangeAcknowledged, AlertAcknowledged
		case lifecycle.WasDismissed:
			change, a.State = ChangeDismissed, AlertDismissed
		case lifecycle.Resolved:
			change, a.State, a.Quiet = ChangeResolved, AlertResolved, false
		}
		if describe != nil {
			describe(&a)
		}
		a = a.changed(change, now.wall, by, note)
		if t.Change == lifecycle.Resolved {
			a.Changes[len(a.Changes)-1].Value = value
		}
		committed := a
		records = append(records, Record{Alert: &AlertRecord{Key: key, State: k, Alert: &committed, Change: change, Notify: t.Notify}})
	}
	return records
}

// newID returns an ID that sorts after every earlier one.
func (b *alertBook) newID(at time.Time) string {
	b.lastMS = max(b.lastMS, uint64(max(at.UnixMilli(), 0)))
	id, err := ulid.New(b.lastMS, b.entropy)
	if err != nil { // 2^80 IDs within a millisecond
		b.lastMS++
		id = ulid.MustNew(b.lastMS, b.entropy)
	}
	return id.String()
}

// act returns what follows when somebody acts on an alert by hand, and the alert as it
// was.
func (b *alertBook) act(now moment, id, by string, kind lifecycle.Kind) ([]Record, *Alert, error) {
	a := b.get(id)
	if a == nil {
		return nil, nil, ErrNotFound
	}
	k, _ := b.key(a.Key())
	withdrawn := kind == lifecycle.Withdraw && k.Life.Status != lifecycle.Clear
	if k.AlertID != id || !k.Life.Status.Active() && !withdrawn {
		return nil, a, ErrNotActive
	}
	var changes []lifecycle.Transition
	k.Life, changes = k.Life.Next(k.Rule, lifecycle.Event{Kind: kind, At: now.elapsed})
	if len(changes) == 0 {
		return nil, a, nil
	}
	describe := func(a *Alert) {
		if kind == lifecycle.Escalate {
			a.Message = truncate(a.Message+"; escalated by hand", maxMessage)
		}
	}
	return b.transition(now, a.Key(), k, changes, by, "", a.Value, describe), a, nil
}

// raise returns what follows from an alert of the host's own, and its ID.
func (b *alertBook) raise(now moment, h HostAlert, metadata Metadata, unit string, s *Settings) ([]Record, string, error) {
	key := Key{h.Metric, h.Scope}
	k, known := b.key(key)
	if !known && b.size() >= maxRaisedKeys {
		b.refused.Add(1)
		return nil, "", fmt.Errorf("%d metrics and scopes have alerts already", maxRaisedKeys)
	}
	if k.Threshold == nil {
		k.Rule = lifecycle.Rule{Violations: s.ConsecutiveViolations, Cooldown: s.AlertCooldown}
	}
	var changes []lifecycle.Transition
	k.Life, changes = k.Life.Next(k.Rule, lifecycle.Event{Kind: lifecycle.Raise, At: now.elapsed, Level: h.Severity.level()})
	if len(changes) == 0 {
		return nil, k.AlertID, nil
	}
	k.Host = true
	k = k.cooling(now)
	records := b.transition(now, key, k, changes, ByMonitor, "", h.Value, func(a *Alert) {
		a.Cause, a.Unit, a.Value, a.Threshold = CauseHost, unit, h.Value, Value{}
		a.Message, a.UserID, a.Metadata = h.Message, h.UserID, b.fitting(metadata)
	})
	return records, records[0].Alert.Alert.ID, nil
}

// fitting returns the metadata where there is room for it.
func (b *alertBook) fitting(md Metadata) Metadata {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if len(b.over) == 0 && b.bytes+len(md.object) > maxAlertBytes {
		b.stripped.Add(1)
		return Metadata{droppedDetails}
	}
	return md
}

// cooling notes the date at which a cooldown that has begun now began.
func (k KeyState) cooling(now moment) KeyState {
	if k.Life.CoolFrom == now.elapsed {
		k.CoolFrom = now.wall
	}
	return k
}

// apply takes over a record once it is committed.
func (b *alertBook) apply(r *AlertRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys[r.Key] = r.State
	if r.Alert != nil {
		b.put(r.Alert)
	}
}

// put keeps the new state of an alert; mu is held.
func (b *alertBook) put(a *Alert) {
	if old := b.byID[a.ID]; old != nil {
		b.bytes -= size(old)
		b.log[b.place(a.ID)] = a
	} else {
		b.log = slices.Insert(b.log, b.place(a.ID), a)
	}
	b.byID[a.ID] = a
	b.bytes += size(a)
	if a.State == AlertResolved && !b.queued[a.ID] {
		b.queued[a.ID] = true
		heap.Push(&b.over, a.ID)
	}
	for len(b.log) > maxAlerts || b.bytes > maxAlertBytes {
		tooLarge := b.bytes > maxAlertBytes
		if !b.dropOldest() {
			return
		}
		b.dropped++
		if tooLarge {
			b.stripped.Add(1)
		}
	}
}

// size is what counts towards maxAlertBytes.
func size(a *Alert) int { return len(a.Message) + len(a.Metadata.object) }

// place returns where in the log an ID is, or belongs; mu is held.
func (b *alertBook) place(id string) int {
	n := len(b.log)
	if n == 0 || b.log[n-1].ID < id {
		return n
	}
	i, _ := slices.BinarySearchFunc(b.log, id, func(a *Alert, id string) int {
		switch {
		case a.ID < id:
			return -1
		case a.ID > id:
			return 1
		}
		return 0
	})
	return i
}

// dropOldest drops the oldest alert that is over; mu is held. ok is false where there
// is none.
func (b *alertBook) dropOldest() (ok bool) {
	for len(b.over) > 0 {
		id := heap.Pop(&b.over).(string)
		delete(b.queued, id)
		a := b.byID[id]
		if a == nil || a.State != AlertResolved {
			continue // dropped already, or reopened
		}
		delete(b.byID, id)
		b.bytes -= size(a)
		i := b.place(id)
		b.log = slices.Delete(b.log, i, i+1)
		return true
	}
	return false
}

// sweep forgets keys that nothing depends on and alerts that are too old. It needs no
// record: it follows from the time alone.
func (b *alertBook) sweep(now moment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, k := range b.keys {
		if k.Life.Idle(k.Rule, now.elapsed) {
			delete(b.keys, key)
		}
	}
	for len(b.over) > 0 {
		oldest := b.byID[b.over[0]]
		if oldest != nil && oldest.State == AlertResolved {
			if now.wall.Sub(oldest.UpdatedAt) <= AlertRetention {
				return
			}
			b.dropOldest()
			continue
		}
		delete(b.queued, b.over[0])
		heap.Pop(&b.over)
	}
}

func (b *alertBook) get(id string) *Alert {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byID[id]
}

func (b *alertBook) key(k Key) (KeyState, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	state, ok := b.keys[k]
	return state, ok
}

// size returns how many keys there are.
func (b *alertBook) size() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.keys)
}

// allKeys returns every key with its state.
func (b *alertBook) allKeys() map[Key]KeyState {
	b.mu.RLock()
	defer b.mu.RUnlock()
	keys := make(map[Key]KeyState, len(b.keys))
	for key, k := range b.keys {
		keys[key] = k
	}
	return keys
}

// find returns the alerts that a query picks, newest first. They are not to be changed.
func (b *alertBook) find(q AlertQuery) (found []*Alert, more bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	last := len(b.log)
	if q.Before != "" {
		last = b.place(q.Before)
	}
	for i := last - 1; i >= 0; i-- {
		if !q.matches(b.log[i]) {
			continue
		}
		if q.Limit > 0 && len(found) == q.Limit {
			return found, true
		}
		found = append(found, b.log[i])
	}
	return found, false
}

// idHeap is a heap of IDs, the oldest on top.
type idHeap []string

func (h idHeap) Len() int           { return len(h) }
func (h idHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h idHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *idHeap) Push(x any)        { *h = append(*h, x.(string)) }
func (h *idHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
