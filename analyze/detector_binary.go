package analyze

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// detectorVersion is the first byte of a Detector's encoding.
const detectorVersion = 3

var (
	errDamaged = errors.New("analyze: detector: the encoding is damaged")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// AppendBinary appends the state of the Detector to b: a version, the state, and a
// checksum, up to 24 KiB. The error is always nil. A Detector that UnmarshalBinary
// makes of it goes on exactly as this one.
func (d *Detector) AppendBinary(b []byte) ([]byte, error) {
	begin := len(b)
	b = append(b, detectorVersion)
	for _, v := range []uint64{d.n, d.usual, d.held, d.every, d.quiet} {
		b = binary.AppendUvarint(b, v)
	}
	b = binary.AppendVarint(b, d.began)
	for _, part := range d.floats() {
		for _, v := range part {
			b = appendFloat(b, *v)
		}
	}
	for _, v := range d.past[:d.held] {
		b = appendFloat(b, v)
	}
	for _, s := range d.day {
		b = binary.AppendUvarint(b, uint64(s.n))
		if s.n > 0 {
			b = binary.AppendVarint(b, s.first)
			b = binary.AppendVarint(b, s.today)
			for _, v := range [...]float64{s.level, s.peak, s.before} {
				b = appendFloat(b, v)
			}
		}
	}
	for i := range d.tails {
		b = d.tails[i].append(b)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[begin:], castagnoli)), nil
}

// MarshalBinary returns what AppendBinary appends.
func (d *Detector) MarshalBinary() ([]byte, error) { return d.AppendBinary(nil) }

// UnmarshalBinary sets the Detector to what AppendBinary appended. Damaged data, and
// data of a version that this package does not know, yield an error and leave the
// Detector as it was.
func (d *Detector) UnmarshalBinary(data []byte) error {
	if len(data) == 0 {
		return errDamaged
	}
	if data[0] != detectorVersion {
		return fmt.Errorf("analyze: detector: the encoding has version %d: want %d", data[0], detectorVersion)
	}
	end := len(data) - crc32.Size
	if end < 1 || binary.LittleEndian.Uint32(data[end:]) != crc32.Checksum(data[:end], castagnoli) {
		return errDamaged
	}
	var read Detector
	r := reader{data: data[1:end]}
	for _, v := range []*uint64{&read.n, &read.usual, &read.held, &read.every, &read.quiet} {
		*v = r.uvarint()
	}
	read.began = r.varint()
	for _, part := range read.floats() {
		for _, v := range part {
			*v = r.float()
		}
	}
	if read.held > kept || read.every > sparsest {
		return errDamaged
	}
	for i := range read.held {
		read.past[i] = r.float()
	}
	for i := range read.day {
		if n := r.uvarint(); n > math.MaxUint32 {
			r.failed = true
		} else if n > 0 {
			read.day[i] = slot{n: uint32(n), first: r.varint(), today: r.varint(), level: r.float(), peak: r.float(), before: r.float()}
			r.failed = r.failed || read.day[i].peak < 0 || read.day[i].before < 0
		}
	}
	for i := range read.tails {
		r.tail(&read.tails[i])
	}
	for _, rank := range read.ranks {
		r.failed = r.failed || !(rank >= 0 && rank <= 1)
	}
	if r.failed || len(r.data) > 0 || read.reported < 0 || read.peak < 0 {
		return errDamaged
	}
	*d = read
	return nil
}

// MarshalText returns the binary encoding in base64, so that a Detector can be a part of
// JSON, as a value as well as by pointer.
func (d Detector) MarshalText() ([]byte, error) {
	b, err := d.AppendBinary(nil)
	return base64.StdEncoding.AppendEncode(nil, b), err
}

// UnmarshalText reads what MarshalText returned; see UnmarshalBinary.
func (d *Detector) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("analyze: detector: %w", err)
	}
	return d.UnmarshalBinary(b)
}

// floats are the numbers that every Detector has.
func (d *Detector) floats() [][]*float64 {
	pointers := func(x []float64) (p []*float64) {
		for i := range x {
			p = append(p, &x[i])
		}
		return p
	}
	return [][]*float64{{&d.fast, &d.slow, &d.peak, &d.reported}, pointers(d.values[:]), pointers(d.ranks[:]), pointers(d.rests[:])}
}

// append appends the tail: total, unit and first number, how many bins have a weight, and of each how
// many were left out before it, and its weight.
func (t *tail) append(b []byte) []byte {
	used := 0
	for _, w := range t.weight {
		if w != 0 {
			used++
		}
	}
	b = appendFloat(b, t.total)
	b = appendFloat(b, t.unit)
	b = appendFloat(b, t.first)
	b = binary.AppendUvarint(b, uint64(used))
	next := 0
	for i, w := range t.weight {
		if w != 0 {
			b = binary.AppendUvarint(b, uint64(i-next))
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w))
			next = i + 1
		}
	}
	return b
}

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// A reader takes apart an encoding. After a failure it returns zeros.
type reader struct {
	data   []byte
	failed bool
}

// take returns the next n bytes, or nil where there are fewer.
func (r *reader) take(n int) []byte {
	if r.failed || len(r.data) < n {
		r.failed = true
		return nil
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.failed = true
		return 0
	}
	r.take(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.failed = true
		return 0
	}
	r.take(n)
	return v
}

// float reads a number that a Detector can hold: not NaN, and hardly beyond largestValue.
func (r *reader) float() float64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if !(math.Abs(v) <= 2*largestValue) {
		r.failed = true
	}
	return v
}

func (r *reader) tail(t *tail) {
	t.total, t.unit, t.first = r.float(), r.float(), r.float()
	used := r.uvarint()
	empty := t.total == 0 && t.unit == 0 && t.first == 0 && used == 0
	if t.first < 0 || !empty && (t.unit < 1 || t.total < t.unit/2 || t.total > maxTotal || used == 0) {
		r.failed = true
	}
	next := uint64(0)
	for range used {
		skipped, b := r.uvarint(), r.take(4)
		if r.failed || skipped >= bins-next {
			r.failed = true
			return
		}
		w := math.Float32frombits(binary.LittleEndian.Uint32(b))
		if !(w > 0 && w <= maxTotal) {
			r.failed = true
			return
		}
		t.weight[next+skipped] = w
		next += skipped + 1
	}
}
