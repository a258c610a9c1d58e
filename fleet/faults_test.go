package fleet_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// A redis-server that is not there, goes, hangs, is full or is emptied costs no figures, and
// every replica is part of the fleet again afterwards.
func TestServerFaultsLoseNothing(t *testing.T) {
	for _, tt := range []struct {
		name        string
		break_, fix func(*server)
		steps       int
	}{
		{"killed and started empty", (*server).kill, (*server).start, 4},
		{"away for long", (*server).kill, (*server).start, 12},
		{"hangs", (*server).pause, (*server).resume, 2},
		{"emptied", func(s *server) { s.command("FLUSHALL") }, func(*server) {}, 2},
		{"full", func(s *server) {
			s.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
			s.command("CONFIG", "SET", "maxmemory", "1")
		}, func(s *server) { s.command("CONFIG", "SET", "maxmemory", "0") }, 3},
		{"evicts", evict, func(s *server) { s.command("CONFIG", "SET", "maxmemory", "0") }, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t)
			all := []*replica{join(t, s, "a", 0), join(t, s, "b", 0), join(t, s, "c", 0)}
			served := uint64(0)
			load := func() {
				for _, r := range all {
					r.serve("/orders", 50, 0, 10*time.Millisecond)
					served += 50
				}
				step(all...)
			}
			for range 3 {
				load()
			}
			if err := acknowledgeable(all[1]); err != nil {
				t.Fatal(err)
			}
			tt.break_(s)
			for range tt.steps {
				load()
			}
			tt.fix(s)
			for range 12 { // until what waited is counted
				step(all...)
			}
			for _, r := range all {
				if st := r.status(); st.Mode != "joined" || st.Failure != "" {
					t.Errorf("%s is not part of the fleet again: %+v", r.name, st)
				}
				totals, err := r.whole().History().Totals(perfmon.Scope{})
				if err != nil || totals.Requests != served {
					t.Errorf("%s counts %d requests, want %d; %v", r.name, totals.Requests, served, err)
				}
				if list := r.alerts(); len(list) != 1 || list[0].Message != "by hand" {
					t.Errorf("%s: the alert of before is not there: %+v", r.name, list)
				}
			}
		})
	}
}

// evict lets others fill a server that drops what was not used for longest, until it has
// dropped what the fleet had.
func evict(s *server) {
	s.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	s.command("CONFIG", "SET", "maxmemory", "2mb")
	ours := func() int { return len(s.command("KEYS", "*shop*").([]any)) }
	before := ours()
	for i := range 20_000 {
		s.command("SET", fmt.Sprint("other", i), strings.Repeat("x", 2000))
		if i%100 == 0 && ours() <= before/2 {
			return
		}
	}
	s.t.Fatal("nothing of the fleet was evicted")
}

// acknowledgeable raises an alert by hand, at one replica.
func acknowledgeable(r *replica) error {
	_, err := r.Alerts().Raise(perfmon.HostAlert{Metric: perfmon.ErrorRate, Severity: perfmon.Warning, Message: "by hand"})
	return err
}

func TestWithoutRedisAtStartAReplicaGoesOnAloneAndJoins(t *testing.T) {
	s := startServer(t)
	s.kill()
	a, b := join(t, s, "a", 0), join(t, s, "b", 0)
	for range 8 {
		a.serve("/orders", 100, 0, 10*time.Millisecond)
		step(a, b)
	}
	for range 5 { // an incident that a sees
		a.serve("/orders", 100, 30, 10*time.Millisecond)
		b.serve("/orders", 100, 30, 10*time.Millisecond)
		step(a, b)
	}
	for _, r := range []*replica{a, b} {
		if m := r.status().Mode; m != "alone" {
			t.Fatalf("%s is %s, want alone", r.name, m)
		}
		if n := len(r.alerts()); n != 1 {
			t.Fatalf("%s alone has %d alerts, want 1", r.name, n)
		}
	}
	s.start()
	for range 4 {
		a.serve("/orders", 100, 30, 10*time.Millisecond)
		b.serve("/orders", 100, 30, 10*time.Millisecond)
		step(a, b)
	}
	for _, r := range []*replica{a, b} {
		active, _ := r.Alerts().List(perfmon.AlertQuery{Active: true})
		if len(active) != 1 {
			t.Errorf("%s: want one active alert of the fleet: %+v", r.name, r.alerts())
		}
		if m := r.status().Mode; m != "joined" {
			t.Errorf("%s is %s, want joined", r.name, m)
		}
		if n := r.told()[perfmon.ChangeOpened]; n != 1 {
			t.Errorf("%s was told %d times of an alert that opened, want once", r.name, n)
		}
	}
	if diff := cmp.Diff(active(a), active(b)); diff != "" {
		t.Errorf("a and b differ (-a +b)\n%s", diff)
	}
}

func active(r *replica) (ids []string) {
	list, _ := r.Alerts().List(perfmon.AlertQuery{Active: true})
	for _, a := range list {
		ids = append(ids, fmt.Sprint(a.ID, a.State, a.Severity))
	}
	return ids
}

func TestChangesMadeAloneAreHandedOver(t *testing.T) {
	s := startServer(t)
	a, b := join(t, s, "a", 0), join(t, s, "b", 0)
	for range 3 {
		step(a, b)
	}
	a.proxy.part()
	warning := perfmon.ValueOf(2)
	id := perfmon.ThresholdID{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeService}
	step(a, b)
	if _, err := a.Thresholds().Update(id, perfmon.ThresholdUpdate{Warning: &warning}, "ann"); !errors.Is(err, perfmon.ErrStore) {
		t.Fatalf("a change that nobody else can know of was taken: %v", err)
	}
	for range 8 {
		a.serve("/", 1, 0, time.Millisecond)
		step(a, b)
	}
	if a.status().Mode != "alone" {
		t.Fatalf("a is not alone: %+v", a.status())
	}
	if _, err := a.Thresholds().Update(id, perfmon.ThresholdUpdate{Warning: &warning}, "ann"); err != nil {
		t.Fatal(err)
	}
	a.proxy.heal()
	for range 3 {
		step(a, b)
	}
	for _, r := range []*replica{a, b} {
		th, err := r.Thresholds().Get(id)
		if v, _ := th.Warning.Get(); err != nil || v != 2 {
			t.Errorf("%s: the limit is %v, want 2; %v", r.name, v, err)
		}
	}
}
