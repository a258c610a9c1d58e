package httpapi

import (
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

// What is told to a principal is full for super admins. Organization admins are not told who
// the super admins are, nor how many changes there were in all, which tells when something
// happened to another organization.

// somebodyElse stands for an author that an organization admin is not told. It may be a
// super admin or a colleague: that cannot be told from a name.
const somebodyElse = "somebody else"

// author returns who changed something, as far as the principal is told.
func (p Principal) author(by string) string {
	if p.SuperAdmin || by == perfmon.ByMonitor || p.Name != "" && by == p.Name {
		return by
	}
	return somebodyElse
}

// alert returns an alert that the principal sees, as it is told of it.
func (p Principal) alert(a perfmon.Alert) perfmon.Alert {
	if p.SuperAdmin {
		return a
	}
	a.Record = 0
	a.Changes = slices.Clone(a.Changes) // others are told of it, too
	for i := range a.Changes {
		a.Changes[i].By = p.author(a.Changes[i].By)
	}
	return a
}

// listed is alert for a list of the caller's own.
func (p Principal) listed(list []perfmon.Alert) []perfmon.Alert {
	for i := range list {
		list[i] = p.alert(list[i])
	}
	return list
}

// event does the same for an event of an alert.
func (p Principal) event(e perfmon.AlertEvent) perfmon.AlertEvent {
	if !p.SuperAdmin {
		e.Number = 0
	}
	e.By, e.Alert = p.author(e.By), p.alert(e.Alert)
	return e
}

// markers does the same for deploys and other events, in a list of the caller's own.
func (p Principal) markers(list []perfmon.Marker) []perfmon.Marker {
	for i := range list {
		list[i].By = p.author(list[i].By)
	}
	return list
}

// baseline does the same for a baseline, nil where there is none.
func (p Principal) baseline(b *perfmon.Baseline) *perfmon.Baseline {
	if b == nil {
		return nil
	}
	shown := *b
	shown.By = p.author(b.By)
	return &shown
}
