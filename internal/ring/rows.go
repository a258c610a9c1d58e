package ring

import (
	"math"
	"math/bits"
	"sort"
)

// Rows are a few columns that are set together, such as the figures of an endpoint. Each has
// a scale of its own. Values are read in single precision, so that they may be written with
// the few digits that takes. Nothing is kept of spans without a value.
//
// A number takes two bytes while its span of 64 points is the newest. Then the span is
// packed: each column in as many bits as its values differ in, mostly 10 or 11.
type Rows struct {
	r      *Ring
	scales []Scale  // of the columns
	packed []span   // ascending by number; none is that of open
	at     int      // the number of the open span
	open   []uint16 // slot by slot, from the first one with a value to the last
	first  int      // the slot of open's first row, within the span
}

// span is spanLen slots of all columns, packed.
type span struct {
	number int
	data   []byte
}

const spanLen = 64

// Rows adds a column for each scale. It keeps scales.
func (r *Ring) Rows(scales []Scale) *Rows {
	rows := &Rows{r: r, scales: scales}
	r.columns = append(r.columns, rows)
	return rows
}

// Set gives the newest point a value in a column.
func (c *Rows) Set(column int, v float64) { c.SetCode(column, c.scales[column].Code(v)) }

// At returns the value of a column at point i, counted from the oldest, NaN when absent. It
// is one of single precision: a conversion to float32 and back does not change it.
func (c *Rows) At(column, i int) float64 {
	slot := c.r.slot(i)
	if slot/spanLen == c.at {
		return c.scales[column].number(c.openCode(column, slot%spanLen))
	}
	if i, ok := c.find(slot / spanLen); ok {
		return c.scales[column].number(unpackOne(c.packed[i].data, column, slot%spanLen))
	}
	return math.NaN()
}

// Read sets values to those of a column at point i and the ones that follow it, as At does
// for one.
func (c *Rows) Read(column, i int, values []float64) {
	for len(values) > 0 {
		slot := c.r.slot(i)
		n := min(len(values), spanLen-slot%spanLen, len(c.r.times)-slot)
		c.readSpan(column, slot, values[:n])
		i += n
		values = values[n:]
	}
}

// readSpan reads slots of one span.
func (c *Rows) readSpan(column, slot int, values []float64) {
	number, first, scale := slot/spanLen, slot%spanLen, &c.scales[column]
	if number == c.at {
		for j := range values {
			values[j] = scale.number(c.openCode(column, first+j))
		}
		return
	}
	at, ok := c.find(number)
	if !ok {
		for j := range values {
			values[j] = math.NaN()
		}
		return
	}
	data := columnOf(c.packed[at].data, column)
	for j := range values {
		values[j] = scale.number(code(data, first+j))
	}
}

func (c *Rows) bytes() int {
	n := 2*cap(c.open) + 32*cap(c.packed)
	for _, s := range c.packed {
		n += cap(s.data)
	}
	return n
}

// clear makes a slot absent in all columns.
func (c *Rows) clear(slot int) {
	c.turnTo(slot / spanLen)
	if at := (slot%spanLen - c.first) * len(c.scales); at >= 0 && at < len(c.open) {
		clear(c.open[at : at+len(c.scales)])
	}
}

// openCode returns the code of a column in a slot of the open span.
func (c *Rows) openCode(column, slot int) uint16 {
	if at := (slot - c.first) * len(c.scales); at >= 0 && at < len(c.open) {
		return c.open[at+column]
	}
	return codeAbsent
}

// row returns the codes of a slot of the open span, to be written to.
func (c *Rows) row(slot int) []uint16 {
	if len(c.open) == 0 {
		c.first = slot
	}
	if slot < c.first { // the clock was set back
		c.open = append(make([]uint16, (c.first-slot)*len(c.scales)), c.open...)
		c.first = slot
	}
	at := (slot - c.first) * len(c.scales)
	for len(c.open) <= at {
		c.open = append(c.open, make([]uint16, len(c.scales))...)
	}
	return c.open[at : at+len(c.scales)]
}

// turnTo packs the open span and opens another one.
func (c *Rows) turnTo(number int) {
	if number == c.at {
		return
	}
	if c.open != nil {
		if data := pack(c.openCode, len(c.scales)); data != nil {
			i, _ := c.find(c.at)
			c.packed = append(c.packed, span{})
			copy(c.packed[i+1:], c.packed[i:])
			c.packed[i] = span{c.at, data}
		}
		c.open = nil
	}
	c.at = number
	if i, ok := c.find(number); ok {
		c.open, c.first = unpack(c.packed[i].data, len(c.scales)), 0
		last := len(c.packed) - 1
		copy(c.packed[i:], c.packed[i+1:])
		c.packed[last] = span{}
		c.packed = c.packed[:last]
	}
}

// find returns the place of a span in packed, or where it would be.
func (c *Rows) find(number int) (i int, ok bool) {
	i = sort.Search(len(c.packed), func(i int) bool { return c.packed[i].number >= number })
	return i, i < len(c.packed) && c.packed[i].number == number
}

// A packed column is its least code, two bytes, the bits of a number, one byte, and the
// numbers: 0 is absent, others are what a code is above the least, and one.
const columnHead = 3

// pack packs a span, nil where it holds nothing.
func pack(open func(column, slot int) uint16, columns int) []byte {
	var scratch [1024]byte
	var codes [spanLen]uint16
	data, any := scratch[:0], false
	for column := range columns {
		for i := range codes {
			codes[i] = open(column, i)
		}
		least, most := uint16(math.MaxUint16), uint16(0)
		for _, c := range codes {
			if c != codeAbsent {
				least, most = min(least, c), max(most, c)
			}
		}
		width := 0
		if most > 0 {
			any = true
			width = bits.Len32(uint32(most-least) + 1)
		}
		data = append(data, byte(least), byte(least>>8), byte(width))
		var word uint64
		filled := 0
		for _, c := range codes {
			if c != codeAbsent {
				word |= uint64(uint32(c-least)+1) << filled
			}
			for filled += width; filled >= 8; filled -= 8 {
				data = append(data, byte(word))
				word >>= 8
			}
		}
	}
	if !any {
		return nil
	}
	return append([]byte(nil), data...)
}

// A column of width bits takes spanLen*width/8 bytes, which is whole: spanLen is a multiple
// of 8.
func unpack(data []byte, columns int) []uint16 {
	open := make([]uint16, columns*spanLen)
	for column := range columns {
		for i := range spanLen {
			open[i*columns+column] = unpackOne(data, column, i)
		}
	}
	return open
}

// unpackOne returns a code of a column.
func unpackOne(data []byte, column, i int) uint16 { return code(columnOf(data, column), i) }

// columnOf returns a column of a span, and what follows it.
func columnOf(data []byte, column int) []byte {
	for range column {
		data = data[columnHead+spanLen/8*int(data[2]):]
	}
	return data
}

// code returns number i of a column.
func code(data []byte, i int) uint16 {
	least, width := uint16(data[0])|uint16(data[1])<<8, int(data[2])
	data = data[columnHead:]
	var word uint32
	bit := i * width
	for j := 0; 8*j < bit%8+width; j++ { // three bytes at most: width is 17 at most
		word |= uint32(data[bit/8+j]) << (8 * j)
	}
	word = word >> (bit % 8) & (1<<width - 1)
	if word == 0 {
		return codeAbsent
	}
	return least + uint16(word-1)
}
