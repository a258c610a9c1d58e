package perfmon

import (
	"fmt"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/wire"
)

// pointVersion is the first byte of a Point's binary encoding.
const pointVersion = 1

// AppendBinary appends the point's encoding for stores: a version, its fields, and a
// checksum. It takes about 10 bytes for each value and, for each scope, its name and its
// sketch. The error is always nil.
func (p Point) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, pointVersion)
	b = wire.AppendTime(b, p.Time)
	b = wire.AppendFloat(b, p.ElapsedSeconds)
	names := sortedNames(p.Values) // the same point is the same bytes
	b = wire.AppendUint(b, uint64(len(names)))
	for _, name := range names {
		b = wire.AppendString(b, name)
		b = wire.AppendFloat(b, p.Values[name].Float())
	}
	b = wire.AppendUint(b, uint64(len(p.Scopes)))
	for _, s := range p.Scopes {
		b = wire.AppendString(b, s.Endpoint)
		b = wire.AppendString(b, s.Organization)
		b = wire.AppendUint(b, s.Requests)
		b = wire.AppendUint(b, s.Errors)
		b = wire.AppendBytes(b, s.Times)
	}
	return wire.Seal(b, start), nil
}

// UnmarshalBinary makes p what was encoded. It keeps no part of data. Damaged data and an
// unknown version yield an error and change nothing.
func (p *Point) UnmarshalBinary(data []byte) error {
	body, err := versioned("point", data, pointVersion)
	if err != nil {
		return err
	}
	r := wire.Read(body)
	read := Point{Time: r.Time(), ElapsedSeconds: r.Float()}
	n := r.Count(9)
	read.Values = make(map[string]Value, n)
	for range n {
		name := r.String()
		read.Values[name] = ValueOf(r.Float())
	}
	if n = r.Count(5); n > 0 {
		read.Scopes = make([]ScopePoint, n)
	}
	for i := range read.Scopes {
		s := &read.Scopes[i]
		s.Endpoint, s.Organization = r.String(), r.String()
		s.Requests, s.Errors = r.Uint(), r.Uint()
		s.Times = slices.Clone(r.Bytes())
	}
	if err := r.End(); err != nil {
		return fmt.Errorf("perfmon: point: %w", err)
	}
	*p = read
	return nil
}

// versioned checks the checksum and the version of an encoding, and returns what follows.
func versioned(what string, data []byte, version byte) ([]byte, error) {
	if len(data) > 0 && data[0] > version {
		return nil, fmt.Errorf("perfmon: %s: encoding of version %d: this perfmon reads versions up to %d", what, data[0], version)
	}
	body, err := wire.Open(data)
	if err == nil && (len(body) == 0 || body[0] == 0) {
		err = fmt.Errorf("%w: it has no version", wire.ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("perfmon: %s: %w", what, err)
	}
	return body[1:], nil
}
