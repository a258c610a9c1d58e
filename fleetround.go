package perfmon

import (
	"bytes"
	"context"
	"errors"
	"time"

	"golang.org/x/exp/slices"
)

// fleetRound is what a replica remembers from exchange to exchange. Only rounds use it.
type fleetRound struct {
	number uint64

	lease     FleetLease // as it was seen last
	unchanged int        // how often it was seen as it is
	highest   uint64     // of all tokens

	step   uint64 // the number of the last step of the fleet that was taken over
	at     time.Time
	epoch  string       // of the log of steps
	recent []FleetEntry // the latest steps, for a log that was lost
	// whole says that no step was missed since the totals were those of the fleet, so that
	// they can be given to others; tell says to do so with the next step.
	whole, tell bool

	cursors  map[string]uint64 // by replica: the last state that was counted
	replicas map[string]*knownReplica
}

// knownReplica is a replica as of the latest step.
type knownReplica struct {
	fleetPart
	latest map[string]float64 // of its metrics
}

const (
	// takeAfter is how often a lease is seen without a sign of life before it is taken.
	takeAfter = 2
	// goneAfter is after how many steps a replica that pushes nothing is gone.
	goneAfter = 3
	// forgetAfter is after how long a replica that is gone is no longer listed.
	forgetAfter = time.Hour
	// recentSteps is how many steps of the fleet are kept to be written again.
	recentSteps = 30
	// totalsEvery is after how many steps the totals are told, so that a replica that is new
	// or has missed something has them.
	totalsEvery = 30
	// lateStates is past how many states of a replica the earlier ones say nothing about now.
	lateStates = 3
	// maxReplicaViews bounds of how many other replicas there is history.
	maxReplicaViews = 100
)

// within calls f with the deadline of an exchange.
func within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, fleetDeadline)
	defer cancel()
	return f(ctx)
}

// exchange is a round: it sees who leads, pushes, takes over what the others did and, where
// this replica leads, merges what they pushed and judges it.
func (f *fleetMember) exchange(ctx context.Context) error {
	r := &f.round
	r.number++
	if err := within(ctx, f.lead); err != nil {
		return err
	}
	if err := within(ctx, f.push); err != nil {
		return err
	}
	if err := f.exchangeRecords(); err != nil {
		return err
	}
	if err := within(ctx, f.readSteps); err != nil {
		return err
	}
	if f.token.Load() != 0 {
		return f.leadStep(ctx)
	}
	return nil
}

// lead holds the lead, takes it where nobody has it any more, or sees who has.
func (f *fleetMember) lead(ctx context.Context) error {
	r := &f.round
	lease, err := f.via.Lead(ctx, FleetBid{
		ID: f.self.ID, Token: f.token.Load(), Take: r.unchanged >= takeAfter, SeenToken: r.lease.Token, SeenBeat: r.lease.Beat, Highest: r.highest,
	})
	if err != nil {
		return err
	}
	if lease == r.lease {
		r.unchanged++
	} else {
		r.unchanged = 0
	}
	r.lease, r.highest = lease, max(r.highest, lease.Token)
	if lease.ID == f.self.ID {
		if f.token.Swap(lease.Token) != lease.Token {
			r.tell = true
			f.m.pokeChannels()
		}
	} else {
		f.token.Store(0)
	}
	return nil
}

func (f *fleetMember) push(ctx context.Context) error {
	kept, first, from, states := f.waiting(f.round.number)
	if err := f.via.Push(ctx, f.self, kept, first, from, states); err != nil {
		return err
	}
	f.pushedTo(from, len(states), f.round.number)
	return nil
}

// exchangeRecords takes over what others changed, and joins the fleet where this replica
// has not, or not any more.
func (f *fleetMember) exchangeRecords() error {
	j := &f.m.journal
	j.mu.Lock()
	defer j.unlock()
	first := !f.shared.joined
	err := f.readRecords()
	if errors.Is(err, ErrEmptied) {
		return nil // who leads writes it
	}
	if err == nil && first && f.inReach() {
		now := f.m.bookTime(f.m.watch.now())
		_ = f.append(0, func() ([]Record, error) { return f.m.versionRecords(now), nil }, now, ByMonitor) // a marker less
	}
	return err
}

