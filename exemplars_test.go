package perfmon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// exemplars returns "class duration trace" of the exemplars of GET /.
func (b *bench) exemplars() []string {
	list := []string{}
	for _, e := range b.History().EndpointTotals() {
		if e.Endpoint == "GET /" {
			for _, x := range e.Exemplars {
				list = append(list, fmt.Sprintf("%dxx %v", x.Class, x))
			}
		}
	}
	return list
}

// The first response of a step stays as the exemplar of its class and magnitude until a
// later step has another one. It shows when the step ends that has counted it.
func TestExemplars(t *testing.T) {
	b := start(t)
	traced := func(d time.Duration, status int, trace string) {
		b.request(d, status)
		b.rec.Exemplar(d, "GET", "/", status, trace)
	}
	for i, step := range []struct {
		requests func()
		want     []string
	}{
		{func() {}, []string{}},
		{func() {
			traced(5*time.Millisecond, 200, "a1")
			traced(15*time.Millisecond, 200, "a2") // of the same magnitude
			traced(16*time.Millisecond, 200, "a3")
			traced(5*time.Millisecond, 404, "a4")
			traced(-1, 200, "a5")
			traced(time.Hour, 503, "a6")
		}, []string{"2xx 0s in trace a5", "2xx 5ms in trace a1", "2xx 16ms in trace a3", "4xx 5ms in trace a4", "5xx 1h0m0s in trace a6"}},
		{func() { b.request(5*time.Millisecond, 200) },
			[]string{"2xx 0s in trace a5", "2xx 5ms in trace a1", "2xx 16ms in trace a3", "4xx 5ms in trace a4", "5xx 1h0m0s in trace a6"}},
		{func() { traced(4*time.Millisecond, 200, "b1"); traced(5*time.Second, 599, "b2") },
			[]string{"2xx 0s in trace a5", "2xx 16ms in trace a3", "4xx 5ms in trace a4", "2xx 4ms in trace b1", "5xx 5s in trace b2"}},
	} {
		before := b.exemplars()
		step.requests()
		if diff := cmp.Diff(before, b.exemplars()); diff != "" {
			t.Errorf("step %d, before it ends (-want +got):\n%s", i, diff)
		}
		b.step()
		if diff := cmp.Diff(step.want, b.exemplars()); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestTraceIDs(t *testing.T) {
	for id, ok := range map[string]bool{
		"4bf92f3577b34da6a3ce929d0e0e4736": true, "0": true, "Z-9": true, "5759e988-bd862e3fe1be46a994272793": true,
		strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
		"": false, "a b": false, "a\n": false, "a\"": false, "a_b": false, "\u00e4": false, "a\x00": false, "a/b": false, "a:b": false, "a@": false, "a[": false, "a`": false, "a{": false,
	} {
		b := start(t)
		b.request(time.Millisecond, 200)
		b.rec.Exemplar(time.Millisecond, "GET", "/", 200, id)
		b.step()
		if got := len(b.exemplars()) == 1; got != ok {
			t.Errorf("%q: %v, want %v", id, got, ok)
		}
	}
}

// An endpoint that is given back takes its exemplars along.
func TestExemplarsOfAnEndpointThatIsGivenBack(t *testing.T) {
	b := start(t, perfmon.WithInterval(10*time.Second), perfmon.WithRetention(time.Minute))
	b.request(time.Millisecond, 200)
	b.rec.Exemplar(time.Millisecond, "GET", "/", 200, "old")
	b.step()
	if diff := cmp.Diff([]string{"2xx 1ms in trace old"}, b.exemplars()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for range 10 {
		b.step()
	}
	if got := b.History().EndpointTotals(); len(got) > 0 {
		t.Fatalf("%v is still there", got)
	}
	b.request(time.Millisecond, 200)
	b.step()
	if diff := cmp.Diff([]string{}, b.exemplars()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
