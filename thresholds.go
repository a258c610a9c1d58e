package perfmon

import (
	"encoding/json"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// Comparison says on which side of its limits a value violates a threshold.
type Comparison string

const (
	Greater Comparison = "greater" // than the limit
	Less    Comparison = "less"    // than the limit
	Equal   Comparison = "equal"   // to the limit, exactly
)

// NoCooldown is the Cooldown of a threshold whose alerts may open anew at once.
const NoCooldown time.Duration = -1

// DefaultMinRequests is the MinRequests of a threshold that does not set it.
const DefaultMinRequests = 100

// MaxThresholds bounds how many thresholds a monitor holds.
const MaxThresholds = 1000

// Threshold says when a metric is worth an alert.
type Threshold struct {
	// Metric is its name. Endpoints and organizations have only the metrics of
	// requests: response times, throughput and error rate.
	Metric string
	// Scope is what each alert is about. The zero value is the service.
	Scope ScopeKind
	// AppliesTo narrows a threshold of endpoints or organizations to those whose name
	// matches, where * stands for any text: "GET /reports/*". Where several thresholds
	// match a name, the most specific one counts, also when it is disabled. The zero
	// value is all.
	AppliesTo string
	// Warning and Critical are the limits, in the metric's unit; at least one is set.
	// A value equal to a limit is good, except with Equal.
	Warning, Critical Value
	// Comparison is Greater, Less or Equal. The zero value is Less for a metric that
	// is worse when lower, else Greater.
	Comparison Comparison
	// ConsecutiveViolations is how many violations in a row open an alert, and how
	// many good values in a row resolve it: 1 to 1000. 0 takes the monitor's setting.
	ConsecutiveViolations int
	// Cooldown is how long after an alert opened no other one opens: up to 30 days.
	// 0 takes the monitor's setting, NoCooldown is none.
	Cooldown time.Duration
	// MinRequests is how many requests a value must rest on to be judged: 1 to
	// 1,000,000, for metrics of requests alone. 0 takes DefaultMinRequests. A step with
	// fewer is judged together with those after it; what is not enough after 5 minutes
	// is not judged. For throughput, what counts is how many requests were to be
	// expected.
	MinRequests int
	// AbsentAfter makes absence an alert: the metric had values and has none for so
	// long, 1 s to 30 days. The alert has the highest severity that has a limit.
	// 0 is never.
	AbsentAfter time.Duration
	// Disabled switches the threshold off; an open alert of it is resolved.
	Disabled bool
	// Runbook is a link to what to do about an alert: an http or https URL of at most 2048
	// bytes, empty for none. Notifications have it.
	Runbook string
}

// ThresholdID identifies a threshold: a monitor has at most one for each ID.
type ThresholdID struct {
	Metric    string
	Scope     ScopeKind // the zero value is the service
	AppliesTo string
}

// ID returns what identifies the threshold.
func (t Threshold) ID() ThresholdID { return ThresholdID{t.Metric, t.Scope, t.AppliesTo}.complete() }

func (id ThresholdID) complete() ThresholdID {
	if id.Scope == "" {
		id.Scope = ScopeService
	}
	return id
}

// String names the threshold in errors.
func (id ThresholdID) String() string {
	id = id.complete()
	s := id.Metric + " for each " + string(id.Scope)
	if id.Scope == ScopeService {
		s = id.Metric + " for the service"
	}
	if id.AppliesTo != "" {
		s += " that matches " + id.AppliesTo
	}
	return s
}

// DefaultThresholds returns the thresholds of a monitor that is given no others.
//
// Throughput alerts when it falls: below a limit that it was above minutes before, and
// to less than a twentieth of what it was. A service that is quiet or goes quiet slowly, as
// it does every evening, pages nobody.
func DefaultThresholds() []Threshold {
	limits := func(metric string, warning, critical float64, c Comparison) Threshold {
		return Threshold{Metric: metric, Scope: ScopeService, Warning: ValueOf(warning), Critical: ValueOf(critical), Comparison: c}
	}
	return []Threshold{
		limits(ResponseTimeP95, 2, 5, Greater),
		limits(DatabaseQueryTimeAvg, 0.5, 2, Greater),
		limits(MemoryUsagePercent, 80, 90, Greater),
		limits(CPUUsagePercent, 80, 95, Greater),
		limits(ErrorRate, 5, 10, Greater),
		limits(CacheHitRate, 70, 50, Less),
		limits(DatabasePoolUsage, 80, 95, Greater),
		limits(ThroughputRPS, 10, 5, Less),
	}
}

// severity says how bad a value is, "" when it is good.
func (t *Threshold) severity(v float64) Severity {
	violates := func(limit Value) bool {
		l, ok := limit.Get()
		switch {
		case !ok:
			return false
		case t.Comparison == Greater:
			return v > l
		case t.Comparison == Less:
			return v < l
		}
		return v == l
	}
	switch {
	case violates(t.Critical):
		return Critical
	case violates(t.Warning):
		return Warning
	}
	return ""
}

// limit returns the limit of a severity.
func (t *Threshold) limit(s Severity) Value {
	if s == Critical {
		return t.Critical
	}
	return t.Warning
}

// mildest returns the limit that a value passes first.
func (t *Threshold) mildest() float64 {
	if v, ok := t.Warning.Get(); ok {
		return v
	}
	return t.Critical.Float()
}

// judgesAlike reports whether two thresholds find the same of any value.
func (t *Threshold) judgesAlike(o *Threshold) bool {
	return t.Warning == o.Warning && t.Critical == o.Critical && t.Comparison == o.Comparison
}

// life is what an alert's life goes by, with the monitor's settings filled in.
func (t *Threshold) life(s *Settings) lifecycle.Rule {
	e := t.effective(s)
	return lifecycle.Rule{Violations: e.ConsecutiveViolations, Cooldown: max(e.Cooldown, 0)}
}

// effective fills in what the threshold takes from the settings.
func (t Threshold) effective(s *Settings) Threshold {
	if t.ConsecutiveViolations == 0 {
		t.ConsecutiveViolations = s.ConsecutiveViolations
	}
	if t.Cooldown == 0 {
		t.Cooldown = s.AlertCooldown
	}
	if t.Cooldown == 0 {
		t.Cooldown = NoCooldown
	}
	if t.MinRequests == 0 && requestMetric(t.Metric) >= 0 {
		t.MinRequests = DefaultMinRequests
	}
	return t
}

// complete fills in defaults and checks the whole threshold.
func (t Threshold) complete(c *catalog) (Threshold, error) {
	metric, ok := c.find(t.Metric)
	if !ok {
		return t, &FieldError{"Metric", t.Metric, "the name of a registered metric"}
	}
	ofRequests := requestMetric(t.Metric) >= 0
	if t.Scope == "" {
		t.Scope = ScopeService
	}
	switch t.Scope {
	case ScopeService:
		if t.AppliesTo != "" {
			return t, &FieldError{"AppliesTo", t.AppliesTo, "nothing for a threshold of the service"}
		}
	case ScopeEndpoint, ScopeOrganization:
		if !ofRequests {
			return t, &FieldError{"Scope", t.Scope, fmt.Sprintf("%q, as %s has no value for each %s", ScopeService, t.Metric, t.Scope)}
		}
	default:
		return t, &FieldError{"Scope", t.Scope, `"service", "endpoint" or "organization"`}
	}
	if len(t.AppliesTo) > maxPattern || t.AppliesTo != cleanText(t.AppliesTo) {
		return t, &FieldError{"AppliesTo", t.AppliesTo, fmt.Sprintf("at most %d bytes of printable text", maxPattern)}
	}
	if t.Comparison == "" {
		t.Comparison = Greater
		if metric.Worse == LowerIsWorse {
			t.Comparison = Less
		}
	}
	if err := t.checkLimits(); err != nil {
		return t, err
	}
	switch {
	case t.ConsecutiveViolations < 0 || t.ConsecutiveViolations > maxViolations:
		return t, &FieldError{"ConsecutiveViolations", t.ConsecutiveViolations, "1 to 1000, or 0 for the monitor's setting"}
	case t.Cooldown > maxCooldown || t.Cooldown < 0 && t.Cooldown != NoCooldown:
		return t, &FieldError{"Cooldown", t.Cooldown, "up to 30 days, 0 for the monitor's setting, or NoCooldown"}
	case t.MinRequests < 0 || t.MinRequests > maxMinRequests:
		return t, &FieldError{"MinRequests", t.MinRequests, "1 to 1000000, or 0 for the default"}
	case t.MinRequests > 0 && !ofRequests:
		return t, &FieldError{"MinRequests", t.MinRequests, "0, as " + t.Metric + " is no metric of requests"}
	case t.AbsentAfter != 0 && t.Metric == ThroughputRPS:
		return t, &FieldError{"AbsentAfter", t.AbsentAfter, "0, as throughput is never absent: without requests it is 0"}
	case t.AbsentAfter != 0 && (t.AbsentAfter < time.Second || t.AbsentAfter > maxCooldown):
		return t, &FieldError{"AbsentAfter", t.AbsentAfter, "1s to 30 days, or 0 for never"}
	case t.Runbook != "" && !validLink(t.Runbook):
		return t, &FieldError{"Runbook", t.Runbook, "an absolute http or https URL of at most 2048 bytes, without a user, or nothing"}
	}
	return t, nil
}

const (
	maxPattern     = 256
	maxMinRequests = 1_000_000
)

func (t *Threshold) checkLimits() error {
	warning, hasWarning := t.Warning.Get()
	critical, hasCritical := t.Critical.Get()
	switch t.Comparison {
	case Greater, Less, Equal:
	default:
		return &FieldError{"Comparison", t.Comparison, `"greater", "less" or "equal"`}
	}
	if !hasWarning && !hasCritical {
		return &FieldError{"Warning", nil, "a finite number for Warning, Critical or both"}
	}
	if !hasWarning || !hasCritical {
		return nil
	}
	switch {
	case t.Comparison == Greater && critical < warning:
		return &FieldError{"Critical", critical, fmt.Sprintf("at least the warning limit of %v", warning)}
	case t.Comparison == Less && critical > warning:
		return &FieldError{"Critical", critical, fmt.Sprintf("at most the warning limit of %v", warning)}
	case t.Comparison == Equal && critical != warning:
		return &FieldError{"Critical", critical, fmt.Sprintf("the same value as the warning limit of %v, or no warning limit: a value can equal only one", warning)}
	}
	return nil
}

// ThresholdUpdate names the fields of a threshold to change; nil leaves one as it is.
type ThresholdUpdate struct {
	Warning               *Value // an absent Value takes the limit away
	Critical              *Value // likewise
	Comparison            *Comparison
	ConsecutiveViolations *int           // 0 takes the monitor's setting
	Cooldown              *time.Duration // 0 takes the monitor's setting, NoCooldown is none
	MinRequests           *int           // 0 takes the default
	AbsentAfter           *time.Duration // 0 is never
	Enabled               *bool
	Runbook               *string // empty takes the link away
}

// Apply returns t with the named fields changed. It does not check them: Thresholds.Set
// does.
func (u ThresholdUpdate) Apply(t Threshold) Threshold {
	set(&t.Warning, u.Warning)
	set(&t.Critical, u.Critical)
	set(&t.Comparison, u.Comparison)
	set(&t.ConsecutiveViolations, u.ConsecutiveViolations)
	set(&t.Cooldown, u.Cooldown)
	set(&t.MinRequests, u.MinRequests)
	set(&t.AbsentAfter, u.AbsentAfter)
	set(&t.Runbook, u.Runbook)
	if u.Enabled != nil {
		t.Disabled = !*u.Enabled
	}
	return t
}

// set stores a value where there is one.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// Thresholds reads and changes the thresholds of a monitor. Every change is checked
// whole and applied whole or, with an error, not at all.
type Thresholds struct{ m *Monitor }

// Thresholds returns the thresholds of the monitor.
func (m *Monitor) Thresholds() Thresholds { return Thresholds{m} }

// All returns all thresholds as they were set, in the order they were added.
func (ts Thresholds) All() []Threshold { return slices.Clone(ts.m.thresholds.all()) }

// Get returns a threshold as it was set, or ErrNotFound.
func (ts Thresholds) Get(id ThresholdID) (Threshold, error) {
	if t, ok := ts.m.thresholds.get(id); ok {
		return t, nil
	}
	return Threshold{}, fmt.Errorf("perfmon: threshold of %v: %w", id, ErrNotFound)
}

// Effective returns t with the defaults and settings filled in that it takes now.
func (ts Thresholds) Effective(t Threshold) Threshold { return t.effective(ts.m.settings.get()) }

// Set adds a threshold or replaces the one with the same ID. Setting what is set
// already changes nothing. by names who does it. Errors: *FieldError, ErrClosed, ErrStore.
func (ts Thresholds) Set(t Threshold, by string) (Threshold, error) {
	return ts.change(t.ID(), by, func(Threshold, bool) (Threshold, error) { return t, nil })
}

// Update changes the named fields of a threshold and returns it as it is now. Errors:
// ErrNotFound, *FieldError, ErrClosed, ErrStore.
func (ts Thresholds) Update(id ThresholdID, u ThresholdUpdate, by string) (Threshold, error) {
	return ts.change(id, by, func(old Threshold, ok bool) (Threshold, error) {
		if !ok {
			return old, ErrNotFound
		}
		return u.Apply(old), nil
	})
}

// change applies f to the threshold as it is when nothing else changes it.
func (ts Thresholds) change(id ThresholdID, by string, f func(old Threshold, ok bool) (Threshold, error)) (changed Threshold, err error) {
	err = ts.m.change(by, func(moment) ([]Record, error) {
		old, ok := ts.m.thresholds.get(id)
		t, err := f(old, ok)
		if err == nil {
			t, err = t.complete(ts.m.registry.catalog())
		}
		if err != nil {
			return nil, fmt.Errorf("threshold of %v: %w", id, err)
		}
		changed = t
		if ok && t == old {
			return nil, nil
		}
		if !ok && len(ts.m.thresholds.all()) >= MaxThresholds {
			ts.m.thresholds.refused.Add(1)
			return nil, fmt.Errorf("threshold of %v: there are %d thresholds already, which is the most: remove one first", id, MaxThresholds)
		}
		return []Record{{Threshold: &ThresholdRecord{Threshold: t}}}, nil
	})
	return changed, err
}

// Remove takes a threshold away; an open alert of it is resolved. Errors: ErrNotFound,
// ErrClosed, ErrStore.
func (ts Thresholds) Remove(id ThresholdID, by string) error {
	return ts.m.change(by, func(moment) ([]Record, error) {
		t, ok := ts.m.thresholds.get(id)
		if !ok {
			return nil, fmt.Errorf("threshold of %v: %w", id, ErrNotFound)
		}
		return []Record{{Threshold: &ThresholdRecord{Threshold: t, Removed: true}}}, nil
	})
}

// thresholdSet owns the thresholds. The list is never changed, only replaced, by the
// journal.
type thresholdSet struct {
	list    atomic.Pointer[[]Threshold]
	refused atomic.Uint64 // that found no room
}

func (s *thresholdSet) all() []Threshold {
	if list := s.list.Load(); list != nil {
		return *list
	}
	return nil
}

func (s *thresholdSet) get(id ThresholdID) (Threshold, bool) {
	id = id.complete()
	for _, t := range s.all() {
		if t.ID() == id {
			return t, true
		}
	}
	return Threshold{}, false
}

// apply takes over a record.
func (s *thresholdSet) apply(r *ThresholdRecord) {
	list := slices.Clone(s.all())
	i := slices.IndexFunc(list, func(t Threshold) bool { return t.ID() == r.Threshold.ID() })
	switch {
	case r.Removed && i >= 0:
		list = slices.Delete(list, i, i+1)
	case r.Removed:
	case i >= 0:
		list[i] = r.Threshold
	default:
		list = append(list, r.Threshold)
	}
	s.list.Store(&list)
}

// watcher finds the thresholds that watch keys, and remembers them until the list
// changes. One goroutine uses it.
type watcher struct {
	list    *[]Threshold
	found   map[Key]*Threshold
	metrics map[ScopeKind][]string // see watched; nil: to be made
	enough  map[ScopeKind][]int    // see enoughRequests; nil: to be made
}

// in returns a watcher of the list in force.
func (w *watcher) in(set *thresholdSet) *watcher {
	if list := set.list.Load(); w.found == nil || list != w.list || len(w.found) > maxWatched {
		*w = watcher{list: list, found: map[Key]*Threshold{}}
	}
	return w
}

// maxWatched bounds what a watcher remembers.
const maxWatched = 100_000

// watched returns the metrics that thresholds watch, by kind of scope.
func (w *watcher) watched() map[ScopeKind][]string {
	if w.metrics == nil {
		w.metrics = map[ScopeKind][]string{}
		for _, t := range w.all() {
			if !slices.Contains(w.metrics[t.Scope], t.Metric) {
				w.metrics[t.Scope] = append(w.metrics[t.Scope], t.Metric)
			}
		}
	}
	return w.metrics
}

// enoughRequests returns how many requests thresholds ask for, by kind of scope.
func (w *watcher) enoughRequests() map[ScopeKind][]int {
	if w.enough == nil {
		w.enough = enoughRequests(w.all())
	}
	return w.enough
}

func (w *watcher) all() []Threshold {
	if w.list == nil {
		return nil
	}
	return *w.list
}

func (w *watcher) of(key Key) *Threshold {
	t, ok := w.found[key]
	if !ok {
		t = watching(w.all(), key)
		w.found[key] = t
	}
	return t
}

// watching returns the threshold that watches a key: of those that match it the most
// specific one, nil where there is none or it is disabled.
func watching(list []Threshold, key Key) *Threshold {
	var found *Threshold
	for i := range list {
		t := &list[i]
		if t.Metric != key.Metric || t.Scope != key.Kind() || !matchPattern(t.AppliesTo, key.name()) {
			continue
		}
		if found == nil || specificity(t.AppliesTo) > specificity(found.AppliesTo) {
			found = t
		}
	}
	if found == nil || found.Disabled {
		return nil
	}
	return found
}

// thresholdJSON is a Threshold in JSON, with the seed's names and units.
type thresholdJSON struct {
	Metric                string     `json:"metric_name"`
	Scope                 ScopeKind  `json:"scope"`
	AppliesTo             string     `json:"applies_to,omitempty"`
	Warning               Value      `json:"warning_threshold"`
	Critical              Value      `json:"critical_threshold"`
	Comparison            Comparison `json:"comparison"`
	ConsecutiveViolations int        `json:"consecutive_violations,omitempty"`
	CooldownMinutes       *float64   `json:"cooldown_minutes,omitempty"`
	MinRequests           int        `json:"min_requests,omitempty"`
	AbsentAfterSeconds    float64    `json:"absent_after_seconds,omitempty"`
	Enabled               bool       `json:"enabled"`
	Runbook               string     `json:"runbook,omitempty"`
}

// MarshalJSON returns the fields in snake_case. Those that the threshold takes from the
// settings are left out; see [Thresholds.Effective].
func (t Threshold) MarshalJSON() ([]byte, error) {
	out := thresholdJSON{
		Metric: t.Metric, Scope: t.Scope, AppliesTo: t.AppliesTo, Warning: t.Warning, Critical: t.Critical, Comparison: t.Comparison,
		ConsecutiveViolations: t.ConsecutiveViolations, MinRequests: t.MinRequests,
		AbsentAfterSeconds: t.AbsentAfter.Seconds(), Enabled: !t.Disabled, Runbook: t.Runbook,
	}
	if t.Cooldown != 0 {
		minutes := max(t.Cooldown, 0).Minutes()
		out.CooldownMinutes = &minutes
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Threshold) UnmarshalJSON(data []byte) error {
	in := thresholdJSON{Enabled: true}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*t = Threshold{
		Metric: in.Metric, Scope: in.Scope, AppliesTo: in.AppliesTo, Warning: in.Warning, Critical: in.Critical, Comparison: in.Comparison,
		ConsecutiveViolations: in.ConsecutiveViolations, MinRequests: in.MinRequests,
		AbsentAfter: inUnits(in.AbsentAfterSeconds, time.Second), Disabled: !in.Enabled, Runbook: in.Runbook,
	}
	if in.CooldownMinutes != nil {
		if t.Cooldown = inUnits(*in.CooldownMinutes, time.Minute); t.Cooldown <= 0 {
			t.Cooldown = NoCooldown
		}
	}
	return nil
}

// inUnits returns a number of units as a duration, to the nanosecond.
func inUnits(n float64, unit time.Duration) time.Duration {
	return time.Duration(math.Round(n * float64(unit)))
}
