package middleware

import (
	"net/http"
	"reflect"

	"github.com/backend-prs/perfmon"
)

// slabSize is how many writers one allocation holds. Twelve of 40 bytes fill a size class
// of the allocator to the byte (480); more of them per allocation saves next to nothing.
const slabSize = 12

// pooled is what requests use one after the other, about one for each processor. One
// request has it at a time, in the goroutine that called the middleware.
type pooled struct {
	// These never change, so that a writer may read them after its request has ended.
	monitor  *perfmon.Monitor
	recorder *perfmon.Recorder

	returned bool              // the handler has, rather than panicked
	slab     *[slabSize]writer // nil: none yet
	next     int               // the first writer of the slab that was not used yet

	// The kind of the writer before: most are of one type.
	lastType reflect.Type
	lastKind int

	_ [64]byte // no two share a cache line
}

// newWriter returns a writer that was never used.
func (p *pooled) newWriter(inner http.ResponseWriter) *writer {
	if p.slab == nil || p.next == slabSize {
		p.slab, p.next = new([slabSize]writer), 0
	}
	w := &p.slab[p.next]
	p.next++
	w.inner, w.pooled = inner, p
	return w
}

// timesHooks picks the first request of each slab.
func (p *pooled) timesHooks() bool { return p.next == 1 }

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
