package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/backend-prs/perfmon"
)

//go:generate go run generate.go

// writer is the response writer that a handler holds. It notes the status of the response
// and passes everything on. It serves one request and is never used again: a goroutine
// that still writes after the handler has returned reaches the server's own writer, as it
// would without this one, and never the response to another request.
//
// Any goroutine may call it at any time.
type writer struct {
	inner http.ResponseWriter // kept after the end, for late calls
	from  unsafe.Pointer      // *origin; atomic once a handler has the writer
	state atomic.Uint32       // a status and flags
}

// origin is what a writer belongs to. It never changes: the writer of a request that a
// handler has identified gets another one. So a writer takes 32 bytes, of which two fill a
// cache line, and not 40; fresh memory is most of what a writer costs.
type origin struct {
	recorder   *perfmon.Recorder
	identity   Identity
	identified bool
}

func (w *writer) origin() *origin { return (*origin)(atomic.LoadPointer(&w.from)) }

func (w *writer) recorder() *perfmon.Recorder { return w.origin().recorder }

// The state of a writer. Each flag is set once and never cleared. Whoever sets a flag
// learns which flags were set before, so that each count has one owner.
const (
	statusMask   uint32 = 0xffff  // final status, 0: none yet
	headerAsked  uint32 = 1 << 16 // the handler asked for the header, so may have changed it
	isStream     uint32 = 1 << 17
	isIgnored    uint32 = 1 << 18
	isDone       uint32 = 1 << 19 // the handler has returned
	isIdentified uint32 = 1 << 21 // a handler said who made the request
	timesHooks   uint32 = 1 << 20 // the functions of the host are timed: of one request in slabSize
)

func (w *writer) Header() http.Header {
	if w.state.Load()&headerAsked == 0 {
		w.state.Or(headerAsked)
	}
	return w.inner.Header()
}

func (w *writer) WriteHeader(status int) {
	// Other 1xx are information ahead of the final status; 101 ends HTTP on this
	// connection.
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.note(status)
	}
	w.inner.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.note(http.StatusOK)
	return w.inner.Write(b)
}

// WriteString saves io.WriteString a copy.
func (w *writer) WriteString(s string) (int, error) {
	w.note(http.StatusOK)
	return io.WriteString(w.inner, s)
}

// Unwrap is for http.ResponseController. What it returns still notices a flush and a
// hijack that the inner writer, or one further down, offers.
func (w *writer) Unwrap() http.ResponseWriter {
	_, flush := find[http.Flusher](w.inner)
	_, hijack := find[http.Hijacker](w.inner)
	switch {
	case flush && hijack:
		return belowFH{below{w}}
	case flush:
		return belowF{below{w}}
	case hijack:
		return belowH{below{w}}
	}
	return w.inner
}

// note keeps the first final status, which is when the header is written.
func (w *writer) note(status int) {
	if s := w.state.Load(); s&statusMask == 0 {
		w.noteFirst(s, status)
	}
}

func (w *writer) noteFirst(s uint32, status int) {
	// After the end, only the caller's own goroutine may look at the header.
	if status == http.StatusSwitchingProtocols || s&(headerAsked|isDone) == headerAsked && hasStreamType(w.inner) {
		w.PerfmonStream()
		s |= isStream
	}
	for bits := uint32(min(status, int(statusMask))); !w.state.CompareAndSwap(s, s|bits); {
		if s = w.state.Load(); s&statusMask != 0 {
			return
		}
	}
}

// hasStreamType reports whether the Content-Type is one of an endless response.
func hasStreamType(w http.ResponseWriter) bool {
	values := w.Header()["Content-Type"]
	return len(values) > 0 && maybeStreamType(values[0]) && isStreamType(values[0])
}

// maybeStreamType looks at two letters, which is enough for nearly all types.
func maybeStreamType(value string) bool {
	if len(value) < len("text/event-stream") {
		return false
	}
	switch value[0] | 0x20 {
	case 't':
		return value[5]|0x20 == 'e'
	case 'm', ' ', '\t' | 0x20:
		return true
	}
	return false
}

func isStreamType(value string) bool {
	mediaType, _, _ := strings.Cut(value, ";")
	mediaType = strings.TrimSpace(mediaType)
	return strings.EqualFold(mediaType, "text/event-stream") || strings.EqualFold(mediaType, "multipart/x-mixed-replace")
}

// PerfmonIgnore makes the request count as ended now.
func (w *writer) PerfmonIgnore() {
	before := w.state.Or(isIgnored)
	if before&(isIgnored|isDone) != 0 {
		return
	}
	if before&isStream != 0 {
		w.recorder().CloseStream()
	}
	w.recorder().Discard()
}

// PerfmonStream makes the request count as an open stream from now on.
func (w *writer) PerfmonStream() {
	if w.state.Load()&isStream == 0 && w.state.Or(isStream)&(isStream|isIgnored|isDone) == 0 {
		w.recorder().OpenStream()
	}
}

// PerfmonIdentify replaces the identity by one with these parts.
func (w *writer) PerfmonIdentify(user, session, organization string) {
	for {
		old := w.origin()
		o := *old
		o.identified = true
		if user != "" {
			o.identity.User = user
		}
		if session != "" {
			o.identity.Session = session
		}
		if organization != "" {
			o.identity.Organization = organization
		}
		if atomic.CompareAndSwapPointer(&w.from, unsafe.Pointer(old), unsafe.Pointer(&o)) {
			w.state.Or(isIdentified)
			return
		}
	}
}

// endIdentity counts the response for those whom the handler has named.
func (w *writer) endIdentity(took time.Duration, status int, stream bool) {
	if o := w.origin(); o.identified {
		o.recorder.EndIdentity(took, status, stream, o.identity.User, o.identity.Session, o.identity.Organization)
	}
}

// PerfmonMonitor returns the monitor that counts the request.
func (w *writer) PerfmonMonitor() any { return w.recorder().Monitor() }

func (w *writer) flush() {
	w.note(http.StatusOK)
	w.inner.(http.Flusher).Flush()
}

func (w *writer) flushError() error {
	w.note(http.StatusOK)
	if f, ok := w.inner.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	w.inner.(http.Flusher).Flush()
	return nil
}

func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := w.inner.(http.Hijacker).Hijack()
	return w.hijacked(conn, buf, err)
}

// hijacked notes that the connection was taken over, unless there is an error.
func (w *writer) hijacked(conn net.Conn, buf *bufio.ReadWriter, err error) (net.Conn, *bufio.ReadWriter, error) {
	if err == nil {
		w.PerfmonStream()
		w.note(http.StatusSwitchingProtocols)
	}
	return conn, buf, err
}

func (w *writer) readFrom(r io.Reader) (int64, error) {
	w.note(http.StatusOK)
	return w.inner.(io.ReaderFrom).ReadFrom(r)
}

func (w *writer) push(target string, opts *http.PushOptions) error {
	return w.inner.(http.Pusher).Push(target, opts)
}

func (w *writer) closeNotify() <-chan bool {
	return w.inner.(closeNotifier).CloseNotify()
}
