package httpapi

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// writeLimit is how long a client may take for a write. It protects the host, so it goes
// by real time.
const writeLimit = 10 * time.Second

// line writes to a client, each time within a limit. One goroutine writes; any other may
// interrupt it once.
type line struct {
	w           http.ResponseWriter
	control     *http.ResponseController
	interrupted chan struct{} // closed when the line has ended

	mu    sync.Mutex
	state lineState // mu
}

func newLine(w http.ResponseWriter) *line {
	return &line{w: w, control: http.NewResponseController(w), interrupted: make(chan struct{})}
}

type lineState int

const (
	idle lineState = iota
	writing
	over
)

var (
	errEnded   = errors.New("the stream has ended")
	errNoFlush = errors.New("the response cannot be flushed")
)

// open sends the header. Where the response cannot be flushed, it sends nothing and
// returns errNoFlush.
func (l *line) open() error {
	streamHeader(l.w.Header())
	// A limit of the server on reading a request would end the stream as well. Writers
	// that take no limits are those of tests.
	_ = l.control.SetReadDeadline(time.Time{})
	err := l.timed(l.control.Flush)
	if errors.Is(err, http.ErrNotSupported) {
		return errNoFlush
	}
	return err
}

// send writes data and flushes it.
func (l *line) send(data []byte) error {
	return l.timed(func() error {
		if _, err := l.w.Write(data); err != nil {
			return err
		}
		return l.control.Flush()
	})
}

// timed runs f within the limit of a write. Between writes there is none: over HTTP/2 it
// would end a stream that waits.
func (l *line) timed(f func() error) error {
	if !l.enter() {
		return errEnded
	}
	err := f()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != writing {
		return errEnded
	}
	l.state = idle
	_ = l.control.SetWriteDeadline(time.Time{})
	return err
}

func (l *line) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == over {
		return false
	}
	l.state = writing
	_ = l.control.SetWriteDeadline(time.Now().Add(writeLimit))
	return true
}

// interrupt ends the line from another goroutine, also in the middle of a write.
func (l *line) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == writing {
		_ = l.control.SetWriteDeadline(time.Unix(1, 0))
	}
	l.state = over
	close(l.interrupted)
}

// end lets the server write what is left, within the limit.
func (l *line) end() { _ = l.control.SetWriteDeadline(time.Now().Add(writeLimit)) }
