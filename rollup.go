package perfmon

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/backend-prs/perfmon/internal/block"
	"github.com/backend-prs/perfmon/sketch"
)

// rollLag is how long after its end an hour is rolled up. Until then its points are read
// one by one at a restart, so that windows of the last hour begin as exactly as they do
// without one.
const rollLag = time.Hour

// rollUp turns points of an hour into what is added to the blocks of each tier.
type rollUp struct {
	tiers [3]tier
	parts [3]*gathered
}

// gathered are the points of a tier that an hour adds.
type gathered struct {
	step    time.Duration
	columns columns
	open    *group // the point that is being made; nil: none
}

// group is what a point is made of.
type group struct {
	end     time.Time // of its last part
	slot    time.Time // when its step begins
	elapsed time.Duration
	sums    map[string]*weighted
	scopes  map[Scope]*counted
}

// weighted is a mean of values, each by the time it stands for.
type weighted struct{ sum, weight float64 }

// counted is what was counted for a scope.
type counted struct {
	requests, errors uint64
	times            sketch.Sketch
}

func (c *counted) add(p ScopePoint, times *sketch.Sketch) {
	c.requests += p.Requests
	c.errors += p.Errors
	c.times.Merge(times)
}

func newRollUp(ts [3]tier) *rollUp {
	r := &rollUp{tiers: ts}
	for i, t := range ts {
		r.parts[i] = &gathered{step: t.step, columns: newColumns(i)}
	}
	return r
}

// add takes the next point.
func (r *rollUp) add(p Point) error {
	times := make([]sketch.Sketch, len(p.Scopes))
	for i, s := range p.Scopes {
		if err := times[i].MergeBinary(s.Times); err != nil {
			return err
		}
	}
	for _, g := range r.parts {
		g.add(p, times)
	}
	return nil
}

func (g *gathered) add(p Point, times []sketch.Sketch) {
	slot := p.Time
	if g.step > 0 {
		slot = blockStart(p.Time, g.step)
	}
	if g.open == nil || !g.open.slot.Equal(slot) {
		g.close()
		g.open = &group{slot: slot, sums: map[string]*weighted{}, scopes: map[Scope]*counted{}}
	}
	o := g.open
	o.end = p.Time
	elapsed := inUnits(p.ElapsedSeconds, time.Second)
	o.elapsed += elapsed
	for name, v := range p.Values {
		w := o.sums[name]
		if w == nil {
			w = &weighted{}
			o.sums[name] = w
		}
		weight := max(elapsed.Seconds(), 1e-9)
		w.sum += weight * v.Float()
		w.weight += weight
	}
	for i, s := range p.Scopes {
		c := o.scopes[s.Scope]
		if c == nil {
			c = &counted{}
			o.scopes[s.Scope] = c
		}
		c.add(s, &times[i])
	}
}

// close makes a point of what is open: the figures of requests from all that was counted,
// the rest as means.
func (g *gathered) close() {
	o := g.open
	if o == nil {
		return
	}
	g.open = nil
	g.columns.point(o.end, o.elapsed)
	values := make(map[string]float64, len(o.sums))
	for name, w := range o.sums {
		values[name] = w.sum / w.weight
	}
	if g.step > 0 {
		var all counted
		for scope, c := range o.scopes {
			if scope.Kind() == ScopeEndpoint {
				all.requests, all.errors = all.requests+c.requests, all.errors+c.errors
				all.times.Merge(&c.times)
			}
		}
		for i, v := range figures(&all.times, all.requests, all.errors, o.elapsed) {
			if _, had := values[builtin[i].Name]; had && !math.IsNaN(v) {
				values[builtin[i].Name] = v
			}
		}
	}
	for name, v := range values {
		g.columns.set(name, float32(v))
	}
	for scope, c := range o.scopes {
		g.columns.count(scope, c, o.elapsed)
	}
}

// columns gathers points in the form of a block.
type columns struct {
	tier           int
	times, elapsed []int64
	metrics        map[string][]float32
	scopes         map[Scope]*scopeColumns
}

// scopeColumns are a scope's part of columns.
type scopeColumns struct {
	counted
	codes [block.Figures][]uint16
}

func newColumns(tier int) columns {
	return columns{tier: tier, metrics: map[string][]float32{}, scopes: map[Scope]*scopeColumns{}}
}

// point opens the next point.
func (c *columns) point(end time.Time, elapsed time.Duration) {
	c.times = append(c.times, end.UnixMilli())
	c.elapsed = append(c.elapsed, max(elapsed.Milliseconds(), 0))
}

// set gives a metric of the service its value in the open point.
func (c *columns) set(name string, v float32) {
	c.metrics[name] = append(padded(c.metrics[name], len(c.times)-1, float32(math.NaN())), v)
}

// count gives a scope its figures in the open point.
func (c *columns) count(scope Scope, n *counted, elapsed time.Duration) {
	s := c.scope(scope)
	s.requests += n.requests
	s.errors += n.errors
	s.times.Merge(&n.times)
	for i, v := range figures(&n.times, n.requests, n.errors, elapsed) {
		s.codes[i] = append(padded(s.codes[i], len(c.times)-1, 0), figureCode(i, c.tier, v))
	}
}

func (c *columns) scope(scope Scope) *scopeColumns {
	s := c.scopes[scope]
	if s == nil {
		s = &scopeColumns{}
		c.scopes[scope] = s
	}
	return s
}

