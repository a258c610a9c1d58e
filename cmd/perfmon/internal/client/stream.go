package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// Event is what Follow reports. Exactly one of its pointers and booleans is set.
type Event struct {
	Name, Data string              // of the event as the server sent it; "" where it did not come from there
	Step       *perfmon.Sample     // of a step
	Live       *perfmon.Sample     // of the last second
	Alert      *perfmon.AlertEvent // a change of an alert
	Reset      bool                // changes of alerts may be missed: read them anew
	Connected  bool
	Lost       *Lost
}

// Lost says why there is no stream, and when the next try is.
type Lost struct {
	Err   error
	Retry time.Duration
}

const (
	// silence is how long a stream may be without a line: the server sends a comment
	// every 15 s.
	silence  = 50 * time.Second
	retry    = 3 * time.Second // until the server says another
	maxRetry = 30 * time.Second
	maxLine  = 16 << 20
)

// errSilent ends a stream that is open, but dead.
var errSilent = errors.New("nothing came for " + silence.String())

// Follow calls f with the events of GET realtime/ until ctx ends. A stream that ends is
// opened again, where it was: no change of an alert is missed or told twice. It waits
// longer from try to try, up to 30 s.
func (c *Client) Follow(ctx context.Context, clk clock.Clock, f func(Event)) {
	s := stream{c: c, clock: clk, f: f, retry: retry}
	wait := time.Duration(0)
	for ctx.Err() == nil {
		s.connected = false
		err := s.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if wait *= 2; s.connected || wait == 0 {
			wait = s.retry
		}
		wait = min(wait, maxRetry)
		var refused *Error
		if errors.As(err, &refused) {
			if n, err := strconv.Atoi(refused.RetryAfter); err == nil {
				wait = max(wait, time.Duration(n)*time.Second)
			}
		}
		t := clk.Timer(wait)
		f(Event{Lost: &Lost{err, wait}})
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

// stream is a place in the events of a server. It belongs to one goroutine.
type stream struct {
	c         *Client
	clock     clock.Clock
	f         func(Event)
	id        string // to resume after
	retry     time.Duration
	connected bool
}

// read reports events until the stream ends.
func (s *stream) read(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := s.clock.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.id != "" {
		header["Last-Event-ID"] = []string{s.id}
	}
	resp, err := s.c.open(ctx, http.MethodGet, "realtime/", nil, nil, header)
	if err != nil {
		var refused *Error
		if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
			s.id = "" // of a server that is another one now
		}
		return cause(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	s.connected = true
	s.f(Event{Connected: true})
	return cause(ctx, s.lines(resp.Body, func() { watchdog.Reset(silence) }))
}

// cause says why ctx ended where that is why something failed.
func cause(ctx context.Context, err error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return err
}

// lines parses a stream as the HTML standard has it.
func (s *stream) lines(body io.Reader, alive func()) error {
	scan := bufio.NewScanner(body)
	scan.Buffer(make([]byte, 0, 64<<10), maxLine)
	var name string
	var data []string
	id := s.id
	for scan.Scan() {
		alive()
		line := scan.Text()
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			s.id = id
			if len(data) > 0 {
				s.report(name, strings.Join(data, "\n"))
			}
			name, data = "", nil
		case field == "event":
			name = value
		case field == "data":
			data = append(data, value)
		case field == "id":
			id = value
		case field == "retry":
			if ms, err := strconv.Atoi(value); err == nil && ms >= 0 {
				s.retry = min(max(time.Duration(ms)*time.Millisecond, 100*time.Millisecond), maxRetry)
			}
		}
	}
	if err := scan.Err(); err != nil {
		return err
	}
	return errors.New("the server closed the stream")
}

// report decodes an event. One that cannot be decoded, or is of a later version, is left
// out.
func (s *stream) report(name, data string) {
	e := Event{Name: name, Data: data}
	var err error
	switch name {
	case "metrics":
		e.Step = new(perfmon.Sample)
		err = json.Unmarshal([]byte(data), e.Step)
	case "live":
		e.Live = new(perfmon.Sample)
		err = json.Unmarshal([]byte(data), e.Live)
	case "alert":
		e.Alert = new(perfmon.AlertEvent)
		err = json.Unmarshal([]byte(data), e.Alert)
	case "reset":
		e.Reset = true
	default:
		return
	}
	if err == nil {
		s.f(e)
	}
}
