// Package wire writes and reads the fields of binary encodings: varints, strings, numbers
// and times, one after the other and without names. A reader checks every length before it
// believes it, so that damaged data yields an error and never a panic.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// ErrDamaged is what a Reader reports, wrapped, for data that no writer can have written.
var ErrDamaged = errors.New("damaged encoding")

// AppendUint appends an unsigned varint.
func AppendUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// AppendInt appends a varint.
func AppendInt(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

// AppendBool appends a byte, 0 or 1.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendString appends a length and a string.
func AppendString(b []byte, s string) []byte {
	return append(AppendUint(b, uint64(len(s))), s...)
}

// AppendBytes appends a length and bytes.
func AppendBytes(b, s []byte) []byte {
	return append(AppendUint(b, uint64(len(s))), s...)
}

// AppendFloat appends the eight bytes of a number. NaN comes back as NaN.
func AppendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// AppendTime appends a time as its distance from 1970 in nanoseconds. The zero time comes
// back as it is, times between the years 1678 and 2261 come back in UTC.
func AppendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return AppendInt(b, math.MinInt64)
	}
	return AppendInt(b, t.UnixNano())
}

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seal appends a checksum of b from byte start on.
func Seal(b []byte, start int) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// Open checks the checksum that Seal has appended and returns what comes before it.
func Open(data []byte) ([]byte, error) {
	n := len(data) - 4
	if n < 0 || crc32.Checksum(data[:n], castagnoli) != binary.LittleEndian.Uint32(data[n:]) {
		return nil, fmt.Errorf("%w: its checksum does not match", ErrDamaged)
	}
	return data[:n], nil
}

// Reader reads what the functions above have appended. After an error it returns zero
// values.
type Reader struct {
	data []byte
	err  error
}

// Read returns a reader of data, which it keeps no copy of.
func Read(data []byte) *Reader { return &Reader{data: data} }

// Len returns how many bytes are left.
func (r *Reader) Len() int { return len(r.data) }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// End returns the first error; bytes that are left over are one.
func (r *Reader) End() error {
	if r.err == nil && len(r.data) > 0 {
		r.fail("%d bytes are left over", len(r.data))
	}
	return r.err
}

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
	}
	r.data = nil
}

// Uint reads an unsigned varint.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail("a number is cut")
		return 0
	}
	r.data = r.data[n:]
	return v
}

// Int reads a varint.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail("a number is cut")
		return 0
	}
	r.data = r.data[n:]
	return v
}

// Count reads a number of things that take at least so many bytes each.
func (r *Reader) Count(size int) int {
	n := r.Uint()
	if n > uint64(len(r.data)/max(size, 1)) {
		r.fail("%d of something, and %d bytes are left", n, len(r.data))
		return 0
	}
	return int(n)
}

// Bytes reads a length and bytes; they are a part of the data.
func (r *Reader) Bytes() []byte {
	n := r.Count(1)
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// String reads a length and a string.
func (r *Reader) String() string { return string(r.Bytes()) }

// Take reads so many bytes; they are a part of the data.
func (r *Reader) Take(n int) []byte {
	if n < 0 || n > len(r.data) {
		r.fail("%d bytes, and %d are left", n, len(r.data))
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// Bool reads a byte that is 0 or 1.
func (r *Reader) Bool() bool {
	if len(r.data) == 0 || r.data[0] > 1 {
		r.fail("no yes or no")
		return false
	}
	v := r.data[0] == 1
	r.data = r.data[1:]
	return v
}

// Float reads a number.
func (r *Reader) Float() float64 {
	if len(r.data) < 8 {
		r.fail("a number is cut")
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.data))
	r.data = r.data[8:]
	return v
}

// Time reads a time.
func (r *Reader) Time() time.Time {
	v := r.Int()
	if r.err != nil || v == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, v).UTC()
}

// Join takes over the error of a reader of a part.
func (r *Reader) Join(part *Reader) {
	if part.err != nil {
		r.err, r.data = part.err, nil
	}
}
