package perfmon

import (
	"fmt"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// judge returns what follows for every key from the findings of a step. watched says
// whether any rule watches a key; heard is the elapsed time at the latest finding about
// it.
func (b *alertBook) judge(now moment, findings []finding, watched func(Key) bool, heard func(Key) time.Duration) []Record {
	changed := map[Key]KeyState{}
	var records []Record
	next := func(key Key, k KeyState, changes []lifecycle.Transition, note string, value Value, describe func(*Alert)) {
		records = append(records, b.transition(now, key, k.cooling(now), changes, ByMonitor, note, value, describe)...)
		changed[key] = records[len(records)-1].Alert.State
	}
	state := func(key Key) KeyState {
		if k, ok := changed[key]; ok {
			return k
		}
		k, _ := b.key(key)
		return k
	}
	for key, note := range b.endedKeys(now, watched, heard) {
		k := state(key)
		var changes []lifecycle.Transition
		k.Life, changes = k.Life.Next(k.Rule, lifecycle.Event{Kind: lifecycle.Withdraw, At: now.elapsed})
		k.Threshold = nil
		next(key, k.calm(), changes, note, Value{}, nil)
	}
	sortRecords(records)
	for _, f := range worst(findings) {
		before := state(f.key)
		covered := f.key.Kind() == ScopeEndpoint && state(Key{Metric: f.key.Metric}).Life.Status.Active()
		k, changes := before.observe(now, &f, covered)
		if len(changes) == 0 {
			if r, ok := b.otherCause(now, k, &f); ok {
				records = append(records, r)
				changed[f.key] = k
				continue
			}
		}
		if len(changes) == 0 && k.same(before) {
			continue
		}
		next(f.key, k, changes, "", f.value, func(a *Alert) { b.describe(a, &f) })
	}
	for _, key := range b.mutedKeys() {
		k := state(key)
		var changes []lifecycle.Transition
		if k.Life, changes = k.Life.Next(k.Rule, lifecycle.Event{Kind: lifecycle.Remain, At: now.elapsed}); k.Host && len(changes) > 0 {
			next(key, k, changes, "", Value{}, nil)
		}
	}
	return records
}

// mutedKeys returns the keys whose alert the host raised again within the cooldown. There may
// be no values about them that would tell when people are to hear of it after all.
func (b *alertBook) mutedKeys() (muted []Key) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for key, k := range b.keys {
		if k.Host && k.Life.Muted {
			muted = append(muted, key)
		}
	}
	slices.SortFunc(muted, compareKeys)
	return muted
}

// otherCause returns the record of an alert that stays while what is wrong becomes
// another thing: the metric is gone, or back and bad. Nobody must go by the old words.
func (b *alertBook) otherCause(now moment, k KeyState, f *finding) (r Record, ok bool) {
	old := b.get(k.AlertID)
	if old == nil || !old.Active() || f.severity == "" || (f.cause == CauseAbsence) == (old.Cause == CauseAbsence) || old.Cause == CauseHost {
		return r, false
	}
	a := *old
	b.describe(&a, f)
	a = a.changed(ChangeUpdated, now.wall, ByMonitor, "")
	return Record{Alert: &AlertRecord{Key: f.key, State: k, Alert: &a, Change: ChangeUpdated, Notify: !k.Life.Quiet()}}, true
}

// endedKeys returns the keys whose alert or run is over though no value says so, each
// with the reason.
func (b *alertBook) endedKeys(now moment, watched func(Key) bool, heard func(Key) time.Duration) map[Key]string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	ended := map[Key]string{}
	for key, k := range b.keys {
		if note := k.ended(now, key, watched, heard); note != "" {
			ended[key] = note
		}
	}
	return ended
}

// sortRecords gives records about different keys an order of their own.
func sortRecords(records []Record) {
	sortStableFunc(records, func(a, b Record) int { return compareKeys(a.Alert.Key, b.Alert.Key) })
}

// ended says why a key's alert is over though no value says so, "" when it is not.
func (k KeyState) ended(now moment, key Key, watched func(Key) bool, heard func(Key) time.Duration) string {
	if clear := k.Life.Status == lifecycle.Clear; k.Host && !clear || clear && k.Life.Violating == 0 {
		return ""
	}
	if !watched(key) {
		return "nothing watches it any more: its threshold is gone or disabled, its baseline is, or alerts of anomalies are off"
	}
	if now.elapsed-heard(key) >= staleAfter {
		return fmt.Sprintf("there were no values, or too few requests, for %v", staleAfter)
	}
	return ""
}

// calm drops what belongs to a run.
func (k KeyState) calm() KeyState {
	var none KeyState
	k.Since, k.Recent = none.Since, nil
	return k
}

