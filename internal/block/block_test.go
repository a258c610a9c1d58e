package block_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/internal/block"
	"github.com/backend-prs/perfmon/internal/wire"
)

// example returns a block of n points with all sorts of columns.
func example(n int) *block.Block {
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	b := &block.Block{Times: make([]int64, n), Elapsed: make([]int64, n)}
	at := int64(1.8e12)
	for i := range n {
		b.Elapsed[i] = 60_000 + rng.Int64N(20)
		at += b.Elapsed[i]
		b.Times[i] = at
	}
	for _, name := range []string{"error_rate", "queue_size"} {
		m := block.Metric{Name: name, Values: make([]float32, n)}
		for i := range m.Values {
			m.Values[i] = rng.Float32()
			if rng.IntN(5) == 0 {
				m.Values[i] = float32(math.NaN())
			}
		}
		b.Metrics = append(b.Metrics, m)
	}
	columns := []func(i int) uint16{
		func(int) uint16 { return 0 },
		func(int) uint16 { return 65535 },
		func(int) uint16 { return uint16(rng.Uint32()) },
		func(i int) uint16 { return uint16(1000 + i%3) },
		func(i int) uint16 { return uint16(i % 2 * 65535) },
		func(int) uint16 { return uint16(30000 + rng.NormFloat64()*200) },
	}
	for _, endpoint := range []string{"GET /", "POST /orders/{id}/pay", ""} {
		s := block.Scope{Endpoint: endpoint, Requests: rng.Uint64(), Errors: 3, Times: []byte{1, 2, 3}}
		if endpoint == "" {
			s.Organization, s.Times = "acme", nil
		}
		for c := range s.Codes {
			for i := range n {
				s.Codes[c] = append(s.Codes[c], columns[(c+len(b.Scopes))%len(columns)](i))
			}
		}
		b.Scopes = append(b.Scopes, s)
	}
	return b
}

var alike = []cmp.Option{cmpopts.EquateNaNs(), cmpopts.EquateEmpty()}

// A block comes back whole, and a part of it as it is in the whole.
func TestBlockComesBack(t *testing.T) {
	for _, n := range []int{0, 1, 2, 60, 288, 3600} {
		want := example(n)
		data := want.AppendBinary([]byte("before"))[len("before"):]
		got, err := block.Read(data, block.Everything)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, alike...); diff != "" {
			t.Errorf("%d points (-want +got):\n%.2000s", n, diff)
		}
		part, err := block.Read(data, block.Want{
			Metric: func(name string) bool { return name == "queue_size" }, Scope: func(_, organization string) bool { return organization == "acme" }, Codes: 1 << 4,
		})
		if err != nil {
			t.Fatal(err)
		}
		want.Metrics, want.Scopes = want.Metrics[1:], want.Scopes[2:]
		for c := range want.Scopes[0].Codes {
			if c != 4 {
				want.Scopes[0].Codes[c] = nil
			}
		}
		if diff := cmp.Diff(want, part, alike...); diff != "" {
			t.Errorf("%d points, a part (-want +got):\n%.2000s", n, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	sound := example(10).AppendBinary(nil)
	for i := range sound {
		damaged := append([]byte{}, sound...)
		damaged[i] ^= 0x10
		if _, err := block.Read(damaged, block.Everything); err == nil {
			t.Fatalf("byte %d was changed, and nobody noticed", i)
		}
	}
	for _, data := range [][]byte{nil, {1}, sound[:len(sound)-1]} {
		if _, err := block.Read(data, block.Everything); !errors.Is(err, wire.ErrDamaged) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
	if _, err := block.Read([]byte{9, 0, 0, 0, 0, 0}, block.Everything); err == nil || err.Error() != "block: encoding of version 9: this package reads versions up to 1" {
		t.Errorf("a later version: %v", err)
	}
}

// Whatever bytes are read, with a checksum that matches, reading ends with an error or a
// block that comes back.
func FuzzRead(f *testing.F) {
	for _, n := range []int{0, 1, 60} {
		data := example(n).AppendBinary(nil)
		f.Add(data[:len(data)-4])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := block.Read(wire.Seal(append([]byte{}, data...), 0), block.Everything)
		if err != nil {
			return
		}
		again, err := block.Read(b.AppendBinary(nil), block.Everything)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, again, alike...); diff != "" {
			t.Fatalf("the round trip changes it (-want +got):\n%.2000s", diff)
		}
	})
}
