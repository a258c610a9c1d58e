package perfmon

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/block"
)

// Reach returns how far back windows may reach: the retention, or 13 months where the store
// is an Archive. Past the retention points stand for 5 minutes in windows that begin within the
// last 30 days, and for an hour in longer ones.
func (h History) Reach() time.Duration {
	retention := h.m.settings.get().Retention
	if h.m.journal.archive() == nil {
		return retention
	}
	return max(retention, archiveReach)
}

// beyond reports whether a window that begins at since has a part that only the store has.
func (h History) beyond(since time.Time) bool {
	// A window of the whole retention, whose beginning was computed a moment ago, is not.
	slack := max(h.m.interval, time.Minute)
	return !since.IsZero() && h.m.journal.archive() != nil && since.Before(h.m.Now().Add(-h.m.settings.get().Retention-slack))
}

// reaches say which part of a window is read from where: weeks, days and hours of the store
// up to these times, and memory from the last on. Each is the beginning of a block of the
// tiers on both sides, or of none that is read.
type reaches struct{ days, hours, memory time.Time }

// reaches returns the limits for a window that begins at since. Days of the store are
// preferred to hours in memory, as one sketch stands for 24, up to the last one that is
// rolled up. The weeks of a window of up to 30 days are read by days, to begin where it does.
func (h History) reaches(since time.Time) (r reaches) {
	now, held := h.m.Now(), h.m.settings.get().Retention
	rolled := now.Add(-rollLag - time.Hour)
	if oldest := h.m.journal.rolled.Load(); oldest != nil {
		rolled = earlier(rolled, *oldest)
	}
	oldest := now.Add(time.Hour - held) // whole hours from then on are in memory
	r.memory = rolled.UTC().Truncate(day)
	r.hours = r.memory
	if r.memory.Before(oldest) {
		r.memory = oldest.UTC().Truncate(time.Hour)
		r.hours = r.memory.Truncate(day)
	}
	if isLong(since, now) {
		r.days = r.hours.Truncate(week)
	}
	return r
}

// isLong reports whether a window is longer than 30 days: too long for points of 5 minutes.
func isLong(since, now time.Time) bool { return since.Before(now.Add(-30*day - time.Hour)) }

// readArchive reads from the store while everything else goes on. It does not wait for a
// store that hangs.
func (h History) readArchive(read func(ctx context.Context, a Archive) error) {
	m := h.m
	select {
	case m.archiveReads <- struct{}{}:
	default:
		m.archiveRefused.Add(1)
		return // as many read as may: those that hang would pile up
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeDeadline)
	done := make(chan string, 1)
	go func() {
		defer func() { <-m.archiveReads }()
		text, _ := contain(func() error { return read(ctx, m.journal.archive()) }, func(text string) { done <- text })
		done <- text
	}()
	defer cancel()
	text := fmt.Sprintf("no answer within %v", storeDeadline)
	select {
	case text = <-done:
	case <-ctx.Done():
	}
	if text != "" && !m.archiveFailed.Swap(true) {
		m.log.write(slog.LevelError, "the store cannot be read: windows beyond the retention lack what it has", "error", text)
	} else if text == "" {
		m.archiveFailed.Store(false)
	}
}

// maxArchiveReads is how many read from the store at a time.
const maxArchiveReads = 16

// archivedSeries returns the points after since and not after until, a part of which only
// the store has. known is false where neither knows the scope.
func (h History) archivedSeries(scope Scope, since, until time.Time, metrics []string) (s Series, known bool) {
	now := h.m.Now()
	if until.IsZero() || until.After(now) {
		until = now
	}
	at, ts := h.tierOf(since), tiers(h.m.settings.get().Retention)
	old := newOldSeries(scope, since, until, metrics)
	parts := make(chan *oldSeries, 1)
	h.readArchive(func(ctx context.Context, a Archive) error {
		err := a.Blocks(ctx, at, since.Truncate(ts[at].span), until, func(b Block) error { return old.add(b) })
		parts <- old
		return err
	})
	select {
	case old = <-parts:
	default: // it hangs, and still has the other one
		old = newOldSeries(scope, since, until, metrics)
	}
	from := since
	if n := len(old.times); n > 0 {
		from = old.times[n-1]
	}
	c := h.m.registry.catalog()
	recent, held := h.m.history.series(scope, from, until, c, metrics)
	return old.with(recent, c), held || old.known
}

