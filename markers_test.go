package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// version names the version that runs.
func version(v string) perfmon.Option { return perfmon.WithService(perfmon.Service{Version: v}) }

// A version that did not run before marks itself when it starts, once.
func TestVersionsAreSeen(t *testing.T) {
	store, clk := &perfmon.MemoryStore{}, clock.NewMock()
	clk.Set(noon)
	run := func(v string, told ...string) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithClock(clk), perfmon.WithStore(store), version(v))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := m.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		clk.Add(time.Minute)
		for _, next := range told {
			if _, err := m.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerDeploy, Version: next}, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	run("v1")
	run("v1")
	run("v2", "v3") // which is told before it comes
	run("v3")
	run("v2") // back again
	m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithStore(store))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, mk := range m.History().Markers(0) {
		got = append(got, fmt.Sprint(mk, " by ", mk.By, " at ", mk.At.Sub(noon)))
	}
	want := []string{"deploy v2 by monitor at 4m0s", "deploy v3 by ann at 3m0s", "deploy v2 by monitor at 2m0s", "deploy v1 by monitor at 0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(m.History().Markers(90 * time.Second)); n != 1 {
		t.Errorf("%d markers in the last 90 s, want 1", n)
	}
}

func TestMarkers(t *testing.T) {
	b := start(t)
	made, err := b.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: "sale\nbegins"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := (perfmon.Marker{ID: made.ID, At: noon, Kind: perfmon.MarkerNote, Title: "sale begins", By: "unknown"}); made != want || len(made.ID) != 26 {
		t.Errorf("%+v, want %+v", made, want)
	}
	if diff := cmp.Diff([]perfmon.Marker{made}, b.Dashboard(perfmon.DashboardQuery{}).Events); diff != "" {
		t.Errorf("in the dashboard:\n%s", diff)
	}
	if diff := cmp.Diff([]perfmon.Marker{made}, b.Report(perfmon.ReportQuery{}).Events); diff != "" {
		t.Errorf("in a report:\n%s", diff)
	}
	for name, test := range map[string]struct {
		n     perfmon.NewMarker
		field string
	}{
		"no kind":              {perfmon.NewMarker{Title: "t"}, "Kind"},
		"unknown kind":         {perfmon.NewMarker{Kind: "party", Title: "t"}, "Kind"},
		"empty deploy":         {perfmon.NewMarker{Kind: perfmon.MarkerDeploy}, "Version"},
		"empty note":           {perfmon.NewMarker{Kind: perfmon.MarkerNote}, "Title"},
		"note with a version":  {perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: "t", Version: "v1"}, "Version"},
		"version of 201 bytes": {perfmon.NewMarker{Kind: perfmon.MarkerDeploy, Version: strings.Repeat("x", 201)}, "Version"},
		"title of 201 bytes":   {perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: strings.Repeat("x", 201)}, "Title"},
	} {
		var field *perfmon.FieldError
		if _, err := b.Markers().Add(test.n, "ann"); !errors.As(err, &field) || field.Field != test.field {
			t.Errorf("%s: %v, want an error about %s", name, err, test.field)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: "t"}, ""); !errors.Is(err, perfmon.ErrClosed) {
		t.Errorf("of a closed monitor: %v", err)
	}
}

// At most the newest 10,000 markers are kept, none older than 90 days, whether they are
// added or restored.
func TestMarkersAreBounded(t *testing.T) {
	store, clk := &perfmon.MemoryStore{}, clock.NewMock()
	clk.Set(noon)
	m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithStore(store), version("v1"))
	if err != nil {
		t.Fatal(err)
	}
	add := func(title string) {
		t.Helper()
		if _, err := m.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: title}, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10_010 {
		add(fmt.Sprint(i))
	}
	list := m.History().Markers(0)
	if len(list) != 10_000 || list[0].Title != "10009" || list[9_999].Title != "10" {
		t.Errorf("%d markers, %v to %v", len(list), list[len(list)-1], list[0])
	}
	clk.Add(perfmon.MarkerRetention + time.Second)
	if n := len(m.History().Markers(0)); n != 0 {
		t.Errorf("%d markers are older than 90 days", n)
	}
	add("new")
	again, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithStore(store))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.History().Markers(0), again.History().Markers(0)); diff != "" || len(list) == 0 {
		t.Errorf("(-old +restored):\n%s", diff)
	}
}

// refusing is a store that keeps nothing.
type refusing struct{ perfmon.MemoryStore }

func (*refusing) Append(context.Context, uint64, []perfmon.Record) error { return errors.New("full") }

// A store that fails keeps no monitor from starting; what somebody marks is refused.
func TestMarkersOfAStoreThatFails(t *testing.T) {
	b := start(t, perfmon.WithStore(&refusing{}), version("v1"))
	if list := b.History().Markers(0); len(list) != 1 || list[0].Version != "v1" {
		t.Errorf("%v, want the version that has started", list)
	}
	if _, err := b.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: "t"}, "ann"); !errors.Is(err, perfmon.ErrStore) {
		t.Errorf("%v, want ErrStore", err)
	}
	if n := len(b.History().Markers(0)); n != 1 {
		t.Errorf("it has happened all the same: %d markers", n)
	}
}
