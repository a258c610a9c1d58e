package sketch

import "sync/atomic"

// Atomic counts values from any number of goroutines, one atomic addition each,
// and is only ever counted up. The zero value is empty and ready. An octave's page
// is allocated when the first value falls into it, at most 37 times in its life.
type Atomic struct {
	pages [numPages]atomic.Pointer[atomicPage]
}

type atomicPage [pageLen]atomic.Uint32

// Add counts v once.
func (a *Atomic) Add(v uint64) {
	i := index(v)
	p := a.pages[i>>subBits].Load()
	if p == nil {
		p = a.grow(i >> subBits)
	}
	p[i&(pageLen-1)].Add(1)
}

// grow makes page i, or returns the one that another goroutine made meanwhile.
//
//go:noinline
func (a *Atomic) grow(i int) *atomicPage {
	a.pages[i].CompareAndSwap(nil, new(atomicPage))
	return a.pages[i].Load()
}

// Cursor remembers how far an Atomic was read. The zero value stands at its
// beginning. A cursor belongs to one reader and one Atomic.
type Cursor struct {
	pages [numPages]*[pageLen]uint32
}

// Drain adds to s what a counted since the cursor, moves the cursor on and returns
// how many values that were. Writers are never held up and nothing is reset: counts
// are subtracted modulo 2^32, so a bucket may take up to 2^32-1 values between two
// calls.
func (a *Atomic) Drain(c *Cursor, s *Sketch) uint64 {
	var sum uint64
	for i := range a.pages {
		page := a.pages[i].Load()
		if page == nil {
			continue
		}
		seen := c.pages[i]
		if seen == nil {
			seen = new([pageLen]uint32)
			c.pages[i] = seen
		}
		for j := range page {
			now := page[j].Load()
			if n := now - seen[j]; n != 0 {
				seen[j] = now
				s.addN(i<<subBits+j, uint64(n))
				sum += uint64(n)
			}
		}
	}
	return sum
}
