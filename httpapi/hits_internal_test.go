package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// pastLimits is how many times past each limit of the API TestHitsOfTheAPI goes.
const pastLimits = 100

// What finds no room is refused or dropped, is counted as that limit's, and takes no memory a
// hundred times past it.
func TestHitsOfTheAPI(t *testing.T) {
	by := func(i int) caller { return caller{by: Principal{Name: fmt.Sprint("caller ", i)}} }
	for _, c := range []struct {
		limit string
		most  int
		once  func(a *API, i int) // i counts from 0
		hits  uint64              // of the first most*(pastLimits+1) times
	}{
		{"streams", maxStreams, func(a *API, i int) { _, _ = a.openings.take(by(i)) }, maxStreams * pastLimits},
		{"streams_of_a_caller", maxStreamsOwn, func(a *API, i int) { _, _ = a.openings.take(by(0)) }, maxStreamsOwn * pastLimits},
		{"stream_openings", openAtOnceOwn, func(a *API, i int) {
			if release, _ := a.openings.take(by(0)); release != nil {
				release()
			}
		}, openAtOnceOwn * pastLimits},
		{"back_tests", maxBackTests, func(a *API, i int) { _, _ = a.backTests.take(by(i)) }, maxBackTests * pastLimits},
		{"answers_kept", maxKept, func(a *API, i int) {
			q := question{superAdmin: true, what: i}
			_, _ = a.kept.make(q, &making{state: state{a.m.Revision(), a.m.Elapsed()}, done: make(chan struct{})}, func() (any, error) { return i, nil })
		}, maxKept * pastLimits},
		{"answer_bytes", 8, func(a *API, i int) {
			q := question{superAdmin: true, what: i}
			_, _ = a.kept.make(q, &making{state: state{a.m.Revision(), a.m.Elapsed()}, done: make(chan struct{})}, func() (any, error) { return make([]byte, maxKeptBytes/12), nil }) // a ninth of it as text
		}, 8 * pastLimits},
		{"api_log_messages", logSlots, func(a *API, i int) { a.log.error("x") }, logSlots * pastLimits},
		{"wrong_tokens", guessAtOnce, func(a *API, i int) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)
			_ = a.signIn.guesses.wrong(r)
		}, guessAtOnce * pastLimits},
		{"heavy_queries", maxHeavy, func(a *API, i int) {
			gone, cancel := context.WithCancel(context.Background())
			cancel() // it does not wait
			_, _ = a.room(gone)
		}, maxHeavy * pastLimits},
	} {
		t.Run(c.limit, func(t *testing.T) {
			m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithClock(clock.NewMock()))
			if err != nil {
				t.Fatal(err)
			}
			hang := make(chan struct{})
			defer close(hang)
			a, err := New(m, WithBearerToken("0123456789abcdef"), WithLogger(slog.New(hangingLog{hang})))
			if err != nil {
				t.Fatal(err)
			}
			status := func() perfmon.LimitStatus {
				for _, l := range a.limits() {
					if l.Limit == c.limit {
						return l
					}
				}
				t.Fatal("it is not listed")
				panic("unreachable")
			}
			for i := range c.most {
				c.once(a, i)
			}
			if l := status(); l.Hit > 1 {
				t.Errorf("at the limit: %+v", l)
			}
			full := heapInUse()
			for i := range c.most * pastLimits {
				c.once(a, c.most+i)
			}
			l, now := status(), heapInUse()
			if l.Used > l.Most || l.Hit < c.hits || l.Hit > c.hits+1 {
				t.Errorf("%+v, want %d hits", l, c.hits)
			}
			if now > full+1<<20 {
				t.Errorf("the heap grew from %d to %d KiB", full>>10, now>>10)
			}
			t.Logf("%d past %d: %.1f MiB, then %.1f", c.most*pastLimits, c.most, float64(full)/(1<<20), float64(now)/(1<<20))
			runtime.KeepAlive(a)
		})
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// hangingLog is a logger of the host that hangs.
type hangingLog struct{ until chan struct{} }

func (h hangingLog) Enabled(context.Context, slog.Level) bool { return true }
func (h hangingLog) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h hangingLog) WithGroup(string) slog.Handler            { return h }
func (h hangingLog) Handle(context.Context, slog.Record) error {
	<-h.until
	return nil
}