// tierOf returns the tier of the points of a window that begins at since.
func (h History) tierOf(since time.Time) int {
	if isLong(since, h.m.Now()) {
		return 2
	}
	return 1
}

var absentValue = math.NaN()

// oldSeries gathers the points of blocks.
type oldSeries struct {
	scope        Scope
	since, until time.Time
	want         block.Want
	times        []time.Time
	metrics      map[string]Values
	known        bool
}

func newOldSeries(scope Scope, since, until time.Time, metrics []string) *oldSeries {
	o := &oldSeries{scope: scope, since: since, until: until, metrics: map[string]Values{}}
	picked := func(name string) bool { return len(metrics) == 0 || slices.Contains(metrics, name) }
	if scope == (Scope{}) {
		o.known = true
		o.want.Metric = picked
	} else {
		o.want = block.Want{Scope: func(endpoint, organization string) bool { return Scope{endpoint, organization} == scope }, Codes: block.AllCodes}
		for i := range requestMetrics {
			if picked(builtin[i].Name) {
				o.metrics[builtin[i].Name] = nil
			}
		}
	}
	return o
}

// add takes the points of a block that are in the window.
func (o *oldSeries) add(b Block) error {
	read, err := block.Read(b.Data, o.want)
	if err != nil {
		return nil // damaged: the others are as good as ever
	}
	from, to := 0, len(read.Times)
	for from < to && read.Times[from] <= o.since.UnixMilli() {
		from++
	}
	for to > from && read.Times[to-1] > o.until.UnixMilli() {
		to--
	}
	before := len(o.times)
	for _, ms := range read.Times[from:to] {
		o.times = append(o.times, time.UnixMilli(ms).UTC())
	}
	for _, m := range read.Metrics {
		values := padded(o.metrics[m.Name], before, absentValue)
		for _, v := range m.Values[from:to] {
			values = append(values, float64(v))
		}
		o.metrics[m.Name] = values
	}
	for i := range read.Scopes {
		o.known = true
		o.addScope(b.Tier, read.Scopes[i].Codes, from, to, before)
	}
	return nil
}

func (o *oldSeries) addScope(tier int, codes [block.Figures][]uint16, from, to, before int) {
	for i, column := range codes {
		values, wanted := o.metrics[builtin[i].Name]
		if !wanted {
			continue
		}
		values = padded(values, before, absentValue)
		for j := from; j < to; j++ {
			v := figureNumber(i, tier, column[j])
			switch {
			case i == errorRateFigure && math.IsNaN(v) && codes[throughputFigure][j] != 0, i == throughputFigure && math.IsNaN(v) && before > 0:
				v = 0 // blocks leave out that there was nothing
			}
			values = append(values, v)
		}
		o.metrics[builtin[i].Name] = values
	}
}

// with returns the old points and the recent ones after them.
func (o *oldSeries) with(recent Series, c *catalog) Series {
	n := len(o.times)
	s := Series{Times: append(o.times, recent.Times...), Metrics: map[string]Column{}}
	for name, values := range o.metrics {
		m, ok := c.find(name)
		if !ok {
			continue // it is not registered any more
		}
		s.Metrics[name] = Column{m.Unit, m.Worse, padded(values, n, absentValue)}
	}
	for name, column := range recent.Metrics {
		old, ok := s.Metrics[name]
		if !ok {
			old = Column{column.Unit, column.Worse, padded(Values(nil), n, absentValue)}
		}
		old.Values = append(old.Values, column.Values...)
		s.Metrics[name] = old
	}
	for name, column := range s.Metrics {
		column.Values = padded(column.Values, len(s.Times), absentValue)
		s.Metrics[name] = column
	}
	return s
}

