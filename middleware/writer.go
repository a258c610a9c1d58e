package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"unsafe"

	"github.com/backend-prs/perfmon"
)

// writer notes the status of a response and passes everything on. It is pooled; one
// request has it at a time.
type writer struct {
	inner    http.ResponseWriter
	recorder *perfmon.Recorder
	response perfmon.Response // what is known of it so far; Status 0: none yet
	returned bool             // the handler has, rather than panicked
	stream   bool
	hijacked bool
	ignored  bool

	// What the inner writer of the request before was: most are of one type.
	lastType unsafe.Pointer
	lastKind int

	_ [64]byte // no two writers share a cache line
}

func (w *writer) begin(inner http.ResponseWriter) {
	w.inner = inner
	w.response.Status = 0
	if r := &w.response; r.User != "" || r.Session != "" || r.Organization != "" {
		r.User, r.Session, r.Organization = "", "", ""
	}
	w.returned, w.stream, w.hijacked, w.ignored = false, false, false, false
	w.recorder.Start()
}

func (w *writer) Header() http.Header { return w.inner.Header() }

func (w *writer) WriteHeader(status int) {
	// 1xx is information ahead of the answer, but for the end of HTTP on this
	// connection.
	if w.response.Status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.response.Status = status
		if status == http.StatusSwitchingProtocols {
			w.PerfmonStream()
		}
	}
	w.inner.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.response.Status == 0 {
		w.response.Status = http.StatusOK
	}
	return w.inner.Write(b)
}

// WriteString keeps io.WriteString from copying.
func (w *writer) WriteString(s string) (int, error) {
	if w.response.Status == 0 {
		w.response.Status = http.StatusOK
	}
	return io.WriteString(w.inner, s)
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.inner }

// PerfmonIgnore, PerfmonStream and PerfmonIdentify make this a mark.Request.
func (w *writer) PerfmonIgnore() { w.ignored = true }

func (w *writer) PerfmonStream() {
	if !w.stream {
		w.stream = true
		w.recorder.Upgrade()
	}
}

func (w *writer) PerfmonIdentify(user, session, organization string) {
	if user != "" {
		w.response.User = user
	}
	if session != "" {
		w.response.Session = session
	}
	if organization != "" {
		w.response.Organization = organization
	}
}

// flushing notes what a flush tells about the response.
func (w *writer) flushing() {
	if w.response.Status == 0 {
		w.response.Status = http.StatusOK
	}
	if w.stream {
		return
	}
	// Every stream flushes, so that other responses need not be looked at.
	if t := w.inner.Header().Get("Content-Type"); strings.HasPrefix(t, "text/event-stream") ||
		strings.HasPrefix(t, "multipart/x-mixed-replace") {
		w.PerfmonStream()
	}
}

func (w *writer) flush() {
	w.flushing()
	w.inner.(http.Flusher).Flush()
}

func (w *writer) flushError() error {
	w.flushing()
	if f, ok := w.inner.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	w.inner.(http.Flusher).Flush()
	return nil
}

func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := w.inner.(http.Hijacker).Hijack()
	if err == nil {
		w.hijacked = true
		if w.response.Status == 0 {
			w.response.Status = http.StatusSwitchingProtocols
		}
		w.PerfmonStream()
	}
	return conn, buf, err
}

func (w *writer) readFrom(r io.Reader) (int64, error) {
	if w.response.Status == 0 {
		w.response.Status = http.StatusOK
	}
	return w.inner.(io.ReaderFrom).ReadFrom(r)
}

func (w *writer) push(target string, opts *http.PushOptions) error {
	return w.inner.(http.Pusher).Push(target, opts)
}
