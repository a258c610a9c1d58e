package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/backend-prs/perfmon"
)

// meeting is a perfmon.Fleet in the memory of one process, for replicas that are made up.
type meeting struct {
	mu     sync.Mutex
	lease  perfmon.FleetLease             // mu
	pushed map[string]*perfmon.FleetPull  // by replica; mu
	logs   map[perfmon.FleetLog]*entryLog // mu
}

type entryLog struct {
	number  uint64
	entries []perfmon.FleetEntry
}

// keptSteps is how many steps are kept: those who missed more have the latest.
const keptSteps = 360

func newMeeting() *meeting {
	return &meeting{pushed: map[string]*perfmon.FleetPull{}, logs: map[perfmon.FleetLog]*entryLog{}}
}

// Lead implements perfmon.Fleet.
func (f *meeting) Lead(_ context.Context, b perfmon.FleetBid) (perfmon.FleetLease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := &f.lease
	switch {
	case b.Token != 0 && b.Token == l.Token && b.Resign:
		l.ID = ""
	case b.Token != 0 && b.Token == l.Token:
		l.Beat++
	case l.ID == "" || b.Take && b.SeenToken == l.Token && b.SeenBeat == l.Beat:
		*l = perfmon.FleetLease{ID: b.ID, Token: max(l.Token, b.Highest) + 1, Beat: 1}
	}
	return *l, nil
}

// Push implements perfmon.Fleet.
func (f *meeting) Push(_ context.Context, r perfmon.FleetReplica, kept, first, from uint64, states [][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pushed[r.ID]
	if p == nil {
		p = &perfmon.FleetPull{First: first}
		f.pushed[r.ID] = p
	}
	p.FleetReplica = r
	for i, s := range states {
		switch at := from + uint64(i) - p.First; {
		case at < uint64(len(p.States)):
			p.States[at] = s
		case at == uint64(len(p.States)):
			p.States = append(p.States, s)
		}
	}
	for p.First < kept && len(p.States) > 0 {
		p.First, p.States = p.First+1, p.States[1:]
	}
	return nil
}

// Pull implements perfmon.Fleet.
func (f *meeting) Pull(_ context.Context, after map[string]uint64) ([]perfmon.FleetPull, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []perfmon.FleetPull
	for id, p := range f.pushed {
		next := max(after[id]+1, p.First)
		known := min(next-p.First, uint64(len(p.States)))
		list = append(list, perfmon.FleetPull{FleetReplica: p.FleetReplica, First: next, States: append([][]byte(nil), p.States[known:]...)})
	}
	return list, nil
}

// Forget implements perfmon.Fleet.
func (f *meeting) Forget(_ context.Context, ids []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		delete(f.pushed, id)
	}
	return nil
}

// Append implements perfmon.Fleet.
func (f *meeting) Append(_ context.Context, log perfmon.FleetLog, token, after, number uint64, entries []perfmon.FleetEntry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.logs[log]
	switch {
	case token != 0 && token != f.lease.Token:
		return perfmon.ErrFenced
	case l == nil:
		return perfmon.ErrEmptied
	case l.number != after:
		return fmt.Errorf("the last number is %d: %w", l.number, perfmon.ErrConflict)
	}
	l.number, l.entries = number, append(l.entries, entries...)
	if log == perfmon.FleetSteps && len(l.entries) > keptSteps {
		l.entries = l.entries[len(l.entries)-keptSteps:]
	}
	return nil
}

// Read implements perfmon.Fleet.
func (f *meeting) Read(_ context.Context, log perfmon.FleetLog, after uint64) (perfmon.FleetTail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.logs[log]
	if l == nil {
		return perfmon.FleetTail{}, perfmon.ErrEmptied
	}
	t := perfmon.FleetTail{Number: l.number, Epoch: "1"}
	for _, e := range l.entries {
		if e.Number > after {
			t.Entries = append(t.Entries, e)
		}
	}
	return t, nil
}

// Restore implements perfmon.Fleet.
func (f *meeting) Restore(_ context.Context, log perfmon.FleetLog, token, number uint64, entries []perfmon.FleetEntry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case token != f.lease.Token:
		return perfmon.ErrFenced
	case f.logs[log] != nil:
		return perfmon.ErrConflict
	}
	f.logs[log] = &entryLog{number, append([]perfmon.FleetEntry(nil), entries...)}
	return nil
}

// openFleet starts so many replicas of the shop, shop-1 and on, that meet in memory. All but
// the first begin without a past; the last one is slow.
func openFleet(ctx context.Context, n int, s shop, further ...perfmon.Option) (all []*perfmon.Monitor, err error) {
	f := newMeeting()
	for i := range n {
		replica := s
		replica.slow = i == n-1
		if i > 0 {
			replica.past = 0
		}
		service := perfmon.Service{Name: "shop", Environment: "demo", Instance: fmt.Sprintf("shop-%d", i+1), Version: "v2.4.1"}
		m, err := replica.open(ctx, append([]perfmon.Option{perfmon.WithService(service), perfmon.WithFleet(f)}, further...)...)
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
	return all, nil
}
