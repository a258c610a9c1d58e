package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/backend-prs/perfmon"
)

// realtime streams samples and alert events as Server-Sent Events (HTML standard, WHATWG,
// section 9.2).
func (a *API) realtime(r *request) (answer, error) {
	q := readParams(r)
	from, resumes := q.text(lastEventParam)
	if err := q.finish(); err != nil {
		return nil, err
	}
	// A browser that reconnects sends the header, and the parameter of the first time.
	name := lastEventParam
	if sent := r.Header.Values(lastEventHeader); len(sent) > 0 && sent[0] != "" {
		name, from, resumes = lastEventHeader, strings.Join(sent, ", "), true
	}
	s := &stream{a: a, by: r.by, caller: a.caller(r)}
	if resumes {
		p, ok := a.places.read(from, r.by)
		if !ok {
			return nil, bad(name, quote(from), "the id of an event of this stream")
		}
		s.resume = &p
	}
	if r.Method == http.MethodHead {
		return headOfStream{}, nil
	}
	return s, nil
}

const (
	lastEventHeader = "Last-Event-ID"
	lastEventParam  = "last_event_id"
)

// headOfStream answers HEAD.
type headOfStream struct{}

func (headOfStream) write(w http.ResponseWriter, _ *http.Request) {
	streamHeader(w.Header())
	w.WriteHeader(http.StatusOK)
}

// streamHeader says that a stream follows, which proxies must neither keep nor hold back.
func streamHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
}

// position is a place in the stream of alert events: right after one of them. As text it is
// the ID of that event, for super admins.
type position struct {
	number uint64
	// check tells the event from one with the same number in another process, such as
	// this service before it was restarted without a store; "" where it is not known.
	check string
}

func positionOf(e *perfmon.AlertEvent) position {
	return position{e.Number, strconv.FormatUint(uint64(e.At.UnixNano()), 36)}
}

func (p position) String() string {
	if p.check == "" {
		return strconv.FormatUint(p.number, 10)
	}
	return strconv.FormatUint(p.number, 10) + "-" + p.check
}

func parsePosition(s string) (p position, ok bool) {
	number, check, checked := strings.Cut(s, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != number {
		return p, false
	}
	if c, err := strconv.ParseUint(check, 36, 64); checked && (err != nil || strconv.FormatUint(c, 36) != check) {
		return p, false
	}
	return position{n, check}, true
}

// latest returns the position after the latest event.
func latest(alerts perfmon.Alerts) position {
	last := alerts.Events(0, 1).Last
	if page := alerts.Events(last-min(last, 1), 1); page.Complete && len(page.List) == 1 && page.List[0].Number == last {
		return positionOf(&page.List[0])
	}
	return position{number: last} // of an event that is no longer held, or of none
}

// follows reports whether every event after p is held, and is one of this process.
func (p position) follows(alerts perfmon.Alerts) bool {
	if p.check == "" {
		return alerts.Events(p.number, 1).Complete
	}
	page := alerts.Events(p.number-min(p.number, 1), 1)
	return page.Complete && len(page.List) == 1 && positionOf(&page.List[0]) == p
}

// frame is an event of the stream in its encoding, which streams share. Its ID, which they
// do not, comes first.
type frame struct {
	data         []byte
	at           position // of an alert event; zero: a sample
	organization string   // who may see it; "": everybody
}

// alertFrame returns the frame of an event as a principal is told of it.
func alertFrame(e *perfmon.AlertEvent, by Principal) (*frame, error) {
	data, err := encodeEvent("alert", by.event(*e))
	return &frame{data, positionOf(e), e.Alert.Organization}, err
}

func sampleFrame(s perfmon.Sample) (*frame, error) {
	data, err := encodeEvent("metrics", s)
	return &frame{data: data}, err
}

func liveFrame(s perfmon.Sample) (*frame, error) {
	data, err := encodeEvent("live", s)
	return &frame{data: data}, err
}

// resetEvent says that events may be missed.
type resetEvent struct {
	// After is the number of the event up to which they may be; nil for organization
	// admins.
	After *uint64 `json:"after,omitempty"`
}

// encodeEvent writes an event with a value as JSON, which has no line breaks. Without an
// ID before it the client keeps the last one that it had.
func encodeEvent(event string, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, data), nil
}
