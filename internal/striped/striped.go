// Package striped counts what many goroutines do at the same time.
//
//	var hits striped.Counter
//	hits.Add(1)
//	total := hits.Load()
//
// A counter has many places on cache lines of their own. A goroutine adds to one of
// them, picked by chance, so that processors seldom write to the same line; reading adds
// them up. The idea is LongAdder's of the Java library (Doug Lea, 2012).
package striped

import (
	"sync/atomic"
	"unsafe"
)

// stripes is a power of two. A counter takes 2 KiB.
const stripes = 16

// line is how far apart places are: two cache lines, since processors fetch neighbours.
const line = 128

// Counter is a sum that many goroutines add to. The zero value is 0 and ready. It must
// not be copied.
type Counter struct {
	places [stripes]struct {
		n atomic.Uint64
		_ [line - 8]byte
	}
}

// Add adds n.
func (c *Counter) Add(n uint64) { c.places[place()].n.Add(n) }

// Load returns the sum. What is added meanwhile may be in it or not; what was added
// before is. Without overflow it never goes down.
func (c *Counter) Load() uint64 {
	var sum uint64
	for i := range c.places {
		sum += c.places[i].n.Load()
	}
	return sum
}

// Sum is a number of values and their sum, such as queries and the time they took. The
// zero value is empty and ready. It must not be copied.
type Sum struct {
	places [stripes]struct {
		count, sum atomic.Uint64
		_          [line - 16]byte
	}
}

// Add counts one value.
func (s *Sum) Add(v uint64) {
	p := &s.places[place()]
	p.sum.Add(v)
	p.count.Add(1)
}

// Load returns how many values there are, and their sum. Every value that is counted is
// in the sum. The sum may also hold a value or two that are added at that moment and not
// counted yet; the next Load counts them. So the mean of what came between two Loads may
// be off by those, and the error does not pile up. There may be a sum and no count.
func (s *Sum) Load() (count, sum uint64) {
	for i := range s.places {
		count += s.places[i].count.Load() // before the sum: Add does it the other way round
		sum += s.places[i].sum.Load()
	}
	return count, sum
}

// place picks a place by the address of the goroutine's stack, which differs between
// goroutines that run at the same time, and costs less than a random number.
func place() uintptr {
	var here byte
	p := uintptr(unsafe.Pointer(&here))
	return (p >> 10 * goldenRatio) >> shift
}

// Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4)
// spreads addresses that differ in few bits.
const (
	bits        = 32 << (^uintptr(0) >> 63)
	goldenRatio = uintptr(0x9e3779b97f4a7c15 & (1<<bits - 1))
	shift       = bits - 4 // stripes is 1<<4
)
