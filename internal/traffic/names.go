package traffic

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// Name is a name in a table, and what is counted for it. It is found anew for each
// request and not kept: a name that is released may come back as another Name.
type Name struct {
	text  string
	key   key    // the first one that it was found by
	route string // its pattern, where that leaves the method open
	extra bool   // not the first of its route

	places   []atomic.Pointer[place] // by stripe
	counters *counters
}

func (n *Name) String() string { return n.text }

// Names is a table of names, up to a limit; those that do not fit are folded into one,
// [Other]. Finding a name takes no lock. A new one takes a short lock. What a client can
// send makes neither the table nor the time to search it grow past the limit.
type Names struct {
	stripes  int
	reserved int   // names at the front of list that are always there
	other    *Name // the last of them
	table    atomic.Pointer[table]
	purges   atomic.Uint64 // how often aliases were dropped; counted after it is done
	purged   func()        // called after that, unless nil
	full     atomic.Bool   // at the limit: new names are folded without the lock
	wanted   atomic.Bool   // a name was folded for want of room since the last release
	folded   atomic.Uint64 // responses read under Other

	mu     sync.Mutex       // guards what follows, and the filling of table
	limit  int              // reserved ones left out
	list   []*Name          // appended to, or replaced as a whole
	byText map[string]*Name // reserved ones left out
	routes map[string]int   // how many names each route has that leaves the method open
	extras int              // how many of the names are extra
	hot    int              // how many of the names are hot

	retired []*counters // of released names; the reader's alone
}

// newNames returns a table for limit names beside the reserved ones, of which the
// last is the one for all that do not fit.
func newNames(stripes, limit int, reserved ...string) *Names {
	n := &Names{stripes: stripes, reserved: len(reserved), limit: limit, byText: map[string]*Name{}, routes: map[string]int{}}
	n.table.Store(newTable(maphash.MakeSeed(), min(limit, maxPrepared)))
	for _, text := range reserved {
		n.other = n.append(&Name{text: text})
	}
	n.full.Store(limit <= 0)
	return n
}

// maxPrepared is for how many names there is room from the beginning, so that the table
// seldom grows while requests wait for it.
const maxPrepared = 2000

// heat gives a name a cell for each stripe, from its next responses on.
func (n *Names) heat(name *Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hot >= maxHot || name.counters.released {
		return
	}
	n.hot++
	name.counters.hot.Store(true)
	for i := sharedStripes; i < len(name.places); i++ {
		name.places[i].Store(nil)
	}
	n.purge()
}

// purge lets what was found of late be looked up anew. The caller holds mu.
func (n *Names) purge() {
	n.purges.Add(1)
	if n.purged != nil {
		n.purged()
	}
}

// append puts a name into the list. The caller holds mu.
func (n *Names) append(name *Name) *Name {
	name.counters = newCounters(name.text, n.stripes)
	name.places = make([]atomic.Pointer[place], n.stripes)
	n.list = append(n.list, name)
	return name
}

// all returns every name; the slice is not changed any more.
func (n *Names) all() []*Name {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.list[:len(n.list):len(n.list)]
}

// All returns every name, the reserved ones first and the others by age.
func (n *Names) All() []string {
	var list []string
	for _, name := range n.all() {
		list = append(list, name.text)
	}
	return list
}

// Used returns how many names there are, the reserved ones left out.
func (n *Names) Used() int { return len(n.all()) - n.reserved }

// Limit returns how many names fit, the reserved ones left out.
func (n *Names) Limit() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.limit
}

// setLimit changes the limit. Names beyond it stay until they are released.
func (n *Names) setLimit(limit int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if limit == n.limit {
		return
	}
	n.limit = limit
	n.unfold()
}

// unfold lets names that were folded ask for their place again. The caller holds mu.
func (n *Names) unfold() {
	n.table.Store(n.table.Load().rebuilt(func(a *alias) bool { return !a.folded && !a.name.counters.released }))
	n.full.Store(len(n.list)-n.reserved >= n.limit)
	n.purge()
}

