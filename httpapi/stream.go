package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/backend-prs/perfmon"
)

const (
	// retryAfter is how long a client waits before it reconnects.
	retryAfter = 3 * time.Second
	// heartbeat is how often a comment keeps proxies from closing an idle stream, by the
	// monitor's clock.
	heartbeat = 15 * time.Second
	// A stream asks the authorizer again with each second heartbeat.
	askAgainAfter = 2
	// writeLimit is how long a client may take for a write. It protects the host, so it
	// goes by real time.
	writeLimit = 10 * time.Second
)

// stream is the answer of GET realtime/. One goroutine writes it.
type stream struct {
	a      *API
	by     Principal
	resume *position // nil: from now on
	at     position  // of the client
}

func (s *stream) write(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.a.closed:
		closing.write(w, r)
		return
	case <-s.a.m.Done():
		closing.write(w, r)
		return
	default:
	}
	release, refused := s.a.openings.take(s.by)
	if refused != nil {
		refused.write(w, r)
		return
	}
	defer release()
	s.at = latest(s.a.m.Alerts()) // before the client knows that it hears of everything
	line := &line{w: w, control: http.NewResponseController(w)}
	switch err := line.open(); {
	case errors.Is(err, http.ErrNotSupported):
		for _, name := range []string{"Content-Type", "X-Accel-Buffering"} {
			w.Header().Del(name)
		}
		cannotFlush.write(w, r)
		return
	case err != nil:
		return // the client is gone
	}
	s.serve(line, r)
}

var (
	closing     = &problem{Status: http.StatusServiceUnavailable, Detail: "The monitor or its API is closed: there is nothing to stream any more."}
	cannotFlush = &problem{
		Status: http.StatusNotImplemented,
		Detail: "Events cannot be streamed here, because the response cannot be flushed, as in http.TimeoutHandler: mount the API outside of it.",
	}
)

// serve writes the stream until it ends.
func (s *stream) serve(out *line, r *http.Request) {
	in := newReader(s.by)
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-in.cut:
		case <-s.a.closed:
		case <-s.a.m.Done():
		case <-r.Context().Done():
		case <-ended:
		}
		out.interrupt()
	})
	defer out.end()
	defer watching.Wait()
	defer close(ended)
	defer s.a.hub.leave(in)

	ticker := s.a.m.Clock().Ticker(heartbeat)
	defer ticker.Stop()
	if err := s.begin(out, in); err != nil {
		return
	}
	asking := newAsking(s.a, s.by, r)
	for beats := 1; ; {
		select {
		case <-out.interrupted:
			return
		case <-asking.refused:
			return
		case f := <-in.queue:
			if out.send(f.data) != nil {
				return
			}
		case <-ticker.C:
			if out.send([]byte(":\n\n")) != nil {
				return
			}
			if beats%askAgainAfter == 0 && !asking.again() {
				return
			}
			beats++
		}
	}
}

// begin writes what the client missed, and joins the hub where that ends.
func (s *stream) begin(out *line, in *reader) error {
	if err := out.send(fmt.Appendf(nil, "retry: %d\n\n", retryAfter.Milliseconds())); err != nil {
		return err
	}
	alerts := s.a.m.Alerts()
	at := s.at
	if s.resume != nil {
		at = *s.resume
		if !at.follows(alerts) {
			at = position{number: alerts.Events(0, 1).From}
			if err := s.reset(out, at); err != nil {
				return err
			}
		}
	}
	for {
		page := alerts.Events(at.number, eventPage)
		if !page.Complete { // the log went past this stream
			at = position{number: page.From}
			if err := s.reset(out, at); err != nil {
				return err
			}
			continue
		}
		for i := range page.List {
			e := &page.List[i]
			at = positionOf(e)
			if err := s.replay(out, e); err != nil {
				return err
			}
		}
		if len(page.List) == eventPage {
			continue
		}
		if err := out.send(encodePosition(at)); err != nil {
			return err
		}
		if s.a.hub.join(in, at.number) {
			return nil
		}
	}
}

func (s *stream) reset(out *line, at position) error {
	data, err := encodeEvent("reset", at.String(), resetEvent{at.number})
	if err != nil {
		return err
	}
	return out.send(data)
}

func (s *stream) replay(out *line, e *perfmon.AlertEvent) error {
	if !s.by.sees(e.Alert.Organization) {
		return nil
	}
	f, err := alertFrame(e)
	if err != nil {
		return err
	}
	return out.send(f.data)
}

// line writes to a client, each time within a limit.
type line struct {
	w           http.ResponseWriter
	control     *http.ResponseController
	interrupted chan struct{}

	mu    sync.Mutex
	state lineState // mu
}

type lineState int

const (
	idle lineState = iota
	writing
	over
)

var errInterrupted = errors.New("the stream has ended")

// open sends the header. Where the response cannot be flushed, it sends nothing and
// returns http.ErrNotSupported.
func (l *line) open() error {
	l.interrupted = make(chan struct{})
	streamHeader(l.w.Header())
	// A limit of the server on reading a request would end the stream as well. Writers
	// that take no limits are those of tests.
	_ = l.control.SetReadDeadline(time.Time{})
	return l.timed(l.control.Flush)
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
		return errInterrupted
	}
	err := f()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != writing {
		return errInterrupted
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
