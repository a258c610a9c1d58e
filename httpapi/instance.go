package httpapi

import (
	"github.com/backend-prs/perfmon"
)

// of returns the API of the figures that a request asks for: those of the fleet, or with
// instance of one replica. Without a fleet there is no such parameter.
func (a *API) of(q *params) *API {
	if _, ok := a.m.Fleet(); !ok {
		return a
	}
	name := q.name("instance", maxScopeName, "the instance of a replica; dashboard/ lists them under fleet")
	m, ok := a.m.Instance(name)
	if !ok {
		q.fail("instance", name, "the instance of a replica; dashboard/ lists them under fleet")
		return a
	}
	if m == a.m {
		return a
	}
	a.viewsMu.Lock()
	defer a.viewsMu.Unlock()
	v := a.views[m]
	if v == nil { // there are as many as the monitor has, which bounds them
		a.dropViews()
		v = &API{m: m, prefix: a.prefix, log: a.log, kept: newKept(m), closed: a.closed, heavy: a.heavy, hits: a.hits}
		v.kept.room = a.room
		if a.views == nil {
			a.views = map[*perfmon.Monitor]*API{}
		}
		a.views[m] = v
	}
	return v
}

// dropViews drops what is of replicas that the monitor has no history of any more; viewsMu is
// held.
func (a *API) dropViews() {
	for m := range a.views {
		if now, ok := a.m.Instance(m.Service().Instance); !ok || now != m {
			delete(a.views, m)
		}
	}
}

// fleetFailed stands for the text of a fleet's error, which may hold anything.
const fleetFailed = "The fleet cannot be reached."

// fleet leaves out what only super admins may read.
func (p Principal) fleet(s *perfmon.FleetStatus) *perfmon.FleetStatus {
	if s == nil || p.SuperAdmin || s.Failure == "" {
		return s
	}
	hidden := *s
	hidden.Failure = fleetFailed
	return &hidden
}
