package digest

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/backend-prs/perfmon/sketch"
)

// Version is the first byte of the encoding that this package writes.
const Version = 1

// ErrDamaged is what decoding returns, wrapped, for data that AppendBinary cannot have
// written.
var ErrDamaged = errors.New("damaged encoding")

// AppendBinary appends the log's encoding: the version, and for each entry its beginning
// and its end in Unix milliseconds as varints, its responses, its errors and the length
// of its sketch as unsigned varints, and the sketch's own encoding. The error is always
// nil.
func (l *Log) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, Version)
	var own []byte
	for _, e := range l.all() {
		b = binary.AppendVarint(b, e.from)
		b = binary.AppendVarint(b, e.to)
		b = binary.AppendUvarint(b, e.responses)
		b = binary.AppendUvarint(b, e.errors)
		var times sketch.Sketch
		addPacked(e.times, &times)
		own, _ = times.AppendBinary(own[:0]) // its error is always nil
		b = binary.AppendUvarint(b, uint64(len(own)))
		b = append(b, own...)
	}
	return b, nil
}

// UnmarshalBinary makes the log what was encoded. It keeps no part of data. An unknown
// version and damaged data yield an error and change nothing.
func (l *Log) UnmarshalBinary(data []byte) error {
	if len(data) == 0 {
		return fmt.Errorf("digest: %w: it is empty", ErrDamaged)
	}
	if data[0] != Version {
		return fmt.Errorf("digest: encoding of version %d: this package reads version %d", data[0], Version)
	}
	var entries []entry
	for data = data[1:]; len(data) > 0; {
		e, rest, err := decode(data)
		if err != nil {
			return fmt.Errorf("digest: entry %d: %w", len(entries), err)
		}
		entries, data = append(entries, e), rest
	}
	l.entries, l.open = entries, nil
	return nil
}

// decode reads an entry and returns what follows it.
func decode(data []byte) (e entry, rest []byte, err error) {
	var length uint64
	signed := func(v *int64) {
		n := 0
		if *v, n = binary.Varint(data); n <= 0 {
			err = fmt.Errorf("%w: a number is cut", ErrDamaged)
			return
		}
		data = data[n:]
	}
	unsigned := func(v *uint64) {
		n := 0
		if *v, n = binary.Uvarint(data); n <= 0 {
			err = fmt.Errorf("%w: a number is cut", ErrDamaged)
			return
		}
		data = data[n:]
	}
	signed(&e.from)
	signed(&e.to)
	unsigned(&e.responses)
	unsigned(&e.errors)
	unsigned(&length)
	if err != nil {
		return e, nil, err
	}
	if length > uint64(len(data)) {
		return e, nil, fmt.Errorf("%w: a sketch of %d bytes, and %d are left", ErrDamaged, length, len(data))
	}
	if e.from > e.to || e.responses == 0 || e.errors > e.responses {
		return e, nil, fmt.Errorf("%w: %d responses and %d errors from %d to %d", ErrDamaged, e.responses, e.errors, e.from, e.to)
	}
	var times sketch.Sketch
	if err := times.UnmarshalBinary(data[:length]); err != nil {
		return e, nil, err
	}
	e.times = pack(&times)
	if times.Count() > e.responses {
		return e, nil, fmt.Errorf("%w: %d response times of %d responses", ErrDamaged, times.Count(), e.responses)
	}
	return e, data[length:], nil
}
