package distinct

import (
	"encoding/binary"
	"fmt"
	"time"
)

// AppendBinary appends the window's state: the version, the length of a slice in
// nanoseconds as an unsigned varint, the beginning of the newest slice in Unix
// milliseconds as a varint, the number of slices as an unsigned varint, and for each
// slice, the oldest first, the length of its set's encoding as an unsigned varint and
// that encoding. The error is always nil. It is called by the one that calls Advance.
func (w *Window) AppendBinary(b []byte) ([]byte, error) {
	w.slices[w.newest] = w.current.Load()
	b = append(b, Version)
	b = binary.AppendUvarint(b, uint64(w.slice))
	b = binary.AppendVarint(b, w.start.UnixMilli())
	b = binary.AppendUvarint(b, uint64(len(w.slices)))
	for i := range w.slices {
		var set Set
		if s := w.slices[(w.newest+1+i)%len(w.slices)]; s != nil {
			s.addTo(&set)
		}
		encoded, _ := set.AppendBinary(nil) // its error is always nil
		b = binary.AppendUvarint(b, uint64(len(encoded)))
		b = append(b, encoded...)
	}
	return b, nil
}

// RestoreBinary makes the window what was encoded, a window of the same slices; Advance
// lets it slide on from there. It is called before Add. An unknown version and damaged
// data yield an error and change nothing.
func (w *Window) RestoreBinary(data []byte) error {
	if len(data) > 0 && data[0] != Version {
		return fmt.Errorf("distinct: window of version %d: this package reads version %d", data[0], Version)
	}
	d := decoder{data: data}
	d.bytes(1) // the version
	slice, start, n := d.uvarint(), d.varint(), d.uvarint()
	if !d.damaged && (slice != uint64(w.slice) || n != uint64(len(w.slices))) {
		return fmt.Errorf("distinct: a window of %d slices of %v: this one has %d of %v", n, time.Duration(slice), len(w.slices), w.slice)
	}
	slices := make([]*sketch, len(w.slices))
	used := false
	for i := range slices {
		encoded := d.bytes(d.uvarint())
		if d.damaged {
			break
		}
		set, err := decode(encoded)
		if err != nil {
			return fmt.Errorf("distinct: slice %d: %w", i, err)
		}
		if set.Count() > 0 {
			slices[i] = set.sketch()
			used = true
		}
	}
	if d.damaged || len(d.data) > 0 {
		return fmt.Errorf("distinct: %w: a window of %d bytes", ErrDamaged, len(data))
	}
	w.slices, w.newest = slices, len(slices)-1
	w.start = time.UnixMilli(start)
	w.current.Store(slices[w.newest])
	w.used.Store(used)
	return nil
}

// sketch returns a slice that has seen what the set holds.
func (s *Set) sketch() *sketch {
	k := new(sketch)
	for h := range s.few {
		register, rank := place(h)
		k.keep(h, fewSlots) // all of them have had a place
		k.raise(register, uint32(rank))
	}
	if s.registers != nil {
		for i, rank := range s.registers {
			k.raise(uint64(i), uint32(rank))
		}
		k.many.Store(true)
	}
	return k
}

// decoder reads a state from its beginning. Once damaged, it reads zeros.
type decoder struct {
	data    []byte
	damaged bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data)
	d.skip(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.data)
	d.skip(n)
	return v
}

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.damaged, d.data = true, nil
		return
	}
	d.data = d.data[n:]
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.data)) {
		d.damaged, d.data = true, nil
		return nil
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}
