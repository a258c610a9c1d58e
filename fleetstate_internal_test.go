package perfmon

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/distinct"
	"github.com/backend-prs/perfmon/internal/traffic"
	"github.com/backend-prs/perfmon/sketch"
)

// fleetEvent is a request as some replica saw it.
type fleetEvent struct {
	endpoint int
	took     uint64
	failed   bool
	user     int
	hit      bool
}

func (e fleetEvent) addTo(s *fleetState) {
	c := &traffic.Counts{Responses: 1}
	if e.failed {
		c.Errors = 1
	}
	c.Classes[1] = 1
	c.Times.Add(e.took)
	s.count(Scope{Endpoint: fmt.Sprintf("GET /endpoint/%d", e.endpoint)}, c)
	if e.hit {
		s.lookups[0]++
	} else {
		s.lookups[1]++
	}
	s.queries[0]++
	s.queries[1] += e.took / 2
	if s.timers["render"] == nil {
		s.timers["render"] = &sketch.Sketch{}
	}
	s.timers["render"].Add(e.took)
	if s.active[0] == nil {
		s.active[0] = &distinct.Set{}
	}
	s.active[0].Add(fmt.Sprint("user-", e.user))
}

func randomEvents(r *rand.Rand, n int) []fleetEvent {
	list := make([]fleetEvent, n)
	for i := range list {
		list[i] = fleetEvent{r.IntN(20), uint64(math.Exp(r.NormFloat64()*1.5+16) + 1), r.IntN(10) == 0, r.IntN(500), r.IntN(3) > 0}
	}
	return list
}

// allCounts is what all endpoints counted.
func allCounts(s *fleetState) *traffic.Counts {
	all := &traffic.Counts{}
	for _, c := range s.scopes {
		all.Merge(c)
	}
	return all
}

// answer is what a state says, to be compared.
func (s *fleetState) answer() string {
	all := allCounts(s)
	times, _ := all.Times.MarshalBinary()
	render, _ := s.timers["render"].MarshalBinary()
	return fmt.Sprint(all.Responses, all.Errors, all.Classes, s.lookups, s.queries, s.active[0].Count(), times, render)
}

// Any split of the same events over replicas and steps, merged in any order and sent in
// between, gives the same answer.
func TestAnySplitMergesToTheSame(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 15))
		events := randomEvents(r, 1000)
		whole := newFleetState()
		for _, e := range events {
			e.addTo(whole)
		}
		parts := make([]*fleetState, 1+r.IntN(10))
		for i := range parts {
			parts[i] = newFleetState()
			parts[i].replicas, parts[i].elapsed = 1, 10*time.Second
		}
		for _, e := range events {
			e.addTo(parts[r.IntN(len(parts))])
		}
		merged := newFleetState()
		for _, i := range r.Perm(len(parts)) {
			sent, err := readFleetState(parts[i].appendTo(nil))
			if err != nil {
				t.Fatal(err)
			}
			merged.merge(sent)
		}
		if diff := cmp.Diff(whole.answer(), merged.answer()); diff != "" {
			t.Fatalf("seed %d, %d parts (-whole +merged)\n%s", seed, len(parts), diff)
		}
		if got, want := merged.span(), 10*time.Second; got != want {
			t.Fatalf("the parts of one step stand for %v, want %v", got, want)
		}
	}
}

func TestPercentileOfTenReplicasIsThatOfAllRequests(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 15))
	merged := newFleetState()
	var all []float64
	for replica := range 10 {
		s := newFleetState()
		s.replicas = 1
		for _, e := range randomEvents(r, 3000) {
			e.took *= uint64(1 + replica) // no two are alike
			e.addTo(s)
			all = append(all, float64(e.took))
		}
		merged.merge(s)
	}
	counts := allCounts(merged)
	for _, q := range []float64{0.5, 0.95, 0.99} {
		got, want := counts.Times.Quantile(q), exactQuantile(all, q)
		if off := math.Abs(got-want) / want; off > 0.008 {
			t.Errorf("quantile %v: %v, exactly %v, %.2f %% off", q, got, want, 100*off)
		}
	}
}

func exactQuantile(values []float64, q float64) float64 {
	list := append([]float64{}, values...)
	slices.Sort(list)
	return list[int(math.Ceil(q*float64(len(list))))-1]
}

func TestGaugesMergeByTheirKind(t *testing.T) {
	a, b := newFleetState(), newFleetState()
	for i, s := range []*fleetState{a, b} {
		s.replicas = 1
		name := []string{"a", "b"}[i]
		s.set(RequestsInFlight, name, []float64{3, 4}[i])
		s.set(Goroutines, name, []float64{100, 50}[i])
		s.set("stock", name, []float64{10, 20}[i])
		s.set("purity", name, []float64{99, 98}[i])
	}
	a.merge(b)
	for _, tt := range []struct {
		metric Metric
		value  float64
		worst  string
	}{
		{builtin[builtinIndex[RequestsInFlight]].Metric, 7, ""},
		{builtin[builtinIndex[Goroutines]].Metric, 100, "a"},
		{Metric{Name: "stock"}, 15, ""},
		{Metric{Name: "purity", Worse: LowerIsWorse}, 98, "b"},
	} {
		if v, worst := a.values[tt.metric.Name].value(tt.metric); v != tt.value || worst != tt.worst {
			t.Errorf("%s: %v of %q, want %v of %q", tt.metric.Name, v, worst, tt.value, tt.worst)
		}
	}
}

// A replica with 100 busy endpoints gives at most 5 KB a second: what it pushes each step
// of 10 s has at most 50 KB.
func TestStateIsSmall(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 15))
	s := newFleetState()
	s.replicas, s.elapsed = 1, 10*time.Second
	for i := range 100 {
		c := &traffic.Counts{}
		for range 1000 { // 100 a second, of log-normal durations
			c.Responses++
			c.Times.Add(uint64(math.Exp(r.NormFloat64()*0.8 + 16)))
		}
		s.count(Scope{Endpoint: fmt.Sprintf("GET /api/v1/resources/%d/{id}", i)}, c)
	}
	for _, m := range builtin {
		s.set(m.Name, "shop-7f9c5d-x2x4z", r.Float64())
	}
	for i := range s.active {
		s.active[i] = &distinct.Set{}
		for n := range 50_000 {
			s.active[i].Add(fmt.Sprint(i, n))
		}
	}
	size := len(s.appendTo(nil))
	t.Logf("%d bytes a step, %.1f KB a second", size, float64(size)/10/1000)
	if size > 50_000 {
		t.Errorf("%d bytes a step, want at most 50,000", size)
	}
}

func FuzzFleetState(f *testing.F) {
	s := newFleetState()
	s.replicas = 1
	for _, e := range randomEvents(rand.New(rand.NewPCG(3, 15)), 20) {
		e.addTo(s)
	}
	s.set(Goroutines, "a", 3)
	f.Add(s.appendTo(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := readFleetState(data)
		if err != nil {
			return
		}
		again, err := readFleetState(read.appendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		if string(again.appendTo(nil)) != string(read.appendTo(nil)) {
			t.Fatal("what is written is not what was read")
		}
	})
}