// Folded returns how many responses were read of names that were folded.
func (n *Names) Folded() uint64 { return n.folded.Load() }

// Intern returns a name, making it when it is new and fits.
func (n *Names) Intern(text string) *Name { return n.intern(key{pattern: text}) }

func (n *Names) intern(k key) *Name {
	if len(k.pattern) > maxName {
		return n.other
	}
	if a := n.table.Load().find(k); a != nil {
		return a.name
	}
	return n.unknown(k)
}

// unknown finds the place of a key that is not in the table. Only clean keys get there,
// so that the many ways to spell a name badly do not fill it.
func (n *Names) unknown(k key) *Name {
	if Reserved(k.pattern) {
		return n.other
	}
	if c := clean(k.pattern); c != k.pattern {
		return n.intern(key{k.method, c})
	}
	if n.full.Load() {
		if k.method != 0 && k.method != otherMethod {
			if a := n.table.Load().find(key{otherMethod, k.pattern}); a != nil {
				return a.name
			}
		}
		return n.noRoom()
	}
	return n.make(k)
}

// noRoom notes that a name was folded.
func (n *Names) noRoom() *Name {
	if !n.wanted.Load() {
		n.wanted.Store(true)
	}
	return n.other
}

// make makes the name of a clean key. Keys that spell the same name get the same one.
func (n *Names) make(k key) *Name {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.table.Load().find(k); a != nil {
		return a.name // made by another goroutine meanwhile
	}
	name, folded := n.place(k)
	if name == n.other && !folded {
		return n.noRoom()
	}
	n.alias(k, name, folded)
	if folded && name != n.other { // so that the route's further methods find it when the table is full
		n.alias(key{otherMethod, k.pattern}, name, false)
	}
	return name
}

// alias makes a key find a name. The caller holds mu.
func (n *Names) alias(k key, name *Name, folded bool) {
	t := n.table.Load()
	if t.find(k) != nil {
		return
	}
	a := &alias{hash: t.hash(k), key: key{k.method, ownPattern(name, k)}, name: name, folded: folded}
	if !t.add(a) {
		t = t.rebuilt(func(*alias) bool { return true })
		t.add(a)
		n.table.Store(t)
	}
}

// ownPattern returns a copy of a key's pattern that keeps no larger string alive: a part
// of the name's text where it can be.
func ownPattern(name *Name, k key) string {
	if strings.HasSuffix(name.text, k.pattern) {
		return name.text[len(name.text)-len(k.pattern):]
	}
	return strings.Clone(k.pattern)
}

// place finds or makes the name for a new key. The methods of a route that leaves its
// method open are the client's to choose. So each but the first is extra. Extra names
// take at most half of the table; from there on the extra methods of a route share one
// name, with the method OTHER. The last quarter of the table is for routes that are new:
// there all extra methods are folded. folded says that the key did not get its own name
// although the table is not full. The caller holds mu.
func (n *Names) place(k key) (name *Name, folded bool) {
	text := k.String()
	if name := n.byText[text]; name != nil {
		return name, false
	}
	if len(n.list)-n.reserved >= n.limit {
		return n.other, false
	}
	extra := k.method != 0 && n.routes[k.pattern] > 0
	if extra && n.extras >= n.limit/2 {
		n.noRoom()
		folded = true
		k = key{otherMethod, k.pattern}
		text = k.String()
		if name := n.byText[text]; name != nil {
			return name, true
		}
	}
	if extra && len(n.list)-n.reserved >= n.limit-n.limit/4 {
		n.noRoom()
		return n.other, true
	}
	name = n.append(&Name{text: strings.Clone(text), extra: extra})
	n.byText[name.text] = name
	name.key = key{k.method, ownPattern(name, k)}
	if k.method != 0 {
		name.route = name.key.pattern
		n.routes[name.route]++
	}
	if extra {
		n.extras++
	}
	n.full.Store(len(n.list)-n.reserved >= n.limit)
	return name, folded
}
