package perfmon

import (
	"fmt"
	"math"
	"time"

	"github.com/backend-prs/perfmon/internal/distinct"
	"github.com/backend-prs/perfmon/internal/traffic"
	"github.com/backend-prs/perfmon/internal/wire"
	"github.com/backend-prs/perfmon/sketch"
)

// fleetState is what a replica counted in a step and how it is, or what several counted.
// States of any replicas merge in any order to the state of all of them. It belongs to one
// goroutine at a time.
type fleetState struct {
	replicas uint64        // how many it is of
	elapsed  time.Duration // that the steps took, of all replicas added up
	scopes   map[Scope]*traffic.Counts
	values   map[string]spread // gauges, and rates that are known as such alone
	lookups  [2]uint64         // hits and misses of the cache
	queries  [2]uint64         // and their time in nanoseconds
	timers   map[string]*sketch.Sketch
	active   [2]*distinct.Set // users and sessions of the last 5 minutes; nil: not fed
}

// spread is a gauge over replicas. Which of its figures counts follows from the metric.
type spread struct {
	sum, least, most     float64
	n                    uint64
	leastName, mostNamed string // the replicas
}

func newFleetState() *fleetState {
	return &fleetState{scopes: map[Scope]*traffic.Counts{}, values: map[string]spread{}, timers: map[string]*sketch.Sketch{}}
}

// count adds what was counted for a scope.
func (s *fleetState) count(scope Scope, d *traffic.Counts) { s.countsOf(scope).Merge(d) }

func (s *fleetState) countsOf(scope Scope) *traffic.Counts {
	c := s.scopes[scope]
	if c == nil {
		c = &traffic.Counts{}
		s.scopes[scope] = c
	}
	return c
}

// set notes a gauge of one replica.
func (s *fleetState) set(metric, replica string, v float64) {
	s.values[metric] = spread{v, v, v, 1, replica, replica}
}

func (v spread) merge(o spread) spread {
	if v.n == 0 {
		return o
	}
	if o.least < v.least || o.least == v.least && o.leastName < v.leastName {
		v.least, v.leastName = o.least, o.leastName
	}
	if o.most > v.most || o.most == v.most && o.mostNamed < v.mostNamed {
		v.most, v.mostNamed = o.most, o.mostNamed
	}
	v.sum += o.sum
	v.n += o.n
	return v
}

// merge adds the state of other replicas over the same time.
func (s *fleetState) merge(o *fleetState) {
	s.replicas += o.replicas
	s.elapsed += o.elapsed
	s.add(o)
	for name, v := range o.values {
		s.values[name] = s.values[name].merge(v)
	}
	for i, set := range o.active {
		if set == nil {
			continue
		}
		if s.active[i] == nil {
			s.active[i] = &distinct.Set{}
		}
		s.active[i].Merge(set)
	}
}

// follow adds a later state of the same replica: what is counted adds up, how it is now
// replaces how it was.
func (s *fleetState) follow(o *fleetState) {
	s.replicas = o.replicas
	s.elapsed += o.elapsed
	s.add(o)
	s.values, s.active = o.values, o.active
}

func (s *fleetState) add(o *fleetState) {
	for scope, c := range o.scopes {
		s.count(scope, c)
	}
	for i := range s.lookups {
		s.lookups[i] += o.lookups[i]
		s.queries[i] += o.queries[i]
	}
	for name, times := range o.timers {
		if s.timers[name] == nil {
			s.timers[name] = &sketch.Sketch{}
		}
		s.timers[name].Merge(times)
	}
}

// span is how much time the figures stand for.
func (s *fleetState) span() time.Duration {
	return s.elapsed / time.Duration(max(s.replicas, 1))
}

// mergeRule says how a gauge of several replicas becomes one.
type mergeRule uint8

const (
	mergeWorst mergeRule = iota // that of the worst replica
	mergeSum
	mergeMean
)

// mergeRuleOf returns how a metric is merged: what replicas share out adds up, and what
// each has limits of its own for is that of the worst.
func mergeRuleOf(m Metric) mergeRule {
	switch {
	case m.Name == RequestsInFlight || m.Name == StreamsOpen || m.Name == AllocRateMB:
		return mergeSum
	case m.Kind == KindCounter && m.Unit != "%" && !m.BuiltIn():
		return mergeSum
	case m.Worse == Neutral:
		return mergeMean
	}
	return mergeWorst
}

// value returns a gauge of all replicas, and which replica is the worst, "" where none is.
func (v spread) value(m Metric) (value float64, worst string) {
	if v.n == 0 {
		return math.NaN(), ""
	}
	switch mergeRuleOf(m) {
	case mergeSum:
		return v.sum, ""
	case mergeMean:
		return v.sum / float64(v.n), ""
	}
	if m.Worse == LowerIsWorse {
		return v.least, v.leastName
	}
	return v.most, v.mostNamed
}

// fleetVersion is the first byte of what replicas give each other. One that reads another
// version leaves that replica out and says so.
const fleetVersion = 1

