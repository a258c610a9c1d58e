package httpapi

import (
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

// eventsAnswer is the answer of GET events/.
type eventsAnswer struct {
	Events     []perfmon.Marker `json:"events"`
	NextCursor *string          `json:"next_cursor"` // null on the last page
}

// eventAnswer is the answer of POST events/.
type eventAnswer struct {
	Event perfmon.Marker `json:"event"`
}

// defaultEvents is how far back events are listed: they are few, and matter for longer
// than figures.
const defaultEvents = 7 * 24 * time.Hour

// listEvents pages through deploys and other markers, newest first.
func (a *API) listEvents(r *request) (answer, error) {
	q := readParams(r)
	window := q.hours("hours", defaultEvents, perfmon.MarkerRetention)
	kind := q.oneOf("kind", string(perfmon.MarkerDeploy), string(perfmon.MarkerNote))
	limit := q.int("limit", defaultLimit, 1, maxLimit)
	before := q.cursor()
	if err := q.finish(); err != nil {
		return nil, err
	}
	out := eventsAnswer{Events: []perfmon.Marker{}}
	for _, m := range r.by.markers(a.m.History().Markers(window)) {
		if kind != "" && string(m.Kind) != kind || before != "" && m.ID >= before {
			continue
		}
		if len(out.Events) == limit {
			out.NextCursor = &out.Events[limit-1].ID
			break
		}
		out.Events = append(out.Events, m)
	}
	return reply(http.StatusOK, out)
}

// addEvent marks now.
func (a *API) addEvent(r *request) (answer, error) {
	if err := superAdmin(r.by, "events"); err != nil {
		return nil, err
	}
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	names := wire{
		"Kind":    {name: "kind", want: `"deploy" or "note"`},
		"Version": {name: "version", want: "a text of at most 200 bytes"},
		"Title":   {name: "title", want: "a text of at most 200 bytes"},
	}
	kind, version, title := read(body, names["Kind"], parseText), read(body, names["Version"], parseText), read(body, names["Title"], parseText)
	if err := body.finish(); err != nil {
		return nil, err
	}
	m, err := a.m.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerKind(orEmpty(kind)), Version: orEmpty(version), Title: orEmpty(title)}, r.by.Name)
	if err != nil {
		return nil, names.translate(err)
	}
	return reply(http.StatusCreated, eventAnswer{m})
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
