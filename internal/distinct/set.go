package distinct

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/exp/slices"
)

// Set is a set of strings of which only the size can be asked. Sets of several slices of
// time and of several processes merge to the set of all. It belongs to one goroutine at a
// time. The zero value is empty and ready.
//
// It keeps the hashes themselves while there are at most 1024, so that small numbers are
// exact, and beyond that 8 KiB of registers.
type Set struct {
	few       map[uint64]struct{}
	registers *[registers]uint8 // nil while few will do
}

const maxFew = 1024

// Add adds a string.
func (s *Set) Add(str string) { s.add(hash(str)) }

func (s *Set) add(h uint64) {
	if s.registers != nil {
		s.raise(h)
		return
	}
	if s.few == nil {
		s.few = map[uint64]struct{}{}
	}
	s.few[h] = struct{}{}
	if len(s.few) > maxFew {
		s.estimate()
	}
}

// estimate goes over from hashes to registers.
func (s *Set) estimate() {
	if s.registers != nil {
		return
	}
	s.registers = new([registers]uint8)
	for h := range s.few {
		s.raise(h)
	}
	s.few = nil
}

func (s *Set) raise(h uint64) {
	i, rank := place(h)
	s.registers[i] = max(s.registers[i], rank)
}

// place returns the register of a hash and the rank it raises that to.
func place(h uint64) (register uint64, rank uint8) {
	return h >> (64 - precision), uint8(bits.LeadingZeros64(h<<precision|1<<(precision-1))) + 1
}

// Merge adds what o holds. It does not change o.
func (s *Set) Merge(o *Set) {
	for h := range o.few {
		s.add(h)
	}
	if o.registers == nil {
		return
	}
	s.estimate()
	for i, rank := range o.registers {
		s.registers[i] = max(s.registers[i], rank)
	}
}

// Count returns how many different strings there are: exactly up to 1024, beyond that
// with a standard error of 1.15 %.
func (s *Set) Count() uint64 {
	if s.registers == nil {
		return uint64(len(s.few))
	}
	var histogram [ranks + 2]int // how many registers hold each rank
	for _, rank := range s.registers {
		histogram[rank]++
	}
	return estimate(histogram[:])
}

// Version is the first byte of the encoding that this package writes. It stands for the
// hash and the number of registers, too.
const Version = 1

// What follows the version.
const (
	encodedFew       = 0 // hashes in ascending order, 8 bytes each, little-endian
	encodedRegisters = 1 // a byte for each register
)

// ErrDamaged is what decoding returns, wrapped, for data that AppendBinary cannot have
// written.
var ErrDamaged = errors.New("damaged encoding")

// AppendBinary appends the set's encoding, which takes 8 KiB at most. The error is always
// nil.
func (s *Set) AppendBinary(b []byte) ([]byte, error) {
	if s.registers != nil {
		return append(append(b, Version, encodedRegisters), s.registers[:]...), nil
	}
	b = append(b, Version, encodedFew)
	hashes := make([]uint64, 0, len(s.few))
	for h := range s.few {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	for _, h := range hashes {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return b, nil
}

// MergeBinary adds what an encoding holds, of this process or of another. An unknown
// version and damaged data yield an error and change nothing.
func (s *Set) MergeBinary(data []byte) error {
	o, err := decode(data)
	if err != nil {
		return fmt.Errorf("distinct: %w", err)
	}
	s.Merge(o)
	return nil
}

func decode(data []byte) (*Set, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrDamaged)
	}
	if data[0] != Version {
		return nil, fmt.Errorf("encoding of version %d: this package reads version %d", data[0], Version)
	}
	if len(data) == 1 {
		return nil, fmt.Errorf("%w: it ends after the version", ErrDamaged)
	}
	kind, data := data[1], data[2:]
	switch {
	case kind == encodedFew && len(data)%8 == 0 && len(data)/8 <= maxFew:
		return decodeFew(data)
	case kind == encodedRegisters && len(data) == registers:
		return decodeRegisters(data)
	}
	return nil, fmt.Errorf("%w: %d bytes of kind %d", ErrDamaged, len(data), kind)
}

func decodeFew(data []byte) (*Set, error) {
	s := &Set{few: make(map[uint64]struct{}, len(data)/8)}
	last := uint64(0)
	for ; len(data) > 0; data = data[8:] {
		h := binary.LittleEndian.Uint64(data)
		if h <= last {
			return nil, fmt.Errorf("%w: its hashes do not ascend", ErrDamaged)
		}
		last = h
		s.few[h] = struct{}{}
	}
	return s, nil
}

func decodeRegisters(data []byte) (*Set, error) {
	s := &Set{registers: new([registers]uint8)}
	for i, rank := range data {
		if rank > ranks+1 {
			return nil, fmt.Errorf("%w: rank %d", ErrDamaged, rank)
		}
		s.registers[i] = rank
	}
	return s, nil
}
