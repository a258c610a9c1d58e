package traffic

import (
	"runtime"

	"golang.org/x/exp/slices"
)

// ReleaseEndpoints gives back the names of endpoints that had no response in the last
// idle calls of Endpoints. Where a name found no room since the last release, it also
// gives back names without one in the last crowded calls: those that are idle for the
// longest, at most an eighth of the table at a time. 0 means never. It returns the
// names, so that whoever keeps something about them drops it as well.
//
// A released name that has requests again is a new name: its totals begin at zero. What
// is counted while a name is released is not lost: the next call of Endpoints finds it
// under the name, where it is back, or under [Other].
func (r *Reader) ReleaseEndpoints(idle, crowded int) []string {
	r.t.reading.Lock()
	defer r.t.reading.Unlock()
	return r.t.Endpoints.release(idle, crowded)
}

// ReleaseOrganizations does the same for organizations.
func (r *Reader) ReleaseOrganizations(idle, crowded int) []string {
	return r.t.Organizations.release(idle, crowded)
}

func (n *Names) release(idle, crowded int) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	most := 0 // to release for want of room
	if n.wanted.Swap(false) && crowded > 0 {
		most = max(n.limit/8, 1)
	}
	var gone, perhaps []*Name
	for _, name := range n.list[n.reserved:] {
		switch calls := name.counters.idle; {
		case name.counters.waits(): // it has just had a response
		case idle > 0 && calls >= idle:
			gone = append(gone, name)
		case most > 0 && calls >= crowded:
			perhaps = append(perhaps, name)
		}
	}
	if more := most - len(gone); more > 0 {
		slices.SortStableFunc(perhaps, func(a, b *Name) int { return b.counters.idle - a.counters.idle })
		gone = append(gone, perhaps[:min(more, len(perhaps))]...)
	}
	if len(gone) == 0 {
		if most > 0 {
			n.wanted.Store(true) // for as long as there is none
		}
		return nil
	}
	texts := make([]string, len(gone))
	for i, name := range gone {
		texts[i] = name.text
		n.remove(name)
	}
	kept := make([]*Name, 0, len(n.list)-len(gone))
	for _, name := range n.list {
		if !name.counters.released {
			kept = append(kept, name)
		}
	}
	n.list = kept
	n.unfold()
	return texts
}

// remove takes a name out of all but the list and the table. A request may hold the
// name still, between finding it and counting; its counters are read on until the
// garbage collector has found that nobody does. The caller holds mu.
func (n *Names) remove(name *Name) {
	delete(n.byText, name.text)
	if name.route != "" {
		if n.routes[name.route]--; n.routes[name.route] == 0 {
			delete(n.routes, name.route)
		}
	}
	if name.extra {
		n.extras--
	}
	if name.counters.hot.Load() {
		n.hot--
	}
	name.counters.released = true
	n.retired = append(n.retired, name.counters)
	runtime.AddCleanup(name, func(c *counters) { c.unheld.Store(true) }, name.counters)
}

// collect moves what came late for released names to where it is read.
func (n *Names) collect() {
	n.retired = slices.DeleteFunc(n.retired, func(c *counters) bool {
		unheld := c.unheld.Load() // before the last look
		n.mu.Lock()
		to := n.byText[c.text]
		n.mu.Unlock()
		if to == nil {
			to = n.other
		}
		c.move(to)
		return unheld
	})
}
