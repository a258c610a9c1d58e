package perfmon

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// manyReplicas is a Fleet in which so many replicas have pushed a state each.
type manyReplicas struct{ pulled []FleetPull }

func (m *manyReplicas) Lead(context.Context, FleetBid) (FleetLease, error) {
	return FleetLease{}, nil
}
func (m *manyReplicas) Push(context.Context, FleetReplica, uint64, uint64, uint64, [][]byte) error {
	return nil
}
func (m *manyReplicas) Pull(_ context.Context, after map[string]uint64) ([]FleetPull, error) {
	for i := range m.pulled {
		m.pulled[i].First = after[m.pulled[i].ID] + 1
	}
	return m.pulled, nil
}
func (m *manyReplicas) Forget(context.Context, []string) error { return nil }
func (m *manyReplicas) Append(context.Context, FleetLog, uint64, uint64, uint64, []FleetEntry) error {
	return nil
}
func (m *manyReplicas) Read(context.Context, FleetLog, uint64) (FleetTail, error) {
	return FleetTail{}, nil
}
func (m *manyReplicas) Restore(context.Context, FleetLog, uint64, uint64, []FleetEntry) error {
	return nil
}

// BenchmarkLeaderStep is a step of who leads: to decode, merge, encode, take over and judge
// what 100 and 1,000 replicas with 100 busy endpoints each have pushed. The server is left
// out.
func BenchmarkLeaderStep(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("replicas=%d", n), func(b *testing.B) {
			many := &manyReplicas{}
			r := rand.New(rand.NewPCG(4, 15))
			for i := range n {
				s := newFleetState()
				s.replicas, s.elapsed = 1, 10*time.Second
				for e := range 100 {
					c := &traffic.Counts{}
					for range 200 {
						c.Responses++
						c.Times.Add(uint64(math.Exp(r.NormFloat64()*0.8 + 16)))
					}
					s.count(Scope{Endpoint: fmt.Sprintf("GET /api/v1/resources/%d/{id}", e)}, c)
				}
				name := fmt.Sprint("replica-", i)
				for _, m := range builtin {
					s.set(m.Name, name, r.Float64())
				}
				many.pulled = append(many.pulled, FleetPull{FleetReplica: FleetReplica{name, name, "v1"}, States: [][]byte{s.appendTo(nil)}})
			}
			clk := clock.NewMock()
			clk.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			m, err := New(WithClock(clk), WithoutSystemMetrics(), WithFleet(many))
			if err != nil {
				b.Fatal(err)
			}
			m.ctx = context.Background()
			f := m.fleet
			f.token.Store(1)
			b.ResetTimer()
			for range b.N {
				clk.Add(10 * time.Second)
				if err := f.leadStep(m.ctx); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			runtime.GC()
			var ms runtime.MemStats
			runtime.ReadMemStats(&ms)
			b.ReportMetric(float64(ms.HeapAlloc)/(1<<20), "MiB-held")
			b.ReportMetric(float64(len(many.pulled[0].States[0])), "bytes/state")
			b.ReportMetric(float64(len(f.round.recent[len(f.round.recent)-1].Data)), "bytes/step")
			runtime.KeepAlive(m)
		})
	}
}
