// Package block encodes a stretch of history: points over one axis of time, of the service
// and of every scope, and for each scope one sketch of all response times of the stretch.
// A reader takes what it wants and skips the rest.
package block

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/backend-prs/perfmon/internal/wire"
)

// Version is the first byte of the encoding that this package writes.
const Version = 1

// Figures is how many columns a scope has.
const Figures = 6

// Block is a stretch of history.
type Block struct {
	Times   []int64 // when each point ended, in Unix milliseconds, ascending
	Elapsed []int64 // how much time each stands for, in milliseconds
	Metrics []Metric
	Scopes  []Scope
}

// Metric is a column of the service.
type Metric struct {
	Name   string
	Values []float32 // one for each time, NaN for none
}

// Scope is what there is of an endpoint or an organization.
type Scope struct {
	Endpoint, Organization string

	// All of the block's time: what was counted, and the encoded sketch of the response
	// times.
	Requests, Errors uint64
	Times            []byte

	// Codes are the figures of its points, one for each time. What they stand for is the
	// caller's; small steps take little room.
	Codes [Figures][]uint16
}

// AppendBinary appends the block's encoding: a version, the times, the columns of the
// service, the scopes, each with its length before it, and a checksum. A point of a scope
// takes about four bytes, and the sketch of a scope a few hundred.
func (b *Block) AppendBinary(data []byte) []byte {
	start := len(data)
	data = append(data, Version)
	data = wire.AppendUint(data, uint64(len(b.Times)))
	before := int64(0)
	for _, t := range b.Times {
		data = wire.AppendInt(data, t-before)
		before = t
	}
	for _, e := range b.Elapsed {
		data = wire.AppendUint(data, uint64(e))
	}
	data = wire.AppendUint(data, uint64(len(b.Metrics)))
	for _, m := range b.Metrics {
		data = wire.AppendString(data, m.Name)
		for _, v := range m.Values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	}
	data = wire.AppendUint(data, uint64(len(b.Scopes)))
	var body []byte
	for i := range b.Scopes {
		s := &b.Scopes[i]
		data = wire.AppendString(data, s.Endpoint)
		data = wire.AppendString(data, s.Organization)
		body = s.appendBody(body[:0])
		data = wire.AppendBytes(data, body)
	}
	return wire.Seal(data, start)
}

func (s *Scope) appendBody(b []byte) []byte {
	b = wire.AppendUint(b, s.Requests)
	b = wire.AppendUint(b, s.Errors)
	b = wire.AppendBytes(b, s.Times)
	for _, codes := range s.Codes {
		b = appendColumn(b, codes)
	}
	return b
}

// Want says what a reader takes.
type Want struct {
	// Metric picks columns of the service; nil takes none.
	Metric func(name string) bool
	// Scope picks scopes; nil takes none.
	Scope func(endpoint, organization string) bool
	// Codes picks columns of them, by bits: 1 is the first. Sums says whether the sketch is
	// wanted.
	Codes uint
	Sums  bool
}

// AllCodes picks all columns of scopes.
const AllCodes = 1<<Figures - 1

// Everything is all there is.
var Everything = Want{
	Metric: func(string) bool { return true }, Scope: func(string, string) bool { return true }, Codes: AllCodes, Sums: true,
}

// Read returns what is wanted of an encoded block. Sketches are parts of data; all else is
// copied. Damaged data and an unknown version yield an error.
func Read(data []byte, want Want) (*Block, error) {
	if len(data) > 0 && data[0] > Version {
		return nil, fmt.Errorf("block: encoding of version %d: this package reads versions up to %d", data[0], Version)
	}
	body, err := wire.Open(data)
	if err != nil {
		return nil, fmt.Errorf("block: %w", err)
	}
	r := wire.Read(body)
	r.Take(1)
	b := &Block{}
	n := r.Count(2)
	b.Times, b.Elapsed = make([]int64, n), make([]int64, n)
	at := int64(0)
	for i := range b.Times {
		at += r.Int()
		b.Times[i] = at
	}
	for i := range b.Elapsed {
		b.Elapsed[i] = int64(r.Uint())
	}
	for range r.Count(1) {
		b.readMetric(r, n, want)
	}
	for range r.Count(3) {
		b.readScope(r, n, want)
	}
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("block: %w", err)
	}
	return b, nil
}

func (b *Block) readMetric(r *wire.Reader, n int, want Want) {
	name, values := r.String(), r.Take(4*n)
	if want.Metric == nil || r.Err() != nil || !want.Metric(name) {
		return
	}
	m := Metric{name, make([]float32, n)}
	for i := range m.Values {
		m.Values[i] = math.Float32frombits(binary.LittleEndian.Uint32(values[4*i:]))
	}
	b.Metrics = append(b.Metrics, m)
}

func (b *Block) readScope(r *wire.Reader, n int, want Want) {
	s := Scope{Endpoint: r.String(), Organization: r.String()}
	body := r.Bytes()
	if want.Scope == nil || r.Err() != nil || !want.Scope(s.Endpoint, s.Organization) {
		return
	}
	in := wire.Read(body)
	s.Requests, s.Errors, s.Times = in.Uint(), in.Uint(), in.Bytes()
	if !want.Sums {
		s.Times = nil
	}
	if want.Codes != 0 {
		for i := range s.Codes {
			if want.Codes&(1<<i) == 0 {
				skipColumn(in)
				continue
			}
			s.Codes[i] = readColumn(in, n)
		}
	}
	r.Join(in)
	b.Scopes = append(b.Scopes, s)
}