// readSteps takes over the steps of the fleet that others have led.
func (f *fleetMember) readSteps(ctx context.Context) error {
	r := &f.round
	tail, err := f.via.Read(ctx, FleetSteps, r.step)
	if errors.Is(err, ErrEmptied) {
		if f.token.Load() == 0 {
			return nil // who leads writes it
		}
		return f.restoreSteps(ctx)
	}
	if err != nil {
		return err
	}
	anew := tail.Epoch != r.epoch
	if anew && r.epoch != "" {
		f.pushAnew()
		if tail, err = f.via.Read(ctx, FleetSteps, 0); err != nil {
			return err
		}
	}
	r.epoch = tail.Epoch
	for _, e := range tail.Entries {
		if anew && f.tookOver(e) || !anew && e.Number <= r.step {
			continue
		}
		f.applyStep(e, false) // one in place of another that is lost makes the totals doubtful
		r.step = e.Number
	}
	r.step = tail.Number
	return nil
}

// tookOver reports whether an entry is one of the latest steps.
func (f *fleetMember) tookOver(e FleetEntry) bool {
	for _, known := range f.round.recent {
		if known.Number == e.Number && bytes.Equal(known.Data, e.Data) {
			return true
		}
	}
	return false
}

// restoreSteps writes a log of steps that is not there; this replica leads.
func (f *fleetMember) restoreSteps(ctx context.Context) error {
	r := &f.round
	if r.step == 0 {
		r.whole = true // the very first
	}
	f.pushAnew()
	r.step, r.tell = max(r.step, 1), true
	if err := f.via.Restore(ctx, FleetSteps, f.token.Load(), r.step, r.recent); err != nil {
		return err
	}
	tail, err := f.via.Read(ctx, FleetSteps, r.step)
	if err != nil {
		return err
	}
	r.epoch = tail.Epoch
	return nil
}

// leadStep merges what the replicas pushed since the latest step, commits it as the next
// one, and judges it.
func (f *fleetMember) leadStep(ctx context.Context) error {
	r := &f.round
	var pulled []FleetPull
	err := within(ctx, func(ctx context.Context) (err error) {
		pulled, err = f.via.Pull(ctx, r.cursors)
		return err
	})
	if err != nil {
		return err
	}
	step, gone := f.mergeStep(pulled)
	if r.whole && (r.tell || (r.step+1)%totalsEvery == 0) {
		step.total = f.view.allTotals(step)
	}
	entry := FleetEntry{Number: r.step + 1, Data: step.encode()}
	token := f.token.Load()
	err = within(ctx, func(ctx context.Context) error {
		return f.via.Append(ctx, FleetSteps, token, r.step, entry.Number, []FleetEntry{entry})
	})
	switch {
	case errors.Is(err, ErrFenced), errors.Is(err, ErrConflict):
		f.token.Store(0) // another has led a step meanwhile; the next round takes it over
		return nil
	case err != nil:
		return err
	}
	f.applyStep(entry, true)
	r.step, r.tell = entry.Number, false
	if len(gone) == 0 {
		return nil
	}
	return within(ctx, func(ctx context.Context) error { return f.via.Forget(ctx, gone) })
}

// mergeStep merges what was pulled. gone has the replicas to forget.
func (f *fleetMember) mergeStep(pulled []FleetPull) (step *fleetStep, gone []string) {
	r := &f.round
	at := f.time(f.m.watch.now()).wall
	if !at.After(r.at) {
		at = r.at.Add(time.Millisecond)
	}
	step = &fleetStep{at: at}
	// What is known of a replica that a registry has lost must not be lost with it.
	for id, known := range r.replicas {
		if !slices.ContainsFunc(pulled, func(p FleetPull) bool { return p.ID == id }) {
			pulled = append(pulled, FleetPull{FleetReplica: known.FleetReplica})
		}
	}
	sortFunc(pulled, func(a, b FleetPull) int {
		if a.Instance < b.Instance || a.Instance == b.Instance && a.ID < b.ID {
			return -1
		}
		return 1
	})
	for _, p := range pulled {
		part := fleetPart{FleetReplica: p.FleetReplica, counted: r.cursors[p.ID], seen: at}
		if old := r.replicas[p.ID]; old != nil {
			part.seen, part.note = old.seen, old.note
		}
		if len(p.States) > 0 {
			part.seen, part.note = at, ""
			f.mergeReplica(step, &part, p)
		}
		age := at.Sub(part.seen)
		part.gone = age > goneAfter*f.m.stepLength
		if age > forgetAfter {
			gone = append(gone, p.ID)
			continue
		}
		step.parts = append(step.parts, part)
	}
	return step, gone
}