// appendTo appends the state's encoding. A busy endpoint takes a few hundred bytes.
func (s *fleetState) appendTo(b []byte) []byte {
	start := len(b)
	b = append(b, fleetVersion)
	b = wire.AppendUint(b, s.replicas)
	b = wire.AppendInt(b, int64(s.elapsed))
	b = wire.AppendUint(b, uint64(len(s.scopes)))
	for _, scope := range countedScopes(s.scopes) {
		b = wire.AppendString(b, scope.Endpoint)
		b = wire.AppendString(b, scope.Organization)
		b = appendCounts(b, s.scopes[scope])
	}
	b = wire.AppendUint(b, uint64(len(s.values)))
	for _, name := range sortedNames(s.values) {
		b = wire.AppendString(b, name)
		b = s.values[name].appendTo(b)
	}
	for _, pair := range [][2]uint64{s.lookups, s.queries} {
		b = wire.AppendUint(wire.AppendUint(b, pair[0]), pair[1])
	}
	b = wire.AppendUint(b, uint64(len(s.timers)))
	for _, name := range sortedNames(s.timers) {
		b = wire.AppendString(b, name)
		times, _ := s.timers[name].AppendBinary(nil) // its error is always nil
		b = wire.AppendBytes(b, times)
	}
	for _, set := range s.active {
		b = wire.AppendBool(b, set != nil)
		if set != nil {
			data, _ := set.AppendBinary(nil) // its error is always nil
			b = wire.AppendBytes(b, packed(data))
		}
	}
	return wire.Seal(b, start)
}

func appendCounts(b []byte, c *traffic.Counts) []byte {
	b = wire.AppendUint(b, c.Responses)
	b = wire.AppendUint(b, c.Errors)
	b = wire.AppendUint(b, c.Streams)
	for _, n := range c.Classes {
		b = wire.AppendUint(b, n)
	}
	times, _ := c.Times.AppendBinary(nil) // its error is always nil
	return wire.AppendBytes(b, times)
}

func (v spread) appendTo(b []byte) []byte {
	b = wire.AppendUint(b, v.n)
	b = wire.AppendFloat(b, v.sum)
	b = wire.AppendString(b, v.mostNamed)
	if v.n > 1 {
		b = wire.AppendFloat(wire.AppendFloat(b, v.least), v.most)
		b = wire.AppendString(b, v.leastName)
	}
	return b
}

// readFleetState reads what appendTo wrote.
func readFleetState(data []byte) (*fleetState, error) {
	s := newFleetState()
	return s, s.mergeBinary(data, nil)
}

// mergeBinary is merge for an encoding: nothing is read into memory of its own, of 10,000
// sketches each step. each, where it is not nil, is told the gauges. After an error s is of no
// use, unless nothing was read.
func (s *fleetState) mergeBinary(data []byte, each func(metric string, v float64)) error {
	body, err := versioned("state of a replica", data, fleetVersion)
	if err != nil {
		return err
	}
	in := wire.Read(body)
	replicas, elapsed := in.Uint(), time.Duration(in.Int())
	if replicas == 0 || elapsed < 0 {
		return fmt.Errorf("perfmon: state of a replica: %w: of no replica, or of a time below 0", wire.ErrDamaged)
	}
	s.replicas += replicas
	s.elapsed += elapsed
	for range in.Count(5) {
		scope := Scope{in.String(), in.String()}
		if err := readCounts(in, s.countsOf(scope)); err != nil {
			return err
		}
	}
	for range in.Count(3) {
		name := in.String()
		v := readSpread(in)
		s.values[name] = s.values[name].merge(v)
		if each != nil {
			each(name, v.sum)
		}
	}
	for _, pair := range []*[2]uint64{&s.lookups, &s.queries} {
		pair[0] += in.Uint()
		pair[1] += in.Uint()
	}
	for range in.Count(2) {
		name := in.String()
		if s.timers[name] == nil {
			s.timers[name] = &sketch.Sketch{}
		}
		if err := mergePart(in, s.timers[name].MergeBinary); err != nil {
			return err
		}
	}
	for i := range s.active {
		if !in.Bool() {
			continue
		}
		if s.active[i] == nil {
			s.active[i] = &distinct.Set{}
		}
		if err := mergePart(in, func(data []byte) error { return mergePacked(s.active[i], data) }); err != nil {
			return err
		}
	}
	if err := in.End(); err != nil {
		return fmt.Errorf("perfmon: state of a replica: %w", err)
	}
	return nil
}

// spanOf returns how much time an encoded state stands for.
func spanOf(data []byte) time.Duration {
	in := wire.Read(data[min(1, len(data)):])
	in.Uint()
	return time.Duration(in.Int())
}

func readCounts(in *wire.Reader, c *traffic.Counts) error {
	c.Responses += in.Uint()
	c.Errors += in.Uint()
	c.Streams += in.Uint()
	for i := range c.Classes {
		c.Classes[i] += in.Uint()
	}
	return mergePart(in, c.Times.MergeBinary)
}

// mergePart reads bytes and lets merge read them.
func mergePart(in *wire.Reader, merge func([]byte) error) error {
	part := in.Bytes()
	if err := in.Err(); err != nil {
		return fmt.Errorf("perfmon: state of a replica: %w", err)
	}
	if err := merge(part); err != nil {
		return fmt.Errorf("perfmon: state of a replica: %w", err)
	}
	return nil
}

func readSpread(in *wire.Reader) (v spread) {
	v.n, v.sum, v.mostNamed = in.Uint(), in.Float(), in.String()
	v.least, v.most, v.leastName = v.sum, v.sum, v.mostNamed
	if v.n > 1 {
		v.least, v.most, v.leastName = in.Float(), in.Float(), in.String()
	}
	return v
}

func countedScopes(m map[Scope]*traffic.Counts) []Scope {
	list := make([]Scope, 0, len(m))
	for scope := range m {
		list = append(list, scope)
	}
	sortFunc(list, func(a, b Scope) int { return compareKeys(Key{Scope: a}, Key{Scope: b}) })
	return list
}
