package traffic_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// On a machine with many processors, names that become hot while they are counted, released
// and found again lose no response.
func TestHotNames(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(32))
	const recorders, rounds, each = 64, 5, 300
	tr := traffic.New(150, 10)
	reader := tr.NewReader()
	all := make([]*traffic.Recorder, recorders)
	for i := range all {
		all[i] = tr.NewRecorder()
	}
	patterns := make([]string, 130) // more than may be hot
	for i := range patterns {
		patterns[i] = fmt.Sprintf("GET /p%d", i)
	}
	want := map[string]uint64{}
	got := map[string]uint64{}
	count := func() {
		reader.Endpoints(new(traffic.Delta), func(name string, d *traffic.Delta) { got[name] += d.Responses })
	}
	for round := range rounds {
		var wg sync.WaitGroup
		for _, rec := range all {
			wg.Go(func() {
				for i := range each {
					n := 1 // the first is the hottest
					if i%10 == 9 {
						n = len(patterns)
					}
					for _, pattern := range patterns[:n] {
						rec.Start()
						rec.EndRoute("GET", pattern, traffic.LaneOf(200, false), time.Millisecond)
					}
				}
			})
		}
		for range 3 {
			count() // while it is counted
		}
		wg.Wait()
		for i, pattern := range patterns {
			n := uint64(recorders * each / 10)
			if i == 0 {
				n = recorders * each
			}
			want[pattern] += n
		}
		count()
		if round == 2 {
			for range 5 {
				count()
			}
			reader.ReleaseEndpoints(5, 0)
		}
	}
	for pattern, n := range want {
		if got[pattern] != n {
			t.Errorf("%s has %d responses, want %d", pattern, got[pattern], n)
		}
	}
}
