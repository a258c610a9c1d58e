package traffic

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backend-prs/perfmon/sketch"
)

// counters are those of one name: writers add to the cells, and the reader takes what is
// there and keeps the total.
type counters struct {
	text  string
	cells []atomic.Pointer[cell] // by stripe

	hot      atomic.Bool // each stripe has a cell of its own
	idle     int         // calls of the reader without a response; the reader's alone
	used     bool        // there was a response; the reader's alone
	released bool        // guarded by the mu of the names
	unheld   atomic.Bool // released, and no request holds the name any more

	exemplars exemplars

	mu     sync.Mutex
	total  Counts     // of all that was read; its times without what is packed; mu
	packed []byte     // the encoded times of a name at rest, nil where there are none; mu
	apart  classTimes // times of classes other than 2xx; mu
}

// restAfter is after how many calls of the reader without a response a name is at rest.
const restAfter = 60

func newCounters(text string, stripes int) *counters {
	return &counters{text: text, cells: make([]atomic.Pointer[cell], stripes)}
}

// place is a name in one stripe, for the request path.
type place struct {
	pattern string // of the name's key; "" where it has none
	method  uint8  // of its key: 0 where the pattern names it
	cell    *cell
	name    *Name // kept alive as long as something may be counted here
}

// cell counts the responses of one name in one stripe, apart by lane.
type cell struct {
	good  sketch.Atomic             // the lane that nearly all are in
	rare  atomic.Pointer[rareLanes] // nil: there was no response of another lane
	fresh atomic.Bool               // something was added since it was last read
}

// rareLanes are the other lanes, made when there is a response of theirs.
type rareLanes [numLanes]atomic.Pointer[sketch.Atomic]

// add counts a response. The caller keeps the name alive.
func (c *cell) add(lane Lane, d time.Duration) {
	s := &c.good
	if lane != goodLane {
		if s = c.lane(lane); s == nil {
			s = c.growLane(lane)
		}
	}
	s.Add(uint64(max(d, 0)))
	if !c.fresh.Load() { // after the addition, so that the reader misses none
		c.fresh.Store(true)
	}
}

// lane returns the sketch of a lane, nil where there is none.
func (c *cell) lane(lane Lane) *sketch.Atomic {
	if lane == goodLane {
		return &c.good
	}
	if rare := c.rare.Load(); rare != nil {
		return rare[lane].Load()
	}
	return nil
}

//go:noinline
func (c *cell) growLane(lane Lane) *sketch.Atomic {
	if c.rare.Load() == nil {
		c.rare.CompareAndSwap(nil, new(rareLanes))
	}
	rare := c.rare.Load()
	rare[lane].CompareAndSwap(nil, new(sketch.Atomic))
	return rare[lane].Load()
}

// add counts a response.
func (n *Name) add(stripe int, lane Lane, d time.Duration) {
	n.place(stripe).cell.add(lane, d)
	runtime.KeepAlive(n) // until here, or a released name's counters would not be read
}

// place returns the place of a name in a stripe.
func (n *Name) place(stripe int) *place {
	if p := n.places[stripe].Load(); p != nil {
		return p
	}
	return n.growPlace(stripe)
}

//go:noinline
func (n *Name) growPlace(stripe int) *place {
	at := stripe
	if !n.counters.hot.Load() {
		at %= sharedStripes
	}
	c := &n.counters.cells[at]
	if c.Load() == nil {
		c.CompareAndSwap(nil, new(cell))
	}
	n.places[stripe].CompareAndSwap(nil, &place{n.key.pattern, n.key.method, c.Load(), n})
	return n.places[stripe].Load()
}

// drain adds to d, which is empty, what was counted since the last call. What apart holds
// is of another name.
func (c *counters) drain(d *Counts, apart *classTimes) {
	noted := c.exemplars.take() // first: what they stand for was counted before
	apart.reset()
	for i := range c.cells {
		if cell := c.cells[i].Load(); cell != nil && cell.fresh.Load() {
			cell.drain(d, apart)
		}
	}
	apart.addTo(&d.Times)
	if d.Responses > 0 {
		c.used = true
		c.mu.Lock()
		if c.packed != nil {
			_ = c.total.Times.MergeBinary(c.packed) // sound: rest made it
			c.packed = nil
		}
		c.total.Merge(d)
		c.apart.merge(apart)
		c.mu.Unlock()
	}
	if len(noted) > 0 {
		c.mu.Lock()
		c.exemplars.keep(noted)
		c.mu.Unlock()
	}
}

func (c *cell) drain(d *Counts, apart *classTimes) {
	c.fresh.Store(false) // before the reading: what is added meanwhile sets it again
	for lane := range numLanes {
		s := c.lane(lane)
		if s == nil {
			continue
		}
		switch {
		case lane >= streamLane:
			d.count(lane, s.Take(nil))
		case lane/2 == goodLane/2:
			d.count(lane, s.Take(&d.Times))
		default:
			d.count(lane, apart.take(int(lane/2), s))
		}
	}
}

// move adds to a name what was counted since the last call.
func (c *counters) move(to *Name) {
	for i := range c.cells {
		from := c.cells[i].Load()
		if from == nil || !from.fresh.Load() {
			continue
		}
		from.fresh.Store(false)
		for lane := range numLanes {
			if s := from.lane(lane); s != nil {
				var late sketch.Sketch
				if s.Take(&late) > 0 {
					to.place(0).cell.merge(lane, &late)
				}
			}
		}
	}
}

// merge adds responses of a lane.
func (c *cell) merge(lane Lane, times *sketch.Sketch) {
	s := c.lane(lane)
	if s == nil {
		s = c.growLane(lane)
	}
	s.Merge(times)
	c.fresh.Store(true)
}

// addTotal adds to d all that was read since the beginning.
func (c *counters) addTotal(d *Counts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mergeTotal(d)
}

// mergeTotal is addTotal for one who holds mu.
func (c *counters) mergeTotal(d *Counts) {
	d.Merge(&c.total)
	if c.packed != nil {
		_ = d.Times.MergeBinary(c.packed) // sound: rest made it
	}
}

// rest packs the times of a name that has had no response for a while, as most names of
// most services.
func (c *counters) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var scratch [1024]byte
	packed, _ := c.total.Times.AppendBinary(scratch[:0]) // its error is always nil
	c.packed, c.total.Times = bytes.Clone(packed), sketch.Sketch{}
}
