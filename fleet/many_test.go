package fleet_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/fleet"
)

var many = flag.Int("many", 20, "how many replicas TestCostOfManyReplicas simulates")

// copying is a fleet that keeps the latest state that was pushed.
type copying struct {
	perfmon.Fleet
	mu   sync.Mutex
	last []byte // mu
}

func (f *copying) Push(ctx context.Context, r perfmon.FleetReplica, kept, first, from uint64, states [][]byte) error {
	f.mu.Lock()
	if len(states) > 0 {
		f.last = states[len(states)-1]
	}
	f.mu.Unlock()
	return f.Fleet.Push(ctx, r, kept, first, from, states)
}

// The leader is real; the other replicas push what it pushed, read both logs and look at the
// lease, as real ones do, against a real server. What a step costs that server is logged: go test -run CostOfMany -v .
// -many 1000.
func TestCostOfManyReplicas(t *testing.T) {
	s := startServer(t)
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{s.addr()}, PoolSize: 16})
	leads := &copying{Fleet: fleet.Redis(client, "shop")}
	a := joinBy(t, client, "leader", 0, perfmon.WithFleet(leads))
	r := rand.New(rand.NewPCG(4, 15))
	load := func() { // 100 busy endpoints
		for e := range 100 {
			for range 200 {
				a.serve(fmt.Sprintf("/api/v1/resources/%d/{id}", e), 1, 0, time.Duration(math.Exp(r.NormFloat64()*0.8+16)))
			}
		}
		step(a)
	}
	load()
	load()
	via := fleet.Redis(client, "shop")
	cursors := map[string]uint64{}
	ctx := t.Context()
	other := func(i int, number uint64, state []byte) error {
		id := fmt.Sprintf("simulated-%04d", i)
		if _, err := via.Lead(ctx, perfmon.FleetBid{ID: id}); err != nil {
			return err
		}
		kept := max(number, 17) - 16
		if err := via.Push(ctx, perfmon.FleetReplica{ID: id, Instance: id, Version: "v1"}, kept, number, number, [][]byte{state}); err != nil {
			return err
		}
		for _, log := range []perfmon.FleetLog{perfmon.FleetRecords, perfmon.FleetSteps} {
			tail, err := via.Read(ctx, log, cursors[id+string(log)])
			if err != nil {
				return err
			}
			cursors[id+string(log)] = tail.Number
		}
		return nil
	}
	const warm, measured = 18, 4
	var before usage
	for n := uint64(1); n <= warm+measured; n++ {
		if n == warm+1 {
			before = usageOf(s)
		}
		for i := range *many - 1 {
			if err := other(i, n, leads.last); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		load()
		t.Logf("step %d: the leader's exchange took %v: %s", n, time.Since(began).Round(time.Millisecond), a.status().Failure)
	}
	after := usageOf(s)
	per := func(x, y float64) float64 { return (y - x) / measured }
	t.Logf("%d replicas, a state of %d bytes each: in a step the server runs %.0f commands, takes %.1f MB in and gives %.1f MB out, uses %.2f s of a processor, and holds %.0f MB",
		*many, len(leads.last), per(before.commands, after.commands), per(before.in, after.in)/1e6, per(before.out, after.out)/1e6, per(before.cpu, after.cpu), after.memory/1e6)
	st := a.status()
	totals, err := a.whole().History().Totals(perfmon.Scope{})
	if least := uint64((warm + measured - 1) * *many * 100 * 200); err != nil || totals.Requests < least {
		t.Errorf("the fleet counts %d requests, want %d at least; %v", totals.Requests, least, err)
	}
	if len(st.Replicas) != *many || st.Failure != "" || !st.Leads {
		t.Errorf("%d replicas are known, want %d: leads %v, %s", len(st.Replicas), *many, st.Leads, st.Failure)
	}
}

type usage struct{ commands, in, out, memory, cpu float64 }

func usageOf(s *server) usage {
	info := s.command("INFO", "everything").(string)
	get := func(name string) float64 {
		m := regexp.MustCompile(`(?m)^` + name + `:([0-9.]+)`).FindStringSubmatch(info)
		if m == nil {
			s.t.Fatalf("INFO has no %s", name)
		}
		v, _ := strconv.ParseFloat(m[1], 64)
		return v
	}
	return usage{get("total_commands_processed"), get("total_net_input_bytes"), get("total_net_output_bytes"), get("used_memory"), get("used_cpu_user") + get("used_cpu_sys")}
}
