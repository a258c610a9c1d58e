package perfmon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// Whoever can write to the place where replicas meet can lie about figures, but can make no
// replica panic, nor have it take memory for what is not there.
func TestHostileFleet(t *testing.T) {
	clk := clock.NewMock()
	clk.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	many := &manyReplicas{}
	m, err := New(WithClock(clk), WithoutSystemMetrics(), WithFleet(many))
	if err != nil {
		t.Fatal(err)
	}
	m.ctx = context.Background()
	f := m.fleet
	f.token.Store(1)

	s := newFleetState()
	s.replicas, s.elapsed = 1, 10*time.Second
	c := &traffic.Counts{Responses: 100}
	for i := range 100 {
		c.Times.Add(uint64(1+i) * 1e6)
	}
	s.count(Scope{Endpoint: "GET /"}, c)
	s.count(Scope{}, c)
	s.set(MemoryUsageMB, "a", 100)
	state := s.appendTo(nil)
	step := &fleetStep{at: clk.Now(), now: s, parts: []fleetPart{{FleetReplica: FleetReplica{"a", "a", "v1"}, seen: clk.Now(), counted: 1, values: map[string]float64{MemoryUsageMB: 1}}}}
	entry := step.encode()
	if _, err := readFleetStep(entry); err != nil {
		t.Fatal(err)
	}

	random := rand.New(rand.NewPCG(13, 4))
	damage := func(data []byte) []byte {
		data = append([]byte(nil), data...)
		for range 1 + random.IntN(4) {
			switch i := random.IntN(len(data)); random.IntN(4) {
			case 0:
				data = data[:i+1]
			case 1:
				data[i] = 0xff
			default:
				data[i] = byte(random.Uint32())
			}
		}
		return data
	}
	nasty := []string{"a\n\x1b[31m", "<script>", strings.Repeat("x", 1<<16), "\xff", "", "(other)"}
	var before, after runtime.MemStats
	for i := range 3000 {
		if i == 300 {
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
		clk.Add(10 * time.Second)
		name := nasty[random.IntN(len(nasty))]
		many.pulled = []FleetPull{
			{FleetReplica: FleetReplica{fmt.Sprint("id", i%50), name, name}, States: [][]byte{damage(state)}},
			{FleetReplica: FleetReplica{"b", "b", "v1"}, States: [][]byte{damage(state), state, damage(state)}},
		}
		if err := f.leadStep(m.ctx); err != nil {
			t.Fatal(err)
		}
		f.applyStep(FleetEntry{Number: f.round.step + 1, Data: damage(entry)}, false)
		if i%100 == 0 {
			_ = m.Diagnostics()
			_ = f.view.Dashboard(DashboardQuery{Window: time.Hour})
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if refused := m.Diagnostics().StepPanics; refused == 0 {
		t.Error("no damaged step was refused")
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if most := after.Sys; most > 1<<30 {
		t.Errorf("%d MiB were taken", most>>20)
	}
	t.Logf("%d MiB, then %d; %d taken of the system", before.HeapAlloc>>20, after.HeapAlloc>>20, after.Sys>>20)
}
