package perfmon_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// The monitor's own figures are metrics like others: in samples, with history, and with
// thresholds that open alerts.
func TestTheMonitorMeasuresItself(t *testing.T) {
	bad := &perfmon.MemoryStore{}
	failing := &failingStore{MemoryStore: bad}
	b := start(t, perfmon.WithMaxEndpoints(1), perfmon.WithoutDefaultThresholds(), perfmon.WithStore(failing),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.SelfPanics, Warning: perfmon.ValueOf(0.05), ConsecutiveViolations: 1}),
		perfmon.WithCollector(collector{"panics", []perfmon.Metric{metric("x")}, func(context.Context, func(string, float64)) error { panic("boo") }}))
	b.step()
	failing.err = errors.New("disk full")
	most := map[string]float64{}
	for range 9 {
		b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/a", Status: 200})
		for range 20 {
			b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/b", Status: 200})
		}
		b.step()
		s, _ := b.Current()
		for _, name := range []string{perfmon.SelfStoreErrors, perfmon.SelfStorePending, perfmon.SelfStoreLag, perfmon.SelfHeldMB} {
			v, _ := s.Value(name)
			most[name] = max(most[name], v)
		}
	}
	s, _ := b.Current()
	for name, want := range map[string]float64{
		perfmon.SelfStepDuration: 0, perfmon.SelfMerged: 0, perfmon.SelfDropped: 0, perfmon.SelfFolded: 2,
		perfmon.SelfPanics: 0.1, perfmon.SelfCollectorFailures: 0.1,
	} {
		if v, ok := s.Value(name); !ok || v != want {
			t.Errorf("%s is %v (%v), want %v", name, v, ok, want)
		}
	}
	for _, name := range []string{perfmon.SelfStoreErrors, perfmon.SelfStorePending, perfmon.SelfStoreLag, perfmon.SelfHeldMB} {
		if most[name] <= 0 {
			t.Errorf("%s was never more than 0", name)
		}
	}
	series, err := b.History().Series(perfmon.Scope{}, 0, perfmon.SelfPanics)
	if err != nil || len(series.Times) != 1 || series.Metrics[perfmon.SelfPanics].Values[0] != float64(float32(0.1)) {
		t.Errorf("series: %+v, %v", series, err)
	}
	list, _ := b.Alerts().List(perfmon.AlertQuery{Metric: perfmon.SelfPanics, Active: true})
	if len(list) != 1 {
		t.Errorf("%d alerts about panics", len(list))
	}
	if st := b.Diagnostics().Store; st.Errors == 0 || st.WaitingSince.IsZero() {
		t.Errorf("diagnostics: %+v", st)
	}
}

// Where there is no store, its metrics are absent, and diagnostics say why.
func TestMetricsOfTheStoreWithoutOne(t *testing.T) {
	b := start(t)
	b.step()
	for _, m := range b.Diagnostics().Metrics {
		switch m.Metric {
		case perfmon.SelfStoreErrors, perfmon.SelfStorePending, perfmon.SelfStoreLag:
			if m.Fed || m.By != "nothing: use WithStore" {
				t.Errorf("%+v", m)
			}
		}
	}
}

// failingStore fails while err is set; tests set it between steps.
type failingStore struct {
	*perfmon.MemoryStore
	err error
}

func (s *failingStore) Append(ctx context.Context, after uint64, records []perfmon.Record) error {
	if s.err != nil {
		return s.err
	}
	return s.MemoryStore.Append(ctx, after, records)
}

func (s *failingStore) AddPoint(ctx context.Context, p perfmon.Point) error {
	if s.err != nil {
		return s.err
	}
	return s.MemoryStore.AddPoint(ctx, p)
}
