package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backend-prs/perfmon"
)

// Of what cannot be delivered, the latest few are kept, and fewer where they are large.
func TestDeadLettersAreBounded(t *testing.T) {
	for _, c := range []struct {
		limit    string
		metadata map[string]any
		kept     int
	}{
		{"dead_letters", nil, 20},
		{"dead_letter_bytes", map[string]any{"x": strings.Repeat("y", 16000)}, 20},
	} {
		t.Run(c.limit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.answers(func(context.Context, perfmon.Notification) error {
					return &perfmon.UndeliverableError{Err: errors.New("no such chat")}
				})
				b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0), perfmon.WithAlertCooldown(0))
				made := 20 * *past
				for i := range made {
					for part := range 10 { // alerts of one message
						_, err := b.Alerts().Raise(perfmon.HostAlert{
							Metric: "disk", Severity: perfmon.Critical, Message: "full", Metadata: c.metadata, Scope: perfmon.Scope{Endpoint: fmt.Sprint(i, "/", part)},
						})
						if err != nil {
							t.Fatal(err)
						}
					}
					synctest.Wait()
					for len(f.got) > 0 {
						<-f.got
					}
				}
				count, size := b.limit("dead_letters"), b.limit("dead_letter_bytes")
				if count.Used > count.Most || size.Used > size.Most || count.Used == 0 || count.Hit == 0 {
					t.Errorf("%+v, %+v", count, size)
				}
				status := b.Notifications().List()[0]
				if got := status.Dead - uint64(count.Used); got != count.Hit {
					t.Errorf("%d dead letters, %d kept, %d counted as dropped", status.Dead, count.Used, count.Hit)
				}
			})
		})
	}
}

// Caches, queues and hosts that are called take places of the metrics, and no others.
func TestNamedThingsAreMetrics(t *testing.T) {
	b := start(t)
	for i := range perfmon.MaxMetrics {
		_, err := b.Metrics().Cache(fmt.Sprint("c", i))
		_ = b.Metrics().AddCollector(perfmon.Queue(fmt.Sprint("q", i), func(context.Context) (perfmon.QueueState, error) { return perfmon.QueueState{}, nil }))
		var field *perfmon.FieldError
		if err != nil && !errors.As(err, &field) {
			t.Fatal(err)
		}
	}
	b.step()
	if l := b.limit("metrics"); l.Used > l.Most || l.Hit == 0 {
		t.Errorf("%+v", l)
	}
	for range 3 {
		b.step()
	}
}

// However many baselines have names, the one that regressions are judged by stays.
func TestNamedBaselinesLeaveTheOneInForce(t *testing.T) {
	b := start(t, perfmon.WithStep(10*time.Second), perfmon.WithInterval(10*time.Second))
	for range 30 {
		b.errors(1)
	}
	if _, err := b.Baselines().Establish(3*time.Minute, "ann"); err != nil {
		t.Fatal(err)
	}
	for i := range 1200 {
		b.clock.Add(time.Millisecond)
		if _, err := b.Baselines().EstablishAs(fmt.Sprint("release ", i), 3*time.Minute, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := b.Baselines().Current(); !ok {
		t.Error("the baseline in force is gone")
	}
	if l := b.limit("baselines"); l.Used > l.Most || l.Hit == 0 {
		t.Errorf("%+v", l)
	}
	if _, err := b.Baselines().Against("release 1199"); err != nil {
		t.Error(err)
	}
	if _, err := b.Baselines().Against("release 0"); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("%v: the oldest with a name makes room", err)
	}
}
