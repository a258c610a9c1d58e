package sketch

import (
	"sync/atomic"
	"unsafe"
)

// Atomic counts values from any number of goroutines, one atomic addition each. The zero
// value is empty and ready. It is read with a [Cursor], or by Take where it has one reader
// and need not keep what was read.
//
// A page of 64 buckets is allocated when the first value falls into its power of two,
// at most 37 times in its life. Goroutines that often count at the same time had better
// have an Atomic each: sketches merge.
type Atomic struct {
	pages [numPages]atomic.Pointer[atomicPage]
}

// atomicPage fills cache lines, so it lies on a boundary of one.
type atomicPage [pageLen]atomic.Uint32

// Add counts v once. A value above [Max] counts as Max.
func (a *Atomic) Add(v uint64) {
	i := index(v)
	if p := a.pages[i>>subBits].Load(); p != nil {
		p[i&(pageLen-1)].Add(1)
		return
	}
	a.grow(i >> subBits)[i&(pageLen-1)].Add(1)
}

// grow makes page i, or returns the one that another goroutine made meanwhile.
//
//go:noinline
func (a *Atomic) grow(i int) *atomicPage {
	a.pages[i].CompareAndSwap(nil, new(atomicPage))
	return a.pages[i].Load()
}

// Merge adds all that s counted; a bucket of s holds less than 2^32 values.
func (a *Atomic) Merge(s *Sketch) {
	s.each(func(i int, n uint64) {
		p := a.pages[i>>subBits].Load()
		if p == nil {
			p = a.grow(i >> subBits)
		}
		p[i&(pageLen-1)].Add(uint32(n))
	})
}

// Take moves all that a counted to s and returns how many values that were. With a nil s
// they are dropped. Writers are never held up, and no value is lost: what was read is
// subtracted. One goroutine at a time may take, and no cursor may stand in a.
func (a *Atomic) Take(s *Sketch) uint64 {
	var sum uint64
	for i := range a.pages {
		page := a.pages[i].Load()
		if page == nil {
			continue
		}
		sum += page.take(s, i)
	}
	return sum
}

// take moves page i.
func (p *atomicPage) take(s *Sketch, i int) uint64 {
	// Two buckets are read, and subtracted, at a time, which takes half as long. As no bucket
	// holds less than what was read of it, the subtraction borrows nothing. All is read before
	// anything is subtracted: the processor waits for memory once and not for each line.
	var words [pageLen / 2]uint64
	pairs := (*[pageLen / 2]atomic.Uint64)(unsafe.Pointer(p))
	any := uint64(0)
	for j := range pairs {
		words[j] = pairs[j].Load()
		any |= words[j]
	}
	if any == 0 {
		return 0
	}
	for j, n := range words {
		if n != 0 {
			pairs[j].Add(-n)
		}
	}
	counts := (*[pageLen]uint32)(unsafe.Pointer(&words))
	sum := uint64(0)
	for _, n := range counts {
		sum += uint64(n)
	}
	if s != nil {
		s.add(i, counts, sum)
	}
	return sum
}

// add adds page i, which holds n values.
func (s *Sketch) add(i int, page *[pageLen]uint32, n uint64) {
	if n <= maxCount-s.count {
		s.mergePage(i, page)
		s.count += n
		return
	}
	for j, n := range page {
		s.addN(i<<subBits+j, uint64(n))
	}
}

// Cursor remembers how far an Atomic was read. The zero value stands at its beginning.
// A cursor belongs to one Atomic, and to one goroutine at a time.
type Cursor struct {
	pages [numPages]*[pageLen]uint32 // counts read so far, modulo 2^32
	wraps map[int]uint64             // by bucket: what the counts lost in passing 2^32
	count uint64
}

// Drain adds to s what a counted since the cursor, moves the cursor on and returns how
// many values that were. With a nil s the values are only counted. Writers are never
// held up and nothing is reset: counts are subtracted modulo 2^32, so a bucket may take
// up to 2^32-1 values between two calls.
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
			n := now - seen[j]
			if n == 0 {
				continue
			}
			if now < seen[j] {
				c.wrap(i<<subBits + j)
			}
			seen[j] = now
			if s != nil {
				s.addN(i<<subBits+j, uint64(n))
			}
			sum += uint64(n)
		}
	}
	c.count += sum
	return sum
}

// Peek adds to s what a counted since the cursor, leaves the cursor where it is and
// returns how many values that were. With a nil s the values are only counted; a nil
// cursor stands at the beginning. A value that is there stays there for the next Peek and
// for Drain.
func (a *Atomic) Peek(c *Cursor, s *Sketch) uint64 {
	var sum uint64
	for i := range a.pages {
		page := a.pages[i].Load()
		if page == nil {
			continue
		}
		var seen *[pageLen]uint32
		if c != nil {
			seen = c.pages[i]
		}
		for j := range page {
			n := page[j].Load()
			if seen != nil {
				n -= seen[j]
			}
			if n == 0 {
				continue
			}
			if s != nil {
				s.addN(i<<subBits+j, uint64(n))
			}
			sum += uint64(n)
		}
	}
	return sum
}

//go:noinline
func (c *Cursor) wrap(bucket int) {
	if c.wraps == nil {
		c.wraps = map[int]uint64{}
	}
	c.wraps[bucket] += 1 << 32
}

// Count returns how many values were read up to the cursor.
func (c *Cursor) Count() uint64 { return c.count }

// AddTo adds to s all values that were read up to the cursor, since the Atomic's
// beginning.
func (c *Cursor) AddTo(s *Sketch) {
	for i, page := range c.pages {
		if page == nil {
			continue
		}
		for j, n := range page {
			if n != 0 {
				s.addN(i<<subBits+j, uint64(n))
			}
		}
	}
	for i, n := range c.wraps {
		s.addN(i, n)
	}
}
