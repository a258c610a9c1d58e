package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// Whatever a receiver answers, whenever a process ends and the clock is set, each alert is told
// in order, nothing that was taken is told again, and in the end its last state was told.
func TestOrderWhateverHappens(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			clk := clock.NewMock()
			clk.Set(noon)
			chat, pager := newFake(), keeper{newFake(), 3}
			// They take some messages and refuse others, until they are calm.
			var mu sync.Mutex
			calm := false                                       // mu
			answers := rand.New(rand.NewPCG(seed, 8))           // mu
			taken := map[*fakeNotifier][]perfmon.Notification{} // mu
			for _, f := range []*fakeNotifier{chat, pager.fakeNotifier} {
				f.answers(func(_ context.Context, n perfmon.Notification) error {
					mu.Lock()
					defer mu.Unlock()
					k := answers.IntN(6)
					switch {
					case calm || k > 2:
						taken[f] = append(taken[f], n)
						return nil
					case k == 0:
						return &perfmon.RetryError{After: time.Duration(answers.IntN(7200)) * time.Second, Err: errors.New("429")}
					case k == 1:
						panic("oh")
					}
					return errors.New("500")
				})
			}
			opts := []perfmon.Option{perfmon.WithStore(&perfmon.MemoryStore{}), perfmon.WithNotifier("chat", chat), perfmon.WithNotifier("pager", pager), perfmon.WithReminders(0, 0)}
			b := life(t, clk, opts...)
			var ids []string
			for range 60 {
				switch k := r.IntN(12); {
				case k < 3:
					ids = append(ids, b.raise("disk", perfmon.Warning, perfmon.Scope{Endpoint: fmt.Sprint("GET /", len(ids))}).ID)
				case k < 8 && len(ids) > 0:
					id := ids[r.IntN(len(ids))]
					do := []func(id, by string) (perfmon.Alert, error){b.Alerts().Acknowledge, b.Alerts().Escalate, b.Alerts().Resolve, b.Alerts().Dismiss}
					_, _ = do[r.IntN(len(do))](id, "ann") // some make no sense
				case k == 8:
					if err := b.Close(); err != nil {
						t.Fatal(err)
					}
					clk.Add(time.Duration(r.IntN(3600)) * time.Second)
					b = life(t, clk, opts...)
				case k == 9 && r.IntN(3) == 0:
					clk.Set(clk.Now().Add(time.Duration(r.IntN(600)) * time.Second)) // it jumps
				}
				b.pass(time.Duration(r.IntN(40)) * time.Second)
			}
			mu.Lock()
			calm = true
			mu.Unlock()
			for range 60 {
				clk.Add(3 * time.Minute)
				synctest.Wait()
			}
			for name, f := range map[string]*fakeNotifier{"chat": chat, "pager": pager.fakeNotifier} {
				mu.Lock()
				last, seen := map[string]perfmon.Alert{}, map[string]bool{}
				for _, n := range taken[f] {
					if seen[n.ID] {
						t.Errorf("seed %d: %s took %s twice", seed, name, n.ID)
					}
					seen[n.ID] = true
					for _, a := range n.Alerts {
						if before, ok := last[a.Alert.ID]; ok && before.Record >= a.Alert.Record {
							t.Errorf("seed %d: %s heard of %s as %s after %s", seed, name, a.Alert.ID, a.Alert.State, before.State)
						}
						last[a.Alert.ID] = a.Alert
					}
				}
				mu.Unlock()
				for _, id := range ids {
					now, err := b.Alerts().Get(id)
					if err != nil {
						t.Fatal(err)
					}
					// One that came and went before it could be told may be told as nothing.
					if heard, ok := last[id]; ok && heard.State != now.State || !ok && now.Active() {
						t.Errorf("seed %d: %s heard of %s as %q, and it is %s", seed, name, id, heard.State, now.State)
					}
				}
				if st := b.Notifications().List(); st[0].Waiting+st[1].Waiting > 0 || st[0].Dead+st[1].Dead > 0 {
					t.Errorf("seed %d: %+v", seed, st)
				}
			}
		})
	}
}
