// Package distinct counts how many different strings were seen in the last minutes,
// in bounded memory and without a lock on the way in.
//
// It keeps a HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog: the
// analysis of a near-optimal cardinality estimation algorithm", 2007) for each slice
// of the window and merges them when asked, with the estimator of Otmar Ertl ("New
// cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no
// switching between formulas and no correction table. The standard error is 1.15 %.
// Beside it a slice keeps the hashes themselves while they are few, so that small
// numbers are exact.
package distinct

import (
	"hash/maphash"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	precision = 13
	registers = 1 << precision
	ranks     = 64 - precision // the highest rank is ranks+1
)

// sketch is a HyperLogLog whose registers, a byte each, are raised atomically, and a
// hash table of the first hashes.
type sketch struct {
	registers [registers / 4]atomic.Uint32
	few       [fewSlots]atomic.Uint64 // hashes; 0 is free
	many      atomic.Bool             // a hash found no place in few
}

const (
	fewSlots = 1024
	probes   = 32 // places looked at for a hash
)

// keep puts a hash into few, where it has a place.
func (s *sketch) keep(h uint64) {
	if s.many.Load() {
		return
	}
	h |= 1 << 63 // never 0
	for i := range uint64(probes) {
		slot := &s.few[(h+i)%fewSlots]
		old := slot.Load()
		if old == 0 && slot.CompareAndSwap(0, h) {
			return
		}
		if old == h || slot.Load() == h {
			return
		}
	}
	s.many.Store(true)
}

func (s *sketch) raise(i uint64, rank uint32) {
	word, shift := &s.registers[i/4], i%4*8
	for {
		old := word.Load()
		if old>>shift&0xff >= rank {
			return
		}
		if word.CompareAndSwap(old, old&^(0xff<<shift)|rank<<shift) {
			return
		}
	}
}

// Window counts distinct strings over a sliding window. Add may be called from any
// goroutine; Advance and Count by one at a time.
type Window struct {
	seed   maphash.Seed
	slice  time.Duration
	slices []*sketch // the newest at newest; nil where nothing was seen
	newest int
	start  time.Time // of the newest slice

	current atomic.Pointer[sketch]
	used    atomic.Bool
}

// New returns an empty window of the given length, cut into n slices, that begins
// at now. What is counted reaches back between length and length + length/n.
func New(length time.Duration, n int, now time.Time) *Window {
	w := &Window{seed: maphash.MakeSeed(), slice: length / time.Duration(n), slices: make([]*sketch, n+1), start: now}
	return w
}

// Add counts s as seen now. The first string ever allocates, and so may the first
// after each slice; at most n+1 sketches of 16 KiB live.
func (w *Window) Add(s string) {
	h := maphash.String(w.seed, s)
	current := w.current.Load()
	if current == nil {
		current = w.grow()
	}
	current.keep(h)
	current.raise(h>>(64-precision), uint32(bits.LeadingZeros64(h<<precision|1<<(precision-1)))+1)
}

//go:noinline
func (w *Window) grow() *sketch {
	w.current.CompareAndSwap(nil, new(sketch))
	w.used.Store(true)
	return w.current.Load()
}

// Advance lets the window slide to now. A now before the newest slice's beginning,
// from a clock that was set back, starts that slice anew.
func (w *Window) Advance(now time.Time) {
	w.slices[w.newest] = w.current.Load()
	if now.Before(w.start) {
		w.start = now
		return
	}
	for steps := 0; !now.Before(w.start.Add(w.slice)); steps++ {
		if steps == len(w.slices) { // all of it has slid out: catch up at once
			w.start = now
			return
		}
		w.newest = (w.newest + 1) % len(w.slices)
		w.slices[w.newest] = nil
		w.start = w.start.Add(w.slice)
		w.current.Store(nil)
	}
}

// Used reports whether anything was ever added.
func (w *Window) Used() bool { return w.used.Load() }

// Count returns how many different strings the window holds: exactly while each slice
// has seen a few hundred at most, else an estimate.
func (w *Window) Count() uint64 {
	w.slices[w.newest] = w.current.Load()
	if n, exact := w.few(); exact {
		return n
	}
	var histogram [ranks + 2]int // how many registers hold each rank
	for i := range registers / 4 {
		var most [4]uint32
		for _, s := range w.slices {
			if s == nil {
				continue
			}
			word := s.registers[i].Load()
			for j := range most {
				most[j] = max(most[j], word>>(8*j)&0xff)
			}
		}
		for _, rank := range most {
			histogram[rank]++
		}
	}
	return estimate(histogram[:])
}

// few counts the hashes that slices have kept; exact is false when one has too many.
func (w *Window) few() (n uint64, exact bool) {
	seen := map[uint64]struct{}{}
	for _, s := range w.slices {
		if s == nil {
			continue
		}
		if s.many.Load() {
			return 0, false
		}
		for i := range s.few {
			if h := s.few[i].Load(); h != 0 {
				seen[h] = struct{}{}
			}
		}
	}
	return uint64(len(seen)), true
}

// estimate is Ertl's improved raw estimator, algorithm 6.
func estimate(histogram []int) uint64 {
	const m = float64(registers)
	z := m * tau(1-float64(histogram[ranks+1])/m)
	for k := ranks; k >= 1; k-- {
		z = 0.5 * (z + float64(histogram[k]))
	}
	z += m * sigma(float64(histogram[0])/m)
	return uint64(math.Round(m * m / (2 * math.Ln2) / z))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}
