package striped_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/backend-prs/perfmon/internal/striped"
)

func TestNothingIsLost(t *testing.T) {
	const goroutines, each = 16, 5000
	var (
		c  striped.Counter
		s  striped.Sum
		wg sync.WaitGroup
	)
	for range goroutines {
		wg.Go(func() {
			for i := range uint64(each) {
				c.Add(i)
				s.Add(i)
			}
		})
	}
	wg.Wait()
	const want = goroutines * each * (each - 1) / 2
	if got := c.Load(); got != want {
		t.Errorf("the counter says %d, want %d", got, want)
	}
	if count, sum := s.Load(); count != goroutines*each || sum != want {
		t.Errorf("%d values of sum %d, want %d of %d", count, sum, goroutines*each, want)
	}
}

// While values are added, no more are counted than are in the sum, and nothing goes down.
func TestReadingMeanwhile(t *testing.T) {
	const goroutines, value = 4, 1000
	var (
		c    striped.Counter
		s    striped.Sum
		wg   sync.WaitGroup
		stop atomic.Bool
	)
	for range goroutines {
		wg.Go(func() {
			for !stop.Load() {
				c.Add(value)
				s.Add(value)
			}
		})
	}
	var lastC, lastCount, lastSum uint64
	for range 2000 {
		now := c.Load()
		count, sum := s.Load()
		if count*value > sum {
			t.Fatalf("%d values are counted, and the sum is of %d", count, sum/value)
		}
		if now < lastC || count < lastCount || sum < lastSum {
			t.Fatalf("from %d, %d, %d down to %d, %d, %d", lastC, lastCount, lastSum, now, count, sum)
		}
		lastC, lastCount, lastSum = now, count, sum
	}
	stop.Store(true)
	wg.Wait()
	if count, sum := s.Load(); count*value != sum {
		t.Errorf("%d values in the end, and the sum is of %d", count, sum/value)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	var c striped.Counter
	var s striped.Sum
	if n := testing.AllocsPerRun(100, func() { c.Add(1); s.Add(1) }); n != 0 {
		t.Errorf("Add allocates %v times", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	bench := func(name string, add func()) {
		b.Run(name+"/serial", func(b *testing.B) {
			for b.Loop() {
				add()
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					add()
				}
			})
		})
	}
	var (
		c      striped.Counter
		s      striped.Sum
		single atomic.Uint64
		pair   struct{ count, sum atomic.Uint64 }
	)
	bench("counter", func() { c.Add(1) })
	bench("one atomic", func() { single.Add(1) })
	bench("sum", func() { s.Add(1) })
	bench("two atomics", func() { pair.sum.Add(1); pair.count.Add(1) })
}