// observe returns the state after a finding, and what changed.
func (k KeyState) observe(now moment, f *finding, covered bool) (KeyState, []lifecycle.Transition) {
	if t := f.threshold; t != nil {
		if old := k.Threshold; old != nil && !old.judgesAlike(t) && len(k.Recent) > 0 {
			k.Life = recount(k.Life, f.life, k.Recent, t)
		}
		k.Threshold = t
	}
	k.Rule = f.life
	before := k.Life
	var changes []lifecycle.Transition
	k.Life, changes = k.Life.Next(f.life, lifecycle.Event{
		Kind: lifecycle.Observe, At: now.elapsed, Level: f.severity.level(), Covered: covered, AtOnce: f.atOnce,
	})
	switch {
	case k.Life == before:
	case k.Life.Status == lifecycle.Clear && k.Life.Violating == 0:
		k = k.calm()
	default:
		floor := lifecycle.Good
		if f.cause != CauseThreshold {
			floor = f.severity.level()
		}
		recent := append(slices.Clip(k.Recent), judged{f.value, floor})
		if extra := len(recent) - max(f.life.Violations, 1); extra > 0 {
			recent = recent[extra:]
		}
		k.Recent = recent
		if k.Since.IsZero() {
			k.Since = now.wall
		}
	}
	if len(changes) > 0 {
		k.Host = false // a judge has taken it over
	}
	return k, changes
}

// same reports whether nothing that lasts differs. The threshold alone is no difference
// while nothing depends on it.
func (k KeyState) same(o KeyState) bool {
	if k.Life != o.Life {
		return false
	}
	idle := k.Life.Status == lifecycle.Clear && k.Life.Violating == 0
	if idle {
		return true
	}
	return k.Rule == o.Rule && k.Threshold != nil == (o.Threshold != nil) && (k.Threshold == nil || *k.Threshold == *o.Threshold) &&
		slices.Equal(k.Recent, o.Recent)
}

// describe words an alert by a finding. An alert that is over keeps its last words.
func (b *alertBook) describe(a *Alert, f *finding) {
	if f.severity == "" || a.State == AlertResolved {
		return
	}
	if f.cause == CauseThreshold && a.Severity == Warning && f.severity == Critical && f.threshold != nil {
		// The run as a whole is a warning, though its last value is worse: the limit that
		// all of it passed is the one for warnings.
		milder := *f
		milder.severity, milder.limit = Warning, f.threshold.limit(Warning)
		f = &milder
	}
	a.Value, a.Unit, a.Cause, a.Threshold = f.value, f.unit, f.cause, f.limit
	a.Message = b.message(f)
	metadata, err := newMetadata(f.evidence)
	if err == nil {
		a.Metadata = b.fitting(metadata)
	}
}

// worst merges the findings of each key into one, the worst, and keeps the order in
// which keys come up. What it returns takes the place of findings.
func worst(findings []finding) []finding {
	at := make(map[Key]int, len(findings))
	merged := findings[:0]
	for _, f := range findings {
		i, ok := at[f.key]
		if !ok {
			at[f.key] = len(merged)
			merged = append(merged, f)
			continue
		}
		threshold := merged[i].threshold
		if threshold == nil {
			threshold = f.threshold
		}
		if f.severity.level() > merged[i].severity.level() {
			merged[i] = f
		}
		merged[i].threshold = threshold
	}
	// Those of the service go first: they cover those of its endpoints.
	sortStableFunc(merged, func(a, b finding) int {
		return coveredRank(a.key) - coveredRank(b.key)
	})
	return merged
}

func coveredRank(k Key) int {
	if k.Kind() == ScopeEndpoint {
		return 1
	}
	return 0
}

// judged is one value as a judge saw it. A run of them is kept with a key so that it
// can be counted anew when the threshold changes.
type judged struct {
	Value Value           `json:"value"`
	Floor lifecycle.Level `json:"floor,omitempty"` // how bad it is whatever the threshold says
}

// recount counts a key's run anew after its threshold has changed.
func recount(s lifecycle.State, r lifecycle.Rule, recent []judged, t *Threshold) lifecycle.State {
	levels := make([]lifecycle.Level, len(recent))
	for i, j := range recent {
		levels[i] = j.Floor
		if v, ok := j.Value.Get(); ok {
			levels[i] = max(levels[i], t.severity(v).level())
		}
	}
	return s.Recount(r, levels)
}

// staleAfter is how long an alert outlives the last finding about its key. An endpoint
// that nobody calls any more must not stay critical for ever.
const staleAfter = time.Hour

// sortedKeys gives the keys an order, so that the same findings make the same records.
func sortedKeys(keys map[Key]KeyState) []Key {
	list := make([]Key, 0, len(keys))
	for key := range keys {
		list = append(list, key)
	}
	sortFunc(list, compareKeys)
	return list
}

func compareKeys(a, b Key) int {
	switch {
	case a == b:
		return 0
	case a.Metric < b.Metric, a.Metric == b.Metric && a.Endpoint < b.Endpoint,
		a.Metric == b.Metric && a.Endpoint == b.Endpoint && a.Organization < b.Organization:
		return -1
	}
	return 1
}