// mergeReplica merges what one replica pushed into a step.
func (f *fleetMember) mergeReplica(step *fleetStep, part *fleetPart, p FleetPull) {
	var now []byte
	for i, data := range p.States {
		err := error(nil)
		switch late := spanOf(data) > lateStates*f.m.stepLength || len(p.States) > lateStates; {
		case late && i < len(p.States)-1, spanOf(data) > lateStates*f.m.stepLength:
			err = f.addLate(step, data)
		case now == nil:
			now = data
		default: // two in one step: one after the other
			now, err = followed(now, data)
		}
		if err != nil {
			// It stays there: a leader that understands it counts it.
			part.note = describe(err)
			break
		}
		part.counted = p.First + uint64(i)
	}
	if now == nil {
		return
	}
	if step.now == nil {
		step.now = newFleetState()
	}
	values := map[string]float64{}
	if err := step.now.mergeBinary(now, func(metric string, v float64) { values[metric] = v }); err != nil {
		part.note, part.counted = describe(err), p.First-1
		return
	}
	part.values = values
}

func (f *fleetMember) addLate(step *fleetStep, data []byte) error {
	s, err := readFleetState(data)
	if err != nil {
		return err
	}
	if step.late == nil {
		step.late = newFleetState()
		step.late.replicas = 1
	}
	step.late.add(s)
	step.late.elapsed += s.elapsed
	return nil
}

// followed returns the encoding of a state that a later one of the same replica follows.
func followed(before, after []byte) ([]byte, error) {
	s, err := readFleetState(before)
	if err != nil {
		return before, err
	}
	next, err := readFleetState(after)
	if err != nil {
		return before, err
	}
	s.follow(next)
	return s.appendTo(nil), nil
}

// applyStep takes a step over: into the history of the fleet and of the replicas.
func (f *fleetMember) applyStep(e FleetEntry, mine bool) {
	r := &f.round
	step, err := readFleetStep(e.Data)
	if err != nil {
		f.m.stepFailed(err)
		return
	}
	if r.recent = append(r.recent, e); len(r.recent) > recentSteps {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	if !mine {
		f.follow(step.at)
	}
	r.at = step.at
	now := moment{step.at, step.at.Sub(fleetEpoch)}
	cursors, replicas := map[string]uint64{}, map[string]*knownReplica{}
	for _, p := range step.parts {
		cursors[p.ID] = p.counted
		known := &knownReplica{p, p.values}
		if old := r.replicas[p.ID]; old != nil && known.latest == nil {
			known.latest = old.latest
		}
		replicas[p.ID] = known
		if p.ID == f.self.ID {
			f.countedTo(p.counted)
		} else if p.values != nil {
			f.stepView(now, p)
		}
	}
	r.cursors, r.replicas = cursors, replicas
	f.dropViews()
	f.publishReplicas(e.Number)
	f.judging = mine
	f.view.stepView(now, step)
	<-f.view.worker.do(func() {}) // what was found is committed, or could not be
	f.judging = false
	switch {
	case step.total != nil:
		f.view.setTotals(step.total)
		r.whole = true
	case e.Number != r.step+1:
		r.whole = false
	}
}

// stepView gives the view of another replica its metrics.
func (f *fleetMember) stepView(now moment, p fleetPart) {
	if p.Instance == f.self.Instance {
		return
	}
	f.mu.Lock()
	v := f.views[p.Instance]
	full := v == nil && len(f.views) >= maxReplicaViews
	if full {
		f.viewless++
	}
	f.mu.Unlock()
	if full {
		return
	}
	if v == nil {
		service := f.m.service
		service.Instance, service.Version = p.Instance, p.Version
		v = f.m.newView(service)
		f.mu.Lock()
		f.views[p.Instance] = v
		f.mu.Unlock()
	}
	v.stepReplica(now, p.values)
}

// dropViews drops the history of replicas that are no longer listed: instances have new names
// with each deploy, and those of old ones would leave no room.
func (f *fleetMember) dropViews() {
	listed := map[string]bool{}
	for _, known := range f.round.replicas {
		listed[known.Instance] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for instance := range f.views {
		if !listed[instance] {
			delete(f.views, instance)
		}
	}
}
