package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"unsafe"
)

// The types below are a writer with each combination of what a server's response
// writer may be besides: F a Flusher, H a Hijacker, R an io.ReaderFrom, P a Pusher.
// Each is one pointer, so that making it an interface allocates nothing.
type (
	writerF    struct{ *writer }
	writerH    struct{ *writer }
	writerFH   struct{ *writer }
	writerR    struct{ *writer }
	writerFR   struct{ *writer }
	writerHR   struct{ *writer }
	writerFHR  struct{ *writer }
	writerP    struct{ *writer }
	writerFP   struct{ *writer }
	writerHP   struct{ *writer }
	writerFHP  struct{ *writer }
	writerRP   struct{ *writer }
	writerFRP  struct{ *writer }
	writerHRP  struct{ *writer }
	writerFHRP struct{ *writer }
)

// kind says which of the four the inner writer is. Asking takes longer than all the rest
// of this package, so the answer is kept by the writer's type: the first word of an
// interface value points to what there is one of for each type.
func (w *writer) kind() int {
	t := *(*unsafe.Pointer)(unsafe.Pointer(&w.inner))
	if t == w.lastType {
		return w.lastKind
	}
	kind := 0
	if _, ok := w.inner.(http.Flusher); ok {
		kind |= 1
	}
	if _, ok := w.inner.(http.Hijacker); ok {
		kind |= 2
	}
	if _, ok := w.inner.(io.ReaderFrom); ok {
		kind |= 4
	}
	if _, ok := w.inner.(http.Pusher); ok {
		kind |= 8
	}
	w.lastType, w.lastKind = t, kind
	return kind
}

// wrapped returns w as what its inner writer is, no less and no more.
func (w *writer) wrapped() http.ResponseWriter {
	switch w.kind() {
	case 1:
		return writerF{w}
	case 2:
		return writerH{w}
	case 3:
		return writerFH{w}
	case 4:
		return writerR{w}
	case 5:
		return writerFR{w}
	case 6:
		return writerHR{w}
	case 7:
		return writerFHR{w}
	case 8:
		return writerP{w}
	case 9:
		return writerFP{w}
	case 10:
		return writerHP{w}
	case 11:
		return writerFHP{w}
	case 12:
		return writerRP{w}
	case 13:
		return writerFRP{w}
	case 14:
		return writerHRP{w}
	case 15:
		return writerFHRP{w}
	}
	return w
}

func (w writerF) Flush()    { w.flush() }
func (w writerFH) Flush()   { w.flush() }
func (w writerFR) Flush()   { w.flush() }
func (w writerFHR) Flush()  { w.flush() }
func (w writerFP) Flush()   { w.flush() }
func (w writerFHP) Flush()  { w.flush() }
func (w writerFRP) Flush()  { w.flush() }
func (w writerFHRP) Flush() { w.flush() }

func (w writerF) FlushError() error    { return w.flushError() }
func (w writerFH) FlushError() error   { return w.flushError() }
func (w writerFR) FlushError() error   { return w.flushError() }
func (w writerFHR) FlushError() error  { return w.flushError() }
func (w writerFP) FlushError() error   { return w.flushError() }
func (w writerFHP) FlushError() error  { return w.flushError() }
func (w writerFRP) FlushError() error  { return w.flushError() }
func (w writerFHRP) FlushError() error { return w.flushError() }

func (w writerH) Hijack() (net.Conn, *bufio.ReadWriter, error)    { return w.hijack() }
func (w writerFH) Hijack() (net.Conn, *bufio.ReadWriter, error)   { return w.hijack() }
func (w writerHR) Hijack() (net.Conn, *bufio.ReadWriter, error)   { return w.hijack() }
func (w writerFHR) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w writerHP) Hijack() (net.Conn, *bufio.ReadWriter, error)   { return w.hijack() }
func (w writerFHP) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w writerHRP) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w writerFHRP) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w writerR) ReadFrom(r io.Reader) (int64, error)    { return w.readFrom(r) }
func (w writerFR) ReadFrom(r io.Reader) (int64, error)   { return w.readFrom(r) }
func (w writerHR) ReadFrom(r io.Reader) (int64, error)   { return w.readFrom(r) }
func (w writerFHR) ReadFrom(r io.Reader) (int64, error)  { return w.readFrom(r) }
func (w writerRP) ReadFrom(r io.Reader) (int64, error)   { return w.readFrom(r) }
func (w writerFRP) ReadFrom(r io.Reader) (int64, error)  { return w.readFrom(r) }
func (w writerHRP) ReadFrom(r io.Reader) (int64, error)  { return w.readFrom(r) }
func (w writerFHRP) ReadFrom(r io.Reader) (int64, error) { return w.readFrom(r) }

func (w writerP) Push(target string, o *http.PushOptions) error    { return w.push(target, o) }
func (w writerFP) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w writerHP) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w writerFHP) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w writerRP) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w writerFRP) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w writerHRP) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w writerFHRP) Push(target string, o *http.PushOptions) error { return w.push(target, o) }
