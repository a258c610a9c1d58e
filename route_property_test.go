package perfmon_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// What WhoIsTold says is what happens: for random routes, hours in zones that set their clocks,
// silences, alerts and times, and later on, too.
func TestWhoIsToldAgreesWithWhatIsSent(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "America/New_York"} {
		zones = append(zones, zone(t, name))
	}
	told, later := 0, 0
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 12))
			one := func(list ...string) string { return list[r.IntN(len(list))] }
			some := func(list ...string) (out []string) {
				for _, s := range list {
					if r.IntN(4) == 0 {
						out = append(out, s)
					}
				}
				return out
			}
			clk := clock.NewMock()
			starts := []time.Time{noon, time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 10, 0, 0, time.UTC), time.Date(2026, 4, 4, 14, 40, 0, 0, time.UTC), time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)}
			clk.Set(starts[r.IntN(len(starts))].Add(time.Duration(r.IntN(3600)) * time.Second))
			day := int(clk.Now().Weekday())

			opts := []perfmon.Option{perfmon.WithNotificationGrouping(0), perfmon.WithReminders(0, 0), perfmon.WithStep(time.Minute)}
			fakes := map[string]*fakeNotifier{}
			for i := range 5 {
				var routes []perfmon.Route
				for range r.IntN(3) {
					route := perfmon.Route{Severity: perfmon.Severity(one("", "", "critical", "warning")), Metrics: some("disk", "d*", "*n"), Endpoints: some("GET /a*"), Organizations: some("acme", "a*")}
					for range r.IntN(3) {
						h := perfmon.Hours{From: time.Duration(r.IntN(24*60)) * time.Minute, Until: time.Duration(r.IntN(24*60)) * time.Minute, Location: zones[r.IntN(len(zones))]}
						if h.From == h.Until {
							h.Until = 24 * time.Hour
						}
						if r.IntN(2) == 0 {
							h.Days = []time.Weekday{time.Weekday((day + r.IntN(3) + 6) % 7)}
						}
						route.Hours = append(route.Hours, h)
					}
					routes = append(routes, route)
				}
				name := fmt.Sprint("n", i)
				fakes[name] = newFake()
				opts = append(opts, perfmon.WithNotifier(name, fakes[name], routes...))
			}
			b := life(t, clk, opts...)
			for range r.IntN(3) {
				from := b.Now().Add(time.Duration(r.IntN(120)-60) * time.Minute)
				_, err := b.Silences().Add(perfmon.NewSilence{Metric: one("", "disk", "f*"), Endpoint: one("", "", "GET *"), Organization: one("", "", "a*"), From: from, Until: b.Now().Add(time.Duration(61+r.IntN(200)) * time.Minute), Reason: "works"}, "ann")
				if err != nil {
					t.Fatal(err)
				}
			}
			b.pass(time.Duration(r.IntN(60)) * time.Second)
			outline := perfmon.AlertOutline{Metric: one("disk", "fan"), Severity: perfmon.Severity(one("warning", "critical")), Scope: perfmon.Scope{Endpoint: one("", "GET /a", "GET /b")}}
			if outline.Scope.Endpoint == "" {
				outline.Scope.Organization = one("", "acme", "other")
			}
			began := b.Now()
			list, err := b.Notifications().WhoIsTold(outline, began)
			if err != nil {
				t.Fatal(err)
			}
			b.raise(outline.Metric, outline.Severity, outline.Scope)
			synctest.Wait()
			for _, who := range list {
				if got := len(fakes[who.Notifier].got); (got == 1) != who.Told {
					t.Errorf("seed %d at %v: %+v of %+v got %d messages", seed, began, who, outline, got)
				} else if who.Told {
					told++
				}
			}
			until := began.Add(8 * time.Hour)
			for b.Now().Before(until) {
				clk.Add(20 * time.Second)
				synctest.Wait()
			}
			for _, who := range list {
				if who.Told || !who.Later.IsZero() && who.Later.After(until.Add(-time.Minute)) {
					continue
				}
				f := fakes[who.Notifier]
				if who.Later.IsZero() {
					f.none(t)
					continue
				}
				later++
				if n := f.next(t); n.Time.Before(who.Later) || n.Time.Sub(who.Later) > time.Minute {
					t.Errorf("seed %d from %v: %+v was told at %v", seed, began, who, n.Time)
				}
			}
		})
	}
	t.Logf("%d were told at once, %d later", told, later)
	if told < 40 || later < 10 {
		t.Error("too few to say anything")
	}
}
