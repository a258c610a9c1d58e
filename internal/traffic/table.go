package traffic

import (
	"hash/maphash"
	"sync/atomic"
)

// table finds names by key. It is an open hash table with linear probing, at most half
// full. Readers take no lock and need none to have ended: slots are only ever filled,
// and a table with fewer or more slots takes the place of the whole.
type table struct {
	seed  maphash.Seed
	mask  uint64
	slots []atomic.Pointer[alias]
	used  int // the writer's
}

// alias is one key of a name, which may have several.
type alias struct {
	hash   uint64
	key    key
	name   *Name
	folded bool // for want of room, the name is not the key's own
}

const minSlots = 64

func newTable(seed maphash.Seed, aliases int) *table {
	n := minSlots
	for n < 2*aliases {
		n *= 2
	}
	return &table{seed: seed, mask: uint64(n - 1), slots: make([]atomic.Pointer[alias], n)}
}

func (t *table) hash(k key) uint64 {
	return maphash.String(t.seed, k.pattern) ^ uint64(k.method)<<8
}

// find returns the alias of a key, nil where there is none.
func (t *table) find(k key) *alias {
	h := t.hash(k)
	for i := h; ; i++ {
		a := t.slots[i&t.mask].Load()
		if a == nil {
			return nil
		}
		if a.hash == h && a.key == k {
			return a
		}
	}
}

// add adds an alias, with its hash, whose key is not there. It reports false where the
// table is half full.
func (t *table) add(a *alias) bool {
	if 2*t.used >= len(t.slots) {
		return false
	}
	for i := a.hash; ; i++ {
		if slot := &t.slots[i&t.mask]; slot.Load() == nil {
			slot.Store(a)
			t.used++
			return true
		}
	}
}

// rebuilt returns a table of those aliases that keep picks, with room for as many.
func (t *table) rebuilt(keep func(*alias) bool) *table {
	kept := make([]*alias, 0, t.used)
	for i := range t.slots {
		if a := t.slots[i].Load(); a != nil && keep(a) {
			kept = append(kept, a)
		}
	}
	next := newTable(t.seed, 2*len(kept))
	for _, a := range kept {
		next.add(a)
	}
	return next
}
