package middleware

import (
	"net/http"
	"reflect"
	"unsafe"
)

// slabSize is how many writers one allocation holds. Sixteen of 32 bytes fill a size class
// of the allocator to the byte (512); more of them per allocation saves next to nothing.
const slabSize = 16

// pooled is where requests get their writers, one of it for each processor or so. A request
// has it only while it takes its writer.
type pooled struct {
	origin *origin           // of its writers
	slab   *[slabSize]writer // nil: none yet
	next   int               // the first writer of the slab that was not used yet

	// The kind of the writer before: most are of one type.
	lastType reflect.Type
	lastKind int

	_ [64]byte // no two share a cache line
}

// newWriter returns a writer that was never used.
func (p *pooled) newWriter(inner http.ResponseWriter) *writer {
	if p.slab == nil || p.next == slabSize {
		p.newSlab()
	}
	w := &p.slab[p.next]
	p.next++
	w.inner, w.from = inner, unsafe.Pointer(p.origin)
	return w
}

//go:noinline
func (p *pooled) newSlab() {
	p.slab, p.next = new([slabSize]writer), 0
	p.slab[0].state.Store(timesHooks)
}

// unwraps marks the kind of a writer that may have another one of the middleware's below.
const unwraps = 1 << 5

// kind says which optional interfaces w implements, and whether it unwraps. To ask takes
// 10 to 20 ns, so the answer is kept with the type of w.
func (p *pooled) kind(w http.ResponseWriter) int {
	t := reflect.TypeOf(w)
	if t == p.lastType {
		return p.lastKind
	}
	kind := kindOf(w)
	if _, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		kind |= unwraps
	}
	p.lastType, p.lastKind = t, kind
	return kind
}
