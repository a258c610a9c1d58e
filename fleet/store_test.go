package fleet_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
)

// A replica with a store that ends and starts again is told what the others did meanwhile, and tells
// nobody what was told.
func TestReplicaWithAStoreStartsAgain(t *testing.T) {
	s, box := startServer(t), &mailbox{}
	stored := func(name string) []perfmon.Option {
		return append(box.options(name), perfmon.WithStore(boltstore.At(filepath.Join(t.TempDir(), name+".db"))))
	}
	forA := stored("a")
	a, b := join(t, s, "a", 0, forA...), join(t, s, "b", 0, stored("b")...)
	for range 3 {
		serveAll(0, a, b)
	}
	until(t, bad, "the message that it is open", func() bool { return box.count() >= 1 }, a, b)
	for range 2 {
		serveAll(bad, a, b)
	}
	id := a.alerts()[0].ID
	a.close() // it led
	for range 5 {
		serveAll(bad, b)
	}
	if _, err := b.Alerts().Acknowledge(id, "ann"); err != nil {
		t.Fatal(err)
	}
	made, err := b.Silences().Add(perfmon.NewSilence{Metric: "disk", Until: b.whole().Now().Add(time.Hour), Reason: "a test"}, "ann")
	if err != nil {
		t.Fatal(err)
	}
	again := join(t, s, "a", b.clock.Now().Sub(noon), forA...)
	if n := len(again.alerts()); n != 1 {
		t.Errorf("the store gave back %d alerts, want 1", n)
	}
	for range 3 {
		serveAll(bad, again, b)
	}
	if list := again.alerts(); len(list) != 1 || list[0].ID != id || list[0].State != perfmon.AlertAcknowledged {
		t.Errorf("want the alert as acknowledged meanwhile: %+v", list)
	}
	if _, err := again.Silences().Get(made.ID); err != nil {
		t.Errorf("the silence that was made meanwhile: %v", err)
	}
	until(t, 0, "the message that it is over", func() bool { return box.told()[perfmon.ChangeResolved] >= 1 }, again, b)
	for range 3 {
		serveAll(0, again, b)
	}
	want := map[perfmon.AlertChange]int{perfmon.ChangeOpened: 1, perfmon.ChangeAcknowledged: 1, perfmon.ChangeResolved: 1}
	if diff := cmp.Diff(want, box.told()); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
	if st := again.status(); st.Conflicts != 0 {
		t.Errorf("%d conflicts, want none", st.Conflicts)
	}
}

// All replicas and the Redis end; from their stores they go on where they were.
func TestFleetGoesOnFromStoresAlone(t *testing.T) {
	s, box := startServer(t), &mailbox{}
	options := map[string][]perfmon.Option{}
	for _, name := range []string{"a", "b"} {
		options[name] = append(box.options(name), perfmon.WithStore(boltstore.At(filepath.Join(t.TempDir(), name+".db"))))
	}
	a, b := join(t, s, "a", 0, options["a"]...), join(t, s, "b", 0, options["b"]...)
	for range 3 {
		serveAll(0, a, b)
	}
	until(t, bad, "the message that it is open", func() bool { return box.count() >= 1 }, a, b)
	for range 3 {
		serveAll(bad, a, b)
	}
	id := a.alerts()[0].ID
	a.close()
	b.close()
	s.kill()
	s.start()
	ahead := b.clock.Now().Sub(noon)
	a, b = join(t, s, "a", ahead, options["a"]...), join(t, s, "b", ahead, options["b"]...)
	for range 4 {
		serveAll(bad, a, b)
	}
	for _, r := range []*replica{a, b} {
		if list := r.alerts(); len(list) != 1 || list[0].ID != id {
			t.Errorf("%s: want the alert of before alone: %+v", r.name, list)
		}
	}
	until(t, 0, "the message that it is over", func() bool { return box.told()[perfmon.ChangeResolved] >= 1 }, a, b)
	for range 3 {
		serveAll(0, a, b)
	}
	if diff := cmp.Diff(once, box.told()); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
}
