package perfmon

import (
	"crypto/rand"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// maxAlerts is how many alerts are kept; active ones are never dropped.
const maxAlerts = 10_000

// alertBook owns every alert and the state of every key. All rules are in package
// lifecycle; here is what they are applied to.
type alertBook struct {
	message *template.Template

	mu      sync.Mutex
	keys    map[alertKey]*keyState
	log     []*Alert // by ID, oldest first
	byID    map[string]*Alert
	dropped uint64 // alerts that were dropped to make room
	entropy io.Reader
	lastMS  uint64 // of the last ID: IDs ascend even when the clock was set back
}

// alertKey is what at most one alert is open for.
type alertKey struct {
	metric string
	scope  Scope
}

// keyState is all there is about a key.
type keyState struct {
	state     lifecycle.State
	rule      lifecycle.Rule
	threshold *Threshold // that it was last evaluated by; nil: the host's own
	alert     *Alert     // the last one; nil: none yet
}

func newAlertBook(message *template.Template) *alertBook {
	if message == nil {
		message = template.Must(parseMessage(defaultMessage))
	}
	return &alertBook{
		message: message,
		keys:    map[alertKey]*keyState{},
		byID:    map[string]*Alert{},
		entropy: ulid.Monotonic(rand.Reader, 0),
	}
}

// observation is a value of a metric that a threshold watches.
type observation struct {
	threshold *Threshold
	metric    Metric
	scope     Scope
	value     float64
	regressed *Regression // nil: not
}

// level says how bad the observation is: a regression is a warning, whatever the limits.
func (o *observation) level() lifecycle.Level {
	level := o.threshold.level(o.value)
	if o.regressed != nil {
		level = max(level, lifecycle.Warning)
	}
	return level
}

// limit returns the limit that the value is past.
func (o *observation) limit(s Severity) float64 {
	if o.isRegression() {
		return o.regressed.Limit
	}
	return o.threshold.limit(s)
}

// isRegression reports whether it is bad for no other reason.
func (o *observation) isRegression() bool {
	return o.regressed != nil && o.threshold.level(o.value) == lifecycle.Good
}

// observe applies the values of one step and returns what to tell. Keys of
// thresholds that are not among those in force are over.
func (b *alertBook) observe(at time.Time, inForce []*Threshold, values []observation, s Settings) []AlertEvent {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.withdraw(at, inForce)
	for _, o := range values {
		level := o.level()
		key := alertKey{o.metric.Name, o.scope}
		k := b.keys[key]
		if k == nil {
			k = &keyState{}
			b.keys[key] = k
		}
		if k.threshold != o.threshold {
			// Violations of another rule do not count towards this one.
			k.state.Violating, k.state.Critical, k.state.Recovering = 0, 0, 0
			k.threshold = o.threshold
		}
		k.rule = o.threshold.rule(s)
		if a := k.alert; a != nil && k.state.Status != lifecycle.Clear {
			a.Value = o.value
		}
		var changes []lifecycle.Transition
		k.state, changes = k.state.Next(k.rule, lifecycle.Event{Kind: lifecycle.Observe, At: at, Level: level})
		fresh := func() *Alert {
			return &Alert{Metric: o.metric.Name, Scope: o.scope, Unit: o.metric.Unit}
		}
		events = append(events, b.record(k, changes, at, ByMonitor, fresh, func(a *Alert) {
			a.Value = o.value
			a.Threshold = o.limit(a.Severity)
			a.Message = b.render(a, o, k.state.Violating)
		})...)
	}
	return events
}

// withdraw ends the keys whose threshold is gone or switched off.
func (b *alertBook) withdraw(at time.Time, inForce []*Threshold) []AlertEvent {
	var events []AlertEvent
	for key, k := range b.keys {
		if k.threshold != nil && !slices.ContainsFunc(inForce, func(t *Threshold) bool {
			return !t.Disabled && t.Metric == key.metric && t.Scope == k.threshold.Scope
		}) {
			var changes []lifecycle.Transition
			k.state, changes = k.state.Next(k.rule, lifecycle.Event{Kind: lifecycle.Withdraw, At: at})
			events = append(events, b.record(k, changes, at, ByMonitor, nil, nil)...)
			k.threshold = nil
		}
		// A key of the host's own is forgotten when nothing depends on it any more.
		if _, cooling := k.state.Cooling(k.rule, at); k.threshold == nil && k.state.Status == lifecycle.Clear && !cooling {
			delete(b.keys, key)
		}
	}
	slices.SortFunc(events, func(x, y AlertEvent) int { return strings.Compare(x.Alert.ID, y.Alert.ID) })
	return events
}

// record carries transitions over to the alert they are about. describe, where there
// is one, words an alert that opened or got worse.
func (b *alertBook) record(k *keyState, changes []lifecycle.Transition, at time.Time, by string, fresh func() *Alert, describe func(*Alert)) []AlertEvent {
	var events []AlertEvent
	for _, t := range changes {
		if t.Change == lifecycle.Opened {
			k.alert = fresh()
			k.alert.ID = b.newID(at)
			k.alert.OpenedAt = at
		}
		a := k.alert
		if k.state.Level == lifecycle.Critical {
			a.Severity = Critical
		} else {
			a.Severity = Warning
		}
		var change AlertChange
		switch t.Change {
		case lifecycle.Opened:
			change, a.State = ChangeOpened, AlertOpen
			b.add(a)
		case lifecycle.Reopened:
			change, a.State = ChangeReopened, AlertOpen
			a.Reopened++
			if b.byID[a.ID] == nil { // dropped since it was resolved
				b.add(a)
				slices.SortFunc(b.log, func(x, y *Alert) int { return strings.Compare(x.ID, y.ID) })
			}
		case lifecycle.Announced:
			change = ChangeAnnounced
		case lifecycle.Escalated:
			change = ChangeEscalated
			if k.state.Status == lifecycle.Open {
				a.State = AlertOpen
			}
		case lifecycle.WasAcknowledged:
			change, a.State = ChangeAcknowledged, AlertAcknowledged
		case lifecycle.WasDismissed:
			change, a.State = ChangeDismissed, AlertDismissed
		case lifecycle.Resolved:
			change, a.State = ChangeResolved, AlertResolved
		}
		if describe != nil && change != ChangeReopened && change != ChangeResolved {
			describe(a)
		}
		a.changed(change, at, by)
		if t.Notify {
			if change == ChangeAnnounced {
				change = ChangeOpened
			}
			events = append(events, AlertEvent{change, at, by, a.clone()})
		}
	}
	return events
}

func (b *alertBook) render(a *Alert, o observation, consecutive int) string {
	d := MessageData{
		Metric: o.metric, Severity: a.Severity, Scope: o.scope,
		Value: withUnit(o.value, o.metric.Unit), Threshold: withUnit(a.Threshold, o.metric.Unit),
		Comparison: o.threshold.Comparison, Consecutive: consecutive,
	}
	if r := o.regressed; o.isRegression() {
		d.Value, d.Baseline = withUnit(r.Current, o.metric.Unit), withUnit(r.Baseline, o.metric.Unit)
	}
	message, err := renderMessage(b.message, d)
	if err != nil { // of a template that fails for some values only
		return fmt.Sprintf("%s is past its %s limit", o.metric.Name, a.Severity)
	}
	return message
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

// add keeps a new alert, in place of the oldest one that is over where there is no
// room.
func (b *alertBook) add(a *Alert) {
	if len(b.log) >= maxAlerts {
		if i := slices.IndexFunc(b.log, func(a *Alert) bool { return !b.held(a) }); i >= 0 {
			delete(b.byID, b.log[i].ID)
			b.log = slices.Delete(b.log, i, i+1)
			b.dropped++
		}
	}
	b.log = append(b.log, a)
	b.byID[a.ID] = a
}

// held reports whether an alert may not be dropped: it is not over, or could be
// reopened.
func (b *alertBook) held(a *Alert) bool {
	k := b.keys[alertKey{a.Metric, a.Scope}]
	return k != nil && k.alert == a && k.state.Status != lifecycle.Clear
}

func (b *alertBook) get(id string) (Alert, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.byID[id]
	if a == nil {
		return Alert{}, ErrNotFound
	}
	return a.clone(), nil
}

func (b *alertBook) query(q AlertQuery) (found []Alert, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.log) - 1; i >= 0; i-- {
		if !q.matches(b.log[i]) {
			continue
		}
		if q.Limit > 0 && len(found) == q.Limit {
			return found, true
		}
		found = append(found, b.log[i].clone())
	}
	return found, false
}

// act applies what somebody does to an alert by hand.
func (b *alertBook) act(id, by string, e lifecycle.Event) (Alert, []AlertEvent, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.byID[id]
	if a == nil {
		return Alert{}, nil, ErrNotFound
	}
	k := b.keys[alertKey{a.Metric, a.Scope}]
	if k == nil || k.alert != a || !k.state.Status.Active() && (e.Kind != lifecycle.Withdraw || k.state.Status == lifecycle.Clear) {
		return a.clone(), nil, ErrNotActive
	}
	var changes []lifecycle.Transition
	k.state, changes = k.state.Next(k.rule, e)
	events := b.record(k, changes, e.At, by, nil, func(a *Alert) {
		if t := k.threshold; t != nil && !math.IsNaN(t.limit(a.Severity)) {
			a.Threshold = t.limit(a.Severity)
		}
	})
	return a.clone(), events, nil
}

// raise applies an alert of the host's own.
func (b *alertBook) raise(h HostAlert, unit string, at time.Time, s Settings) (Alert, []AlertEvent, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := alertKey{h.Metric, h.Scope}
	k := b.keys[key]
	if k == nil {
		if len(b.keys) >= 5*maxAlerts {
			return Alert{}, nil, fmt.Errorf("%d metrics and scopes have alerts already", len(b.keys))
		}
		k = &keyState{}
		b.keys[key] = k
	}
	if k.threshold == nil {
		k.rule = lifecycle.Rule{Violations: s.ConsecutiveViolations, Cooldown: s.AlertCooldown}
	}
	level := lifecycle.Warning
	if h.Severity == Critical {
		level = lifecycle.Critical
	}
	var changes []lifecycle.Transition
	k.state, changes = k.state.Next(k.rule, lifecycle.Event{Kind: lifecycle.Raise, At: at, Level: level})
	fresh := func() *Alert { return &Alert{Metric: h.Metric, Scope: h.Scope, Unit: unit} }
	events := b.record(k, changes, at, ByMonitor, fresh, func(a *Alert) {
		a.Message, a.UserID, a.Metadata, a.Value = h.Message, h.UserID, h.Metadata, h.Value
	})
	return k.alert.clone(), events, nil
}

// status returns what a key has come to, for diagnostics.
func (b *alertBook) status(metric string, scope Scope) (keyState, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.keys[alertKey{metric, scope}]
	if k == nil {
		return keyState{}, false
	}
	return *k, true
}

// scopes returns every scope of a kind that a metric has a key for.
func (b *alertBook) scopes(metric string, kind ScopeKind) []Scope {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []Scope
	for key := range b.keys {
		if key.metric == metric && key.scope.Kind() == kind {
			found = append(found, key.scope)
		}
	}
	slices.SortFunc(found, func(a, b Scope) int { return strings.Compare(a.String(), b.String()) })
	return found
}
