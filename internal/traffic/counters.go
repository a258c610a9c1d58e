package traffic

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backend-prs/perfmon/sketch"
)

// counters are those of one name: writers add to the cells, and the reader remembers
// how far it has read them.
type counters struct {
	text  string
	cells []atomic.Pointer[cell] // by stripe

	idle     int         // calls of the reader without a response; the reader's alone
	released bool        // guarded by the mu of the names
	unheld   atomic.Bool // released, and no request holds the name any more

	mu      sync.Mutex    // guards what follows
	cursors []*cellCursor // by stripe
}

type cellCursor [numLanes]*sketch.Cursor

func newCounters(text string, stripes int) *counters {
	return &counters{text: text, cells: make([]atomic.Pointer[cell], stripes), cursors: make([]*cellCursor, stripes)}
}

// cell counts the responses of one name in one stripe, apart by what kind of response
// it was.
type cell struct {
	lanes [numLanes]atomic.Pointer[sketch.Atomic]
	fresh atomic.Bool // something was added since it was last read
}

// add counts a response.
func (n *Name) add(stripe, lane int, d time.Duration) {
	c := n.cells[stripe].Load()
	if c == nil {
		c = n.growCell(stripe)
	}
	s := c.lanes[lane].Load()
	if s == nil {
		s = c.growLane(lane)
	}
	s.Add(uint64(max(d, 0)))
	if !c.fresh.Load() { // after the addition, so that the reader misses none
		c.fresh.Store(true)
	}
	runtime.KeepAlive(n) // until here, or a released name's counters would not be read
}

//go:noinline
func (n *Name) growCell(stripe int) *cell {
	n.cells[stripe].CompareAndSwap(nil, new(cell))
	return n.cells[stripe].Load()
}

//go:noinline
func (c *cell) growLane(lane int) *sketch.Atomic {
	c.lanes[lane].CompareAndSwap(nil, new(sketch.Atomic))
	return c.lanes[lane].Load()
}

// drain adds to d what was counted since the last call.
func (c *counters) drain(d *Counts) {
	c.each(func(lane int, s *sketch.Atomic, cursor *sketch.Cursor) {
		var into *sketch.Sketch
		if lane < streamLane {
			into = &d.Times
		}
		d.count(lane, s.Drain(cursor, into))
	})
}

// move adds to a name what was counted since the last call.
func (c *counters) move(to *Name) {
	c.each(func(lane int, s *sketch.Atomic, cursor *sketch.Cursor) {
		var late sketch.Sketch
		if s.Drain(cursor, &late) == 0 {
			return
		}
		cell := to.cells[0].Load()
		if cell == nil {
			cell = to.growCell(0)
		}
		if cell.lanes[lane].Load() == nil {
			cell.growLane(lane)
		}
		cell.lanes[lane].Load().Merge(&late)
		cell.fresh.Store(true)
	})
}

// each calls f for all that may hold something new.
func (c *counters) each(f func(lane int, s *sketch.Atomic, cursor *sketch.Cursor)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.cells {
		cell := c.cells[i].Load()
		if cell == nil || !cell.fresh.Load() {
			continue
		}
		cell.fresh.Store(false) // before the reading: what is added meanwhile sets it again
		if c.cursors[i] == nil {
			c.cursors[i] = new(cellCursor)
		}
		for lane := range cell.lanes {
			s := cell.lanes[lane].Load()
			if s == nil {
				continue
			}
			cursor := &c.cursors[i][lane]
			if *cursor == nil {
				*cursor = new(sketch.Cursor)
			}
			f(lane, s, *cursor)
		}
	}
}

// total adds to d all that was read since the beginning.
func (c *counters) total(d *Counts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cursors := range c.cursors {
		if cursors == nil {
			continue
		}
		for lane, cursor := range cursors {
			if cursor == nil {
				continue
			}
			d.count(lane, cursor.Count())
			if lane < streamLane {
				cursor.AddTo(&d.Times)
			}
		}
	}
}
