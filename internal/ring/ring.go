// Package ring keeps columns of numbers over one shared axis of time, the newest
// points overwriting the oldest. A number nobody set is absent and read as NaN.
//
// Nothing here locks; the owner does.
package ring

import (
	"math"
	"time"
)

// Ring is the axis of time: up to a fixed number of points, always ascending.
type Ring struct {
	times   []int64 // Unix milliseconds
	newest  int     // slot of the newest point
	n       int
	columns []clearer
}

// clearer is what lies on a ring: Floats or Rows.
type clearer interface {
	// clear makes a slot absent, in which a point is about to begin.
	clear(slot int)
	// bytes is about what it takes in memory.
	bytes() int
}

// New returns an empty ring for capacity points.
func New(capacity int) *Ring {
	return &Ring{times: make([]int64, capacity), newest: -1}
}

// Len returns how many points there are.
func (r *Ring) Len() int { return r.n }

// Time returns the time of point i, counted from the oldest.
func (r *Ring) Time(i int) time.Time { return time.UnixMilli(r.times[r.slot(i)]).UTC() }

// slot maps point i, counted from the oldest, to where it lies.
func (r *Ring) slot(i int) int {
	s := r.newest - r.n + 1 + i
	if s < 0 {
		s += len(r.times)
	}
	return s
}

// Append opens a point at t, absent in every column. Points at or after t, which a
// clock that was set back leaves behind, are dropped first, so time always ascends.
func (r *Ring) Append(t time.Time) {
	ms := t.UnixMilli()
	for r.n > 0 && r.times[r.newest] >= ms {
		r.newest = (r.newest - 1 + len(r.times)) % len(r.times)
		r.n--
	}
	r.newest = (r.newest + 1) % len(r.times)
	r.n = min(r.n+1, len(r.times))
	r.times[r.newest] = ms
	for _, c := range r.columns {
		c.clear(r.newest)
	}
}

// Bytes returns about what the ring and its columns take in memory.
func (r *Ring) Bytes() int {
	n := 8 * len(r.times)
	for _, c := range r.columns {
		n += c.bytes()
	}
	return n
}

// After returns the index of the first point later than t, Len when there is none.
func (r *Ring) After(t time.Time) int {
	ms := t.UnixMilli()
	lo, hi := 0, r.n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r.times[r.slot(mid)] > ms {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Remove takes rows off the ring; they must not be used any more.
func (r *Ring) Remove(c *Rows) {
	for i, other := range r.columns {
		if other == clearer(c) {
			last := len(r.columns) - 1
			r.columns[i], r.columns[last] = r.columns[last], nil
			r.columns = r.columns[:last]
			return
		}
	}
}

// chunkLen slots of a column are allocated together, when the first is set: a
// column that is seldom fed costs little.
const chunkLen = 128

// Floats adds a column that keeps seven significant digits in four bytes. Numbers beyond
// 3.4e38 either way are kept as that.
func (r *Ring) Floats() *Floats {
	c := &Floats{r: r, chunks: make([]*[chunkLen]float32, (len(r.times)+chunkLen-1)/chunkLen)}
	r.columns = append(r.columns, c)
	return c
}

// Floats is a column of a ring.
type Floats struct {
	r      *Ring
	chunks []*[chunkLen]float32
}

var nan32 = float32(math.NaN())

// Set gives the newest point a value.
func (c *Floats) Set(v float64) {
	s := c.r.newest
	if c.chunks[s/chunkLen] == nil {
		chunk := new([chunkLen]float32)
		for i := range chunk {
			chunk[i] = nan32
		}
		c.chunks[s/chunkLen] = chunk
	}
	c.chunks[s/chunkLen][s%chunkLen] = float32(min(max(v, -math.MaxFloat32), math.MaxFloat32))
}

// At returns the value of point i, counted from the oldest, NaN when absent. It is
// one of single precision: a conversion to float32 and back does not change it.
func (c *Floats) At(i int) float64 {
	s := c.r.slot(i)
	if chunk := c.chunks[s/chunkLen]; chunk != nil {
		return float64(chunk[s%chunkLen])
	}
	return math.NaN()
}

func (c *Floats) bytes() int {
	n := 8 * len(c.chunks)
	for _, chunk := range c.chunks {
		if chunk != nil {
			n += 4 * chunkLen
		}
	}
	return n
}

func (c *Floats) clear(s int) {
	if chunk := c.chunks[s/chunkLen]; chunk != nil {
		chunk[s%chunkLen] = nan32
	}
}

// A logarithmic code: 0 is absent, 1 is zero, and the others step from least to
// greatest by equal ratios.
const (
	codeAbsent = 0
	codeZero   = 1
	codeLeast  = 2
	codeMost   = math.MaxUint16

	least    = 1e-9
	greatest = 1e9
)

var codeStep = math.Log(greatest/least) / (codeMost - codeLeast)

func encode(v float64) uint16 {
	switch {
	case math.IsNaN(v):
		return codeAbsent
	case v < least/2:
		return codeZero
	case v <= least:
		return codeLeast
	case v >= greatest:
		return codeMost
	}
	return codeLeast + uint16(math.Round(math.Log(v/least)/codeStep))
}

func decode(c uint16) float64 {
	switch c {
	case codeAbsent:
		return math.NaN()
	case codeZero:
		return 0
	}
	c -= codeLeast
	return float64(float32(coarse[c>>8] * fine[c&0xff]))
}

// coarse and fine are what 256 codes and one code make, so that a code is decoded by one
// multiplication.
var coarse, fine = func() (coarse, fine [256]float64) {
	for i := range fine {
		coarse[i] = least * math.Exp(float64(i<<8)*codeStep)
		fine[i] = math.Exp(float64(i) * codeStep)
	}
	return coarse, fine
}()