// padded returns a column of n values, the missing ones absent.
func padded[T any](column []T, n int, absent T) []T {
	for len(column) < n {
		column = append(column, absent)
	}
	return column
}

// prepend puts the points of a block, those before the first one here, before them.
func (c *columns) prepend(b *block.Block) error {
	n := len(b.Times)
	for n > 0 && len(c.times) > 0 && b.Times[n-1] >= c.times[0] {
		n-- // a clock that was set back has left them
	}
	own := *c
	*c = newColumns(own.tier)
	c.times, c.elapsed = append(b.Times[:n:n], own.times...), append(b.Elapsed[:n:n], own.elapsed...)
	for _, m := range b.Metrics {
		c.metrics[m.Name] = m.Values[:n:n]
	}
	for name, values := range own.metrics {
		c.metrics[name] = append(padded(c.metrics[name], n, float32(math.NaN())), values...)
	}
	for i := range b.Scopes {
		old := &b.Scopes[i]
		s := c.scope(Scope{old.Endpoint, old.Organization})
		s.requests, s.errors = old.Requests, old.Errors
		if err := s.times.MergeBinary(old.Times); err != nil {
			return err
		}
		for j, codes := range old.Codes {
			s.codes[j] = codes[:n:n]
		}
	}
	for scope, o := range own.scopes {
		s := c.scope(scope)
		s.requests += o.requests
		s.errors += o.errors
		s.times.Merge(&o.times)
		for j, codes := range o.codes {
			s.codes[j] = append(padded(s.codes[j], n, 0), codes...)
		}
	}
	return nil
}

// encoded returns the columns as a block's data.
func (c *columns) encoded() []byte {
	b := block.Block{Times: c.times, Elapsed: c.elapsed}
	for _, name := range sortedNames(c.metrics) {
		b.Metrics = append(b.Metrics, block.Metric{Name: name, Values: padded(c.metrics[name], len(c.times), float32(math.NaN()))})
	}
	for _, scope := range sortedScopes(c.scopes) {
		s := c.scopes[scope]
		out := block.Scope{Endpoint: scope.Endpoint, Organization: scope.Organization, Requests: s.requests, Errors: s.errors}
		out.Times, _ = s.times.AppendBinary(nil) // its error is always nil
		for i := range s.codes {
			out.Codes[i] = padded(s.codes[i], len(c.times), 0)
		}
		b.Scopes = append(b.Scopes, out)
	}
	return b.AppendBinary(nil)
}

// sortedScopes returns the scopes in an order of their own, so that the same points are the
// same bytes.
func sortedScopes[V any](scopes map[Scope]V) []Scope {
	keys := make(map[Key]KeyState, len(scopes))
	for s := range scopes {
		keys[Key{Scope: s}] = KeyState{}
	}
	list := make([]Scope, 0, len(scopes))
	for _, key := range sortedKeys(keys) {
		list = append(list, key.Scope)
	}
	return list
}

// roll rolls up the hours of stored points that ended rollLag before now. It is called when
// a point has been added; mu is held.
func (j *journal) roll(now time.Time, retention time.Duration, keep func(string) bool) error {
	a := j.archive()
	if a == nil || len(j.points) > 0 || j.oldest.IsZero() {
		return nil
	}
	limit := now.Add(-rollLag - time.Hour)
	for n := 0; n < maxRolls && !j.oldest.After(limit); n++ {
		from, next := j.oldest, j.oldest.Add(time.Hour)
		done := func() { j.oldest = next }
		err := j.call(func(ctx context.Context, alive func()) error {
			if err := rollHour(ctx, a, from, now, tiers(retention), keep, alive); err != nil {
				return err
			}
			err := a.Points(ctx, next, now, func(p Point) error {
				next = blockStart(p.Time, time.Hour) // hours in which nothing ran are passed over
				return errFound
			})
			if errors.Is(err, errFound) {
				return nil
			}
			return err
		}, done)
		if err != nil {
			return err
		}
		done()
	}
	return nil
}

// maxRolls is how many hours are rolled up at a time, so that others who have something to
// write need not wait long. There is more than one where the last process ended long ago.
const maxRolls = 4

// errFound ends a search.
var errFound = errors.New("found")

// rollHour rolls up the hour that begins at from.
func rollHour(ctx context.Context, a Archive, from, now time.Time, ts [3]tier, keep func(string) bool, alive func()) error {
	r := newRollUp(ts)
	until := from.Add(time.Hour)
	// Points before the hour are what a clock that was set back has left: they go with it.
	err := a.Points(ctx, from, until, func(p Point) error {
		alive()
		return r.add(p)
	})
	if err != nil {
		return err
	}
	out := Roll{Through: until, Keep: keep}
	for i, g := range r.parts {
		g.close()
		out.Oldest = append(out.Oldest, now.Add(-ts[i].keep))
		if len(g.columns.times) == 0 {
			continue
		}
		start := blockStart(until, ts[i].span)
		if i > 0 { // an hour is a part of the block
			err := a.Blocks(ctx, i, start, start.Add(time.Millisecond), func(b Block) error {
				alive()
				old, err := block.Read(b.Data, block.Everything)
				if err != nil {
					return nil // damaged: what there was of it is lost
				}
				return g.columns.prepend(old)
			})
			if err != nil {
				return err
			}
		}
		out.Blocks = append(out.Blocks, Block{i, start, g.columns.encoded()})
	}
	return a.Roll(ctx, out)
}
