package httpapi

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

func newTestKept(t *testing.T) (*kept, *clock.Mock) {
	t.Helper()
	mock := clock.NewMock()
	m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithClock(mock))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return newKept(m), mock
}

var root = &request{by: Principal{SuperAdmin: true}}

// Those who ask for the same at the same time get one answer.
func TestAnswersAreMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := newTestKept(t)
		var made atomic.Int64
		going := make(chan struct{})
		body := func() (any, error) {
			made.Add(1)
			<-going
			return "body", nil
		}
		var wg sync.WaitGroup
		tags := make([]string, 64)
		for i := range tags {
			wg.Go(func() {
				out, err := k.answer(root, 1, body)
				if err != nil {
					t.Error(err)
					return
				}
				tags[i] = out.(*keptAnswer).tag
			})
		}
		synctest.Wait() // all wait
		close(going)
		wg.Wait()
		for _, tag := range tags {
			if tag != tags[0] || tag == "" {
				t.Errorf("the tags %s and %s", tag, tags[0])
			}
		}
		if made.Load() != 1 || len(k.making) != 0 {
			t.Errorf("it was made %d times, %d are being made", made.Load(), len(k.making))
		}
	})
}

// Those who wait for one that fails get its error, and for one that panics make it anew.
func TestAnswersThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := newTestKept(t)
		failure := errors.New("no")
		for _, panics := range []bool{false, true} {
			going, calls := make(chan struct{}), atomic.Int64{}
			first := func() (any, error) {
				<-going
				if panics {
					panic("no")
				}
				return nil, failure
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				defer func() {
					if p := recover(); (p != nil) != panics {
						t.Errorf("the panic is %v", p)
					}
				}()
				_, _ = k.answer(root, panics, first)
			})
			synctest.Wait()
			wg.Go(func() {
				out, err := k.answer(root, panics, func() (any, error) { calls.Add(1); return 1, nil })
				if panics != (out != nil) || panics != (err == nil) || panics != (calls.Load() == 1) {
					t.Errorf("panic %v: %v, %v, made %d times", panics, out, err, calls.Load())
				}
			})
			synctest.Wait()
			close(going)
			wg.Wait()
		}
	})
}

// What is kept is bounded in number and in bytes, compressed bodies among them, and goes
// when it is of no use.
func TestKeptIsBounded(t *testing.T) {
	k, mock := newTestKept(t)
	ask := func(what any, size int) *keptAnswer {
		t.Helper()
		out, err := k.answer(root, what, func() (any, error) { return strings.Repeat("x", size), nil })
		if err != nil {
			t.Fatal(err)
		}
		a := out.(*keptAnswer)
		a.compressed()
		held := 0
		for q, a := range k.latest {
			if a.q != q || a.bytes < keptOverhead+len(a.data) {
				t.Errorf("%v counts for %d", q, a.bytes)
			}
			held += a.bytes
		}
		if len(k.latest) > maxKept || len(k.order) != len(k.latest) || held != k.bytes || held > maxKeptBytes {
			t.Errorf("%d answers, %d in order, %d bytes, counted as %d", len(k.latest), len(k.order), held, k.bytes)
		}
		return a
	}
	for i := range 3 * maxKept {
		ask(i, 10)
	}
	if len(k.latest) != maxKept || ask(3*maxKept-1, 10).tag != k.latest[question{superAdmin: true, what: 3*maxKept - 1}].tag {
		t.Errorf("%d answers", len(k.latest))
	}
	for i := range 20 {
		ask(i, 1<<20)
	}
	if len(k.latest) != 6 { // with room for compressed bodies of a quarter
		t.Errorf("%d answers of a megabyte", len(k.latest))
	}
	ask("huge", maxKeptBytes)
	if k.latest[question{superAdmin: true, what: "huge"}] != nil {
		t.Error("a huge answer is kept")
	}
	mock.Add(keptFor)
	if ask("next", 10); len(k.latest) != 1 {
		t.Errorf("%d answers, of which one is of use", len(k.latest))
	}
	mock.Add(keptIdle + time.Second)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.latest) != 0 || k.bytes != 0 {
		t.Errorf("%d answers and %d bytes that nobody asks for", len(k.latest), k.bytes)
	}
}