// sumSince adds up what was counted after since, for each scope that pick picks or for all of
// them together, and keeps nothing of it.
func (h *history) sumSince(since time.Time, pick func(Scope) bool, together bool) []requestSum {
	h.mu.RLock()
	defer h.mu.RUnlock()
	begin := since
	if begin.Before(h.begun) {
		begin = h.begun
	}
	var sums []requestSum
	for scope, s := range h.scopes {
		if !pick(scope) {
			continue
		}
		if len(sums) == 0 || !together {
			sums = append(sums, requestSum{scope: scope, from: begin})
		}
		var held windowSum
		held.sum = s.digests.Since(since, &held.times)
		sums[len(sums)-1].add(&held, &s.pending, h.counting)
	}
	if together && len(sums) > 0 {
		sums[0].scope = Scope{}
	}
	return sums
}

// archivedSums adds what only the store has of a window that begins at since to what memory
// has, for each scope that pick picks or for all of them together.
func (h History) archivedSums(since time.Time, pick func(Scope) bool, together bool) []requestSum {
	l := h.reaches(since)
	memory := make(chan []requestSum, 1)
	go func() { memory <- h.m.history.sumSince(l.memory, pick, together) }() // beside reading the store
	old := &oldSums{pick: pick, together: together, sums: map[Scope]*requestSum{}}
	result := make(chan *oldSums, 1)
	h.readArchive(func(ctx context.Context, a Archive) error {
		err := old.read(ctx, a, since, l)
		result <- old
		return err
	})
	sums := <-memory
	select {
	case old = <-result:
	default:
		return sums // it hangs
	}
	for i := range sums {
		if o := old.sums[sums[i].scope]; o != nil {
			sums[i].requests += o.requests
			sums[i].failed += o.failed
			sums[i].times.Merge(&o.times)
			sums[i].from = o.from
			delete(old.sums, o.scope)
		}
	}
	for _, o := range old.sums {
		sums = append(sums, *o)
	}
	for i := range sums {
		if !old.begin.IsZero() {
			sums[i].from = old.begin // all scopes have the window that there is
		}
	}
	return sums
}

// oldSums gathers the sums of blocks.
type oldSums struct {
	pick     func(Scope) bool
	together bool
	begin    time.Time // of the first block
	sums     map[Scope]*requestSum
}

// read adds up blocks from since to the limits, the coarsest first.
func (o *oldSums) read(ctx context.Context, a Archive, since time.Time, l reaches) error {
	for _, part := range []struct {
		tier     int
		span     time.Duration
		from, to time.Time
	}{{2, week, since, l.days}, {1, day, later(since, l.days), l.hours}, {0, time.Hour, later(since, l.hours), l.memory}} {
		if !part.from.Before(part.to) {
			continue
		}
		if err := a.Blocks(ctx, part.tier, part.from.Truncate(part.span), part.to, func(b Block) error { return o.add(b) }); err != nil {
			return err
		}
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (o *oldSums) add(b Block) error {
	read, err := block.Read(b.Data, block.Want{Scope: func(endpoint, organization string) bool { return o.pick(Scope{endpoint, organization}) }, Sums: true})
	if err != nil {
		return nil // damaged: the others are as good as ever
	}
	if o.begin.IsZero() && len(read.Times) > 0 {
		o.begin = time.UnixMilli(read.Times[0] - read.Elapsed[0]).UTC()
	}
	for i := range read.Scopes {
		s := &read.Scopes[i]
		scope := Scope{s.Endpoint, s.Organization}
		if o.together {
			scope = Scope{}
		}
		sum := o.sums[scope]
		if sum == nil {
			sum = &requestSum{scope: scope, from: o.begin}
			o.sums[scope] = sum
		}
		sum.requests += s.Requests
		sum.failed += s.Errors
		if err := sum.times.MergeBinary(s.Times); err != nil {
			return nil
		}
	}
	return nil
}
