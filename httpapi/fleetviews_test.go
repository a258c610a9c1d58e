package httpapi_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/backend-prs/perfmon"
)

// quietFleet is a fleet in which nothing happens.
type quietFleet struct{}

func (quietFleet) Lead(context.Context, perfmon.FleetBid) (perfmon.FleetLease, error) {
	return perfmon.FleetLease{}, nil
}
func (quietFleet) Push(context.Context, perfmon.FleetReplica, uint64, uint64, uint64, [][]byte) error {
	return nil
}
func (quietFleet) Pull(context.Context, map[string]uint64) ([]perfmon.FleetPull, error) {
	return nil, nil
}
func (quietFleet) Forget(context.Context, []string) error { return nil }
func (quietFleet) Append(context.Context, perfmon.FleetLog, uint64, uint64, uint64, []perfmon.FleetEntry) error {
	return nil
}
func (quietFleet) Read(context.Context, perfmon.FleetLog, uint64) (perfmon.FleetTail, error) {
	return perfmon.FleetTail{}, nil
}
func (quietFleet) Restore(context.Context, perfmon.FleetLog, uint64, uint64, []perfmon.FleetEntry) error {
	return nil
}

// What costs much is answered for a fleet and for one replica as without one.
func TestCostlyAnswersOfAFleet(t *testing.T) {
	s := serve(t, perfmon.WithFleet(quietFleet{}))
	s.load(1, 0)
	for _, path := range []string{"reports/", "reports/?instance=i-1", "dashboard/", "trends/", "endpoints/?instance=i-1", "baseline/", "health/"} {
		if w := s.do("root", "GET", path, ""); w.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.status, w.raw)
		}
	}
	if w := s.do("root", "GET", "reports/?instance=gone", ""); w.status != http.StatusBadRequest {
		t.Errorf("of a replica that is not there: %d %s", w.status, w.raw)
	}
}
