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
)

// stream is the answer of GET realtime/. One goroutine writes it.
type stream struct {
	a      *API
	by     Principal
	caller caller
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
	release, refused := s.a.openings.take(s.caller)
	if refused != nil {
		refused.write(w, r)
		return
	}
	defer release()
	s.at = latest(s.a.m.Alerts()) // before the client knows that it hears of everything
	if err := s.serve(newLine(w), r); errors.Is(err, errNoFlush) {
		for _, name := range []string{"Content-Type", "X-Accel-Buffering"} {
			w.Header().Del(name)
		}
		cannotFlush.write(w, r)
	}
	// With any other error the client is gone, or the stream has ended.
}

var (
	closing     = &problem{Status: http.StatusServiceUnavailable, Detail: "The monitor or its API is closed: there is nothing to stream any more."}
	cannotFlush = &problem{
		Status: http.StatusNotImplemented,
		Detail: "Events cannot be streamed here, because the response cannot be flushed, as in http.TimeoutHandler: mount the API outside of it.",
	}
)

// serve writes the stream until it ends. It returns why; with errNoFlush, nothing
// was sent.
func (s *stream) serve(out *line, r *http.Request) error {
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
	if err := out.open(); err != nil {
		return err
	}
	if err := s.begin(out, in); err != nil {
		return err
	}
	asking := newAsking(s.a, s.by, r)
	for beats := 1; ; {
		select {
		case <-out.interrupted:
			return errEnded
		case <-asking.refused:
			return errEnded
		case f := <-in.queue:
			if err := s.send(out, f); err != nil {
				return err
			}
		case <-ticker.C:
			if err := out.send([]byte(":\n\n")); err != nil {
				return err
			}
			if beats%askAgainAfter == 0 && !asking.again() {
				return errEnded
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
		if err := out.send([]byte(s.id(at) + "\n")); err != nil { // no event: it sets the ID alone
			return err
		}
		if s.a.hub.join(in, at.number) {
			return nil
		}
	}
}

func (s *stream) reset(out *line, at position) error {
	var missed resetEvent
	if s.by.SuperAdmin {
		missed.After = &at.number
	}
	data, err := encodeEvent("reset", missed)
	if err != nil {
		return err
	}
	return out.send(append([]byte(s.id(at)), data...))
}

// id is the line with the ID of a place.
func (s *stream) id(at position) string { return "id: " + s.a.places.write(at, s.by) + "\n" }

// send writes a frame, that of an alert event with its ID.
func (s *stream) send(out *line, f *frame) error {
	if f.at.number == 0 {
		return out.send(f.data)
	}
	return out.send(append([]byte(s.id(f.at)), f.data...))
}

func (s *stream) replay(out *line, e *perfmon.AlertEvent) error {
	if !s.by.sees(e.Alert.Organization) {
		return nil
	}
	f, err := s.a.hub.alerts.of(e, s.by)
	if err != nil {
		return err
	}
	return s.send(out, f)
}
