package traffic

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"
)

// routes finds the places of the routes that were used last by the address of the
// pattern's bytes, which saves their hash: a router hands out the same string for every
// request of a route. The address only says where to look. What is there is compared byte
// by byte with a copy of its own, so that routes keep no string of the host alive and
// mistake none for another. A route that finds no room takes that of another one, one time
// in so many: strings that are made anew for each request would drive out all others.
//
// All recorders of a stripe share one. Nothing in it is locked: slots are replaced.
type routes struct {
	slots [routeSets][routeWays]atomic.Pointer[place]
}

// A route may be in one of so many slots of a set.
const (
	routeSets = 128
	routeWays = 4
)

// set returns where the place of a pattern may be.
func (t *routes) set(pattern string) *[routeWays]atomic.Pointer[place] {
	p := uintptr(unsafe.Pointer(unsafe.StringData(pattern)))
	return &t.slots[p*goldenRatio>>(bits.UintSize-routeBits)&(routeSets-1)]
}

// Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4)
// spreads addresses that differ in few bits.
const (
	goldenRatio = uintptr(0x9e3779b97f4a7c15 & (1<<bits.UintSize - 1))
	routeBits   = 7 // routeSets is 1<<7
)

// find returns the place of a route in its set, nil where it is not there.
func find(set *[routeWays]atomic.Pointer[place], method, pattern string) *place {
	for i := range set {
		p := set[i].Load()
		if p == nil {
			return nil
		}
		if p.pattern == pattern && (p.method == 0 || p.method == methodNumber(method)) {
			return p
		}
	}
	return nil
}

// oneOf is how often a route for which there is no room is kept nonetheless: one time of 16.
const oneOf = 16

// keep puts a place into a free slot, or now and then in the first one, whose place moves on
// by one slot: the last of them goes.
func (t *routes) keep(pattern string, p *place) {
	set := t.set(pattern)
	for i := range set {
		if set[i].CompareAndSwap(nil, p) || set[i].Load() == p {
			return
		}
	}
	if rand.Uint32()%oneOf != 0 {
		return
	}
	for i := range set {
		p = set[i].Swap(p)
	}
}

// forget empties all slots.
func (t *routes) forget() {
	for i := range t.slots {
		for j := range t.slots[i] {
			t.slots[i][j].Store(nil)
		}
	}
}

// remove takes a place out that should not have been kept.
func (t *routes) remove(pattern string, p *place) {
	set := t.set(pattern)
	for i := range set {
		set[i].CompareAndSwap(p, nil)
	}
}
