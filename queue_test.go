package perfmon_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// collectorStatus returns how a collector has fared.
func collectorStatus(t *testing.T, m *perfmon.Monitor, name string) perfmon.CollectorStatus {
	t.Helper()
	for _, s := range m.Diagnostics().Collectors {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no collector %q", name)
	panic("unreachable")
}

// A queue that is read, that fails, that hangs and that is back.
func TestQueue(t *testing.T) {
	reads := make(chan func(context.Context) (perfmon.QueueState, error), 1)
	b := start(t, perfmon.WithCollector(perfmon.Queue("mail", func(ctx context.Context) (perfmon.QueueState, error) {
		return (<-reads)(ctx)
	})))
	state := func(s perfmon.QueueState, err error) func(context.Context) (perfmon.QueueState, error) {
		return func(context.Context) (perfmon.QueueState, error) { return s, err }
	}
	steps := []struct {
		name string
		read func(context.Context) (perfmon.QueueState, error)
		want map[string]float64
		says string
	}{
		{"busy", state(perfmon.QueueState{Depth: 12, OldestAge: 90 * time.Second, Busy: 3, Workers: 4}, nil),
			map[string]float64{"queue_mail_depth": 12, "queue_mail_oldest_age": 90, "queue_mail_workers_busy": 75}, ""},
		{"empty", state(perfmon.QueueState{Workers: 4}, nil),
			map[string]float64{"queue_mail_depth": 0, "queue_mail_oldest_age": 0, "queue_mail_workers_busy": 0}, ""},
		{"age and workers not known", state(perfmon.QueueState{Depth: 1, OldestAge: -1}, nil), map[string]float64{"queue_mail_depth": 1}, ""},
		{"down", state(perfmon.QueueState{Depth: 1}, errors.New("the broker is away")), map[string]float64{}, "the broker is away"},
		{"back", state(perfmon.QueueState{Depth: 2, OldestAge: -1}, nil), map[string]float64{"queue_mail_depth": 2}, ""},
	}
	for _, step := range steps {
		reads <- step.read
		sample := b.step()
		got := map[string]float64{}
		for _, name := range []string{"queue_mail_depth", "queue_mail_oldest_age", "queue_mail_workers_busy"} {
			if v, ok := sample.Value(name); ok {
				got[name] = v
			}
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		status := collectorStatus(t, b.Monitor, "queue mail")
		if step.says != "" && !strings.Contains(status.LastError, step.says) {
			t.Errorf("%s: diagnostics say %q", step.name, status.LastError)
		}
	}
}

// A broker that does not answer costs the figures of the queue, and says so.
func TestQueueThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithCollector(perfmon.Queue("mail", func(context.Context) (perfmon.QueueState, error) {
			<-hangs
			return perfmon.QueueState{Depth: 1}, nil
		})))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		depth := func() (float64, bool) {
			time.Sleep(2*m.Step() + m.Step()/4) // by the clock of the bubble
			s, ok := m.Current()
			if !ok {
				t.Fatal("no sample: the monitor waits for the queue")
			}
			return s.Value("queue_mail_depth")
		}
		if v, ok := depth(); ok {
			t.Errorf("a queue that does not answer has a depth of %v", v)
		}
		if s := collectorStatus(t, m, "queue mail"); !s.Running || !strings.Contains(s.LastError, "no answer within") {
			t.Errorf("diagnostics say %+v", s)
		}
		close(hangs)
		if v, ok := depth(); !ok || v != 1 {
			t.Errorf("a queue that is back has a depth of %v, %v", v, ok)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestQueueIsRefused(t *testing.T) {
	b := start(t)
	read := func(context.Context) (perfmon.QueueState, error) { return perfmon.QueueState{}, nil }
	for name, queue := range map[string]perfmon.Collector{
		"no function": perfmon.Queue("mail", nil), "no name": perfmon.Queue("", read), "capitals": perfmon.Queue("Mail", read),
	} {
		var field *perfmon.FieldError
		if err := b.Metrics().AddCollector(queue); !errors.As(err, &field) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
