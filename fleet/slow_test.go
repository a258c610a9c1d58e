package fleet_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/fleet"
)

// While an exchange waits for a server that does not answer, requests and steps go on.
func TestSlowServerHoldsNothingUp(t *testing.T) {
	s := startServer(t)
	a := join(t, s, "a", 0)
	for range 3 {
		a.serve("/orders", 10, 0, time.Millisecond)
		step(a)
	}
	a.proxy.slow.Store(int64(time.Hour))
	before := a.status().Rounds
	const steps = 20
	for range steps {
		a.serve("/orders", 10, 0, time.Millisecond)
		was, _ := a.Current()
		a.clock.Add(a.Step())
		a.wait("the step", func() bool { now, _ := a.Current(); return now.Time.After(was.Time) })
	}
	if n := a.status().Rounds - before; n >= steps {
		t.Errorf("%d exchanges in %d steps: nothing was slow", n, steps)
	}
	if totals, err := a.History().Totals(perfmon.Scope{}); err != nil || totals.Requests != 230 {
		t.Errorf("%d requests, want 230; %v", totals.Requests, err)
	}
}

// A server whose answers take a while costs nothing but time.
func TestSlowServerLosesNothing(t *testing.T) {
	s := startServer(t)
	all := []*replica{join(t, s, "a", 0), join(t, s, "b", 0)}
	for _, r := range all {
		r.proxy.slow.Store(int64(20 * time.Millisecond))
	}
	for range 8 {
		serveAll(0, all...)
	}
	for range 3 {
		step(all...)
	}
	for _, r := range all {
		if st := r.status(); st.Mode != "joined" || st.Failure != "" {
			t.Errorf("%s: %+v", r.name, st)
		}
		if totals, err := r.whole().History().Totals(perfmon.Scope{}); err != nil || totals.Requests != 1600 {
			t.Errorf("%s counts %d requests, want 1600; %v", r.name, totals.Requests, err)
		}
	}
}

// newer is the fleet of a replica whose states are of the next version, until on is false.
type newer struct {
	perfmon.Fleet
	on atomic.Bool
}

func (f *newer) Push(ctx context.Context, r perfmon.FleetReplica, kept, first, from uint64, states [][]byte) error {
	if f.on.Load() {
		next := make([][]byte, len(states))
		for i, s := range states {
			next[i] = append([]byte{s[0] + 1}, s[1:]...)
		}
		states = next
	}
	return f.Fleet.Push(ctx, r, kept, first, from, states)
}

// A replica of the next version, whose states the leader does not understand, is listed with a note and
// harms nothing. What it pushed is counted when it is understood.
func TestVersionsThatDifferByOne(t *testing.T) {
	s := startServer(t)
	a := join(t, s, "a", 0)
	client := clientOf(redis.UniversalOptions{Addrs: []string{s.addr()}})
	n := &newer{Fleet: fleet.Redis(client, "shop")}
	n.on.Store(true)
	b := joinBy(t, client, "b", 0, perfmon.WithFleet(n))
	step(a, b)
	for range 5 {
		serveAll(0, a, b)
	}
	step(a, b)
	totals, err := b.whole().History().Totals(perfmon.Scope{})
	if err != nil || totals.Requests != 500 {
		t.Errorf("%d requests, want the 500 of a; %v", totals.Requests, err)
	}
	note := ""
	for _, r := range a.status().Replicas {
		if r.Instance == "b" {
			note = r.Note
		}
	}
	if !strings.Contains(note, "version 2") {
		t.Errorf("the note of b is %q, want one about its version", note)
	}
	n.on.Store(false)
	for range 12 {
		step(a, b)
	}
	for _, r := range []*replica{a, b} {
		if totals, err := r.whole().History().Totals(perfmon.Scope{}); err != nil || totals.Requests != 1000 {
			t.Errorf("%s counts %d requests, want 1000; %v", r.name, totals.Requests, err)
		}
	}
}
