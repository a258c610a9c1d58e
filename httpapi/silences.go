package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// silence is a silence as a principal is told of it.
type silence struct {
	perfmon.Silence
	Active bool `json:"active"` // it holds now
}

// silencesAnswer is the answer of GET silences/.
type silencesAnswer struct {
	Silences []silence `json:"silences"`
}

// silenceAnswer is the answer of POST silences/ and DELETE silences/{id}/.
type silenceAnswer struct {
	Silence silence `json:"silence"`
}

// maxOwnSilences bounds how many silences an organization has that are not over, so that
// there is room for those of others.
const maxOwnSilences = 50

// seesSilence reports whether the principal sees a silence, and may end it: an organization
// admin those of its own organization alone.
func (p Principal) seesSilence(s perfmon.Silence) bool {
	return p.SuperAdmin || p.owns(s.Organization)
}

// silence returns a silence that the principal sees, as it is told of it.
func (a *API) silence(p Principal, s perfmon.Silence) silence {
	s.By = p.author(s.By)
	if s.EndedBy != "" {
		s.EndedBy = p.author(s.EndedBy)
	}
	return silence{s, s.ActiveAt(a.m.Now())}
}

// listSilences lists silences, the newest first.
func (a *API) listSilences(r *request) (answer, error) {
	q := readParams(r)
	open := q.bool("active_only")
	if err := q.finish(); err != nil {
		return nil, err
	}
	out := silencesAnswer{[]silence{}}
	now := a.m.Now()
	for _, s := range a.m.Silences().List() {
		over := !s.EndedAt.IsZero() || !now.Before(s.Until)
		if r.by.seesSilence(s) && !(open && over) {
			out.Silences = append(out.Silences, a.silence(r.by, s))
		}
	}
	return reply(http.StatusOK, out)
}

// silenceWire names the fields of a silence.
var silenceWire = wire{
	"Metric":       {name: "metric_name", want: `a pattern of metrics such as "response_time_*", or nothing for all`},
	"Scope":        {name: "scope", want: `"service", "endpoint", "organization" or nothing for all`},
	"Endpoint":     {name: "endpoint", want: `a pattern of endpoints such as "GET /reports/*", or nothing for all`},
	"Organization": {name: "organization_id", want: "a pattern of organizations, or nothing for all"},
	"From":         {name: "from", want: "a time such as 2026-03-01T12:00:00Z; without it, now"},
	"Until":        {name: "until", want: "a time such as 2026-03-01T12:00:00Z, after it begins and at most 366 days after", own: true},
	"Reason":       {name: "reason", want: "1 to 500 bytes that say why"},
	"Minutes":      {name: "minutes", want: "a number of minutes, over 0, at most 527040, in place of until"},
}

// addSilence adds a silence.
func (a *API) addSilence(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	n, err := a.readSilence(r)
	if err != nil {
		return nil, err
	}
	if !r.by.SuperAdmin { // or requests at the same time would each find room
		a.silencing.Lock()
		defer a.silencing.Unlock()
	}
	if err := a.maySilence(r.by, &n); err != nil {
		return nil, err
	}
	s, err := a.m.Silences().Add(n, r.by.Name)
	if err != nil {
		return nil, silenceWire.translate(err)
	}
	return reply(http.StatusCreated, silenceAnswer{a.silence(r.by, s)})
}

func (a *API) readSilence(r *request) (n perfmon.NewSilence, err error) {
	body, err := readBody(r)
	if err != nil {
		return n, err
	}
	text := func(name string) string { return orEmpty(read(body, silenceWire[name], parseText)) }
	n.Metric, n.Endpoint, n.Organization, n.Reason = text("Metric"), text("Endpoint"), text("Organization"), text("Reason")
	n.Scope = perfmon.ScopeKind(text("Scope"))
	from, until := read(body, silenceWire["From"], parseTime), read(body, silenceWire["Until"], parseTime)
	minutes := read(body, silenceWire["Minutes"], parseSilenceMinutes)
	if err := body.finish(); err != nil {
		return n, err
	}
	if from != nil {
		n.From = *from
	}
	switch {
	case (until == nil) == (minutes == nil):
		return n, bad("until", map[bool]string{true: "nothing", false: "both"}[until == nil], "one of until and minutes")
	case until != nil:
		n.Until = *until
	default:
		begin := a.m.Now()
		if n.From.After(begin) {
			begin = n.From
		}
		n.Until = begin.Add(*minutes)
	}
	return n, nil
}

// maySilence refuses what the principal may not silence. An organization admin's silence is
// of its own organization, whether it says so or not.
func (a *API) maySilence(p Principal, n *perfmon.NewSilence) error {
	switch {
	case p.SuperAdmin:
		return nil
	case !p.owns(p.Organization) || strings.Contains(p.Organization, "*"):
		return &problem{Status: http.StatusForbidden, Detail: "Only super admins silence these alerts."}
	case n.Organization == "":
		n.Organization = p.Organization
	case n.Organization != p.Organization:
		return notFound("organization_id", n.Organization)
	}
	own := 0
	for _, s := range a.m.Silences().List() {
		if p.owns(s.Organization) && s.EndedAt.IsZero() && a.m.Now().Before(s.Until) {
			own++
		}
	}
	if own >= maxOwnSilences {
		return &problem{Status: http.StatusConflict, Detail: "There are 50 silences of this organization already, which is the most: end one first."}
	}
	return nil
}

// endSilence ends a silence now.
func (a *API) endSilence(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	s, err := a.m.Silences().Get(r.id)
	if err != nil || !r.by.seesSilence(s) {
		return nil, notFound("silence_id", r.id)
	}
	s, err = a.m.Silences().End(r.id, r.by.Name)
	switch {
	case errors.Is(err, perfmon.ErrNotFound):
		return nil, notFound("silence_id", r.id)
	case err != nil:
		return nil, err
	}
	return reply(http.StatusOK, silenceAnswer{a.silence(r.by, s)})
}

// silenced says that an alert is silenced. Who does not see the silence learns until when.
type silenced struct {
	ID    string    `json:"silence_id,omitempty"`
	Until time.Time `json:"until"`
}

// silencedAlerts returns the silences in force of active alerts, by the ID of the alert.
func (a *API) silencedAlerts(p Principal, list []perfmon.Alert) map[string]silenced {
	found := map[string]silenced{}
	now := a.m.Now()
	for i := range list {
		if !list[i].Active() {
			continue
		}
		if s, ok := a.m.Silences().Of(list[i].Key(), now); ok {
			shown := silenced{Until: s.Until}
			if p.seesSilence(s) {
				shown.ID = s.ID
			}
			found[list[i].ID] = shown
		}
	}
	return found
}

func parseTime(raw json.RawMessage) (time.Time, bool) {
	s, ok := parseText(raw)
	t, err := time.Parse(time.RFC3339, s)
	return t, ok && err == nil
}

func parseSilenceMinutes(raw json.RawMessage) (time.Duration, bool) {
	v, ok := parseNumber(raw)
	if !ok || !(v > 0 && v <= perfmon.MaxSilence.Minutes()) {
		return 0, false
	}
	return max(inUnits(v, time.Minute), 1), true
}
