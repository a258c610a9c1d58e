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

// keep puts a hash into few, where it finds a place within so many.
func (s *sketch) keep(h, probes uint64) {
	if s.many.Load() {
		return
	}
	for i := range probes {
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

// raise raises register i to rank.
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
	return &Window{slice: length / time.Duration(n), slices: make([]*sketch, n+1), start: now}
}

// Add counts s as seen now. The first string ever allocates, and so may the first
// after each slice; at most n+1 sketches of 16 KiB live.
func (w *Window) Add(s string) {
	h := hash(s)
	current := w.current.Load()
	if current == nil {
		current = w.grow()
	}
	current.keep(h, probes)
	register, rank := place(h)
	current.raise(register, uint32(rank))
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

// Count returns how many different strings the window holds: exactly up to 1024, as long
// as each slice has seen a few hundred at most, else an estimate.
func (w *Window) Count() uint64 { return w.Set().Count() }

// Set returns the set of all strings that the window holds, to be merged with those of
// other processes.
func (w *Window) Set() *Set {
	w.slices[w.newest] = w.current.Load()
	all := &Set{}
	for _, s := range w.slices {
		if s != nil {
			s.addTo(all)
		}
	}
	return all
}

// addTo adds all that a slice has seen.
func (s *sketch) addTo(all *Set) {
	if !s.many.Load() {
		for i := range s.few {
			if h := s.few[i].Load(); h != 0 {
				all.add(h)
			}
		}
		return
	}
	all.estimate()
	for i := range s.registers {
		word := s.registers[i].Load()
		for j := range 4 {
			rank := &all.registers[4*i+j]
			*rank = max(*rank, uint8(word>>(8*j)))
		}
	}
}
