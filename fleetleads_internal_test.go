package perfmon

import (
	"testing"

	"github.com/benbjohnson/clock"
)

// People are told by who leads, by a replica that is alone, and by one that has no fleet.
func TestWhoTellsPeople(t *testing.T) {
	single, err := New(WithClock(clock.NewMock()), WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	if !single.leads() {
		t.Error("a monitor without a fleet tells nobody")
	}
	m, err := New(WithClock(clock.NewMock()), WithoutSystemMetrics(), WithFleet(&manyReplicas{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		token uint64
		alone bool
		want  bool
	}{{0, false, false}, {7, false, true}, {0, true, true}} {
		m.fleet.token.Store(tt.token)
		m.fleet.isAlone.Store(tt.alone)
		if got := m.leads(); got != tt.want || m.fleet.view.leads() != got {
			t.Errorf("token %d, alone %v: leads is %v, want %v", tt.token, tt.alone, got, tt.want)
		}
	}
}
