package perfmon

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// fleetMember is what a monitor is in a fleet. The step loop builds states and puts them
// into the outbox; a goroutine of its own exchanges them, so that no step waits for it.
type fleetMember struct {
	m    *Monitor
	via  Fleet
	self FleetReplica
	view *Monitor // the figures of the fleet; only rounds write it

	wasCut   bool        // the step loop's
	judging  bool        // the step that is taken over is to be judged here; set by rounds while no worker runs
	building *fleetState // of the step that goes on; the step loop's
	before   [4]uint64   // lookups and queries when it began; the step loop's

	wake    chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex
	outbox []outState // that the fleet has not counted yet; mu
	seq    uint64     // of the last state; mu
	status FleetStatus
	views  map[string]*Monitor // of other replicas, by instance; mu
	// viewless counts what had no room in views, joint the states that were put together; mu.
	viewless, joint uint64

	offset   atomic.Int64  // the fleet's clock less this one's, in nanoseconds
	lastGood atomic.Int64  // elapsed time at the end of the latest exchange that worked
	token    atomic.Uint64 // what this replica leads with; 0: it does not
	isAlone  atomic.Bool   // changed under the journal's mutex

	round  fleetRound  // rounds only
	shared sharedState // under the journal's mutex
}

type outState struct {
	seq       uint64
	data      []byte
	attempted bool   // it may be there: it must not change any more
	pushed    uint64 // the round in which it was pushed; 0: it was not
	counted   bool   // in the step of the fleet that was taken over last
}

const (
	// fleetDeadline bounds an exchange, by real time: it protects the host.
	fleetDeadline = 2 * time.Second
	// aloneSteps is after how many steps without an exchange a replica goes on alone.
	aloneSteps = 6
	// outboxStates is how many steps wait one by one; past that they are put together.
	outboxStates = 60
	// pushStates is how many are pushed at once.
	pushStates = 30
	// keptStates is how many states are kept after the fleet has counted them: what was
	// counted may be lost with a log, and who writes it anew may have missed as many steps.
	keptStates = 16
	// pushAgain is after how many rounds a state is pushed again.
	pushAgain = 4
)

// fleetEpoch is where elapsed time of the fleet begins, the same for all replicas.
var fleetEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func newFleetMember(m *Monitor, via Fleet) *fleetMember {
	f := &fleetMember{
		m: m, via: via, building: newFleetState(), wake: make(chan struct{}, 1), views: map[string]*Monitor{},
		self: FleetReplica{ulid.MustNew(ulid.Timestamp(m.epoch), rand.Reader).String(), m.service.Instance, m.service.Version},
	}
	f.status = FleetStatus{Mode: "joining", Replicas: []ReplicaStatus{}}
	service := m.service
	service.Instance = ""
	f.view = m.newView(service)
	f.round = fleetRound{cursors: map[string]uint64{}, replicas: map[string]*knownReplica{}}
	f.shared.known = map[string]Record{}
	return f
}

// time turns a moment of this process into one of the fleet.
func (f *fleetMember) time(now moment) moment {
	elapsed := f.m.epoch.Sub(fleetEpoch) + now.elapsed + time.Duration(f.offset.Load())
	return moment{fleetEpoch.Add(elapsed).UTC(), elapsed}
}

// bookTime is the moment that alerts go by.
func (m *Monitor) bookTime(now moment) moment {
	if m.fleet == nil {
		return now
	}
	return m.fleet.time(now)
}

// follow sets the clock of the fleet by the time of a step that another has led. What a
// step takes to get here does not matter.
func (f *fleetMember) follow(at time.Time) {
	d := at.Sub(f.time(f.m.watch.now()).wall)
	if d > f.m.stepLength || d < -3*f.m.stepLength {
		f.offset.Add(int64(d))
	}
}

func (f *fleetMember) leading() bool { return f.token.Load() != 0 }

func (f *fleetMember) alone() bool { return f.isAlone.Load() }

// cutOff reports whether the fleet was out of reach for so long that this replica judges
// by itself.
func (f *fleetMember) cutOff(now moment) bool {
	return now.elapsed-time.Duration(f.lastGood.Load()) > aloneSteps*f.m.stepLength
}

// count adds what a step counted for a scope. The step loop calls it.
func (f *fleetMember) count(scope Scope, d *traffic.Counts) {
	if d.Responses > 0 {
		f.building.count(scope, d)
	}
}

// endStep closes the state of a step and has it pushed. The step loop calls it.
func (f *fleetMember) endStep(elapsed time.Duration, sample *Sample) {
	s, m := f.building, f.m
	f.building = newFleetState()
	s.replicas, s.elapsed = 1, elapsed
	hits, misses := m.cacheHits.Load(), m.cacheMisses.Load()
	n, nanoseconds := m.queries.Load()
	totals := [4]uint64{hits, misses, n, nanoseconds}
	s.lookups = [2]uint64{hits - f.before[0], misses - f.before[1]}
	s.queries = [2]uint64{n - f.before[2], nanoseconds - f.before[3]}
	f.before = totals
	for _, mt := range m.allMeters() {
		if t, ok := mt.(*timerMeter); ok && t.step.Count() > 0 {
			s.timers[t.name] = cloneSketch(&t.step)
		}
	}
	for metric, v := range sample.All() { // those of what is counted are for the figures of this replica
		if v == v {
			s.set(metric.Name, m.service.Instance, v)
		}
	}
	if m.users.Used() {
		s.active[0] = m.users.Set()
	}
	if m.sessions.Used() {
		s.active[1] = m.sessions.Set()
	}
	f.put(s)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// put adds a state to the outbox.
func (f *fleetMember) put(s *fleetState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.outbox); n >= outboxStates+keptStates && !f.outbox[n-1].attempted {
		if last, err := readFleetState(f.outbox[n-1].data); err == nil {
			last.follow(s)
			f.outbox[n-1].data = last.appendTo(nil)
			f.joint++
			return
		}
	}
	f.seq++
	f.outbox = append(f.outbox, outState{seq: f.seq, data: s.appendTo(nil)})
}

// waiting returns the numbers of the first state that is kept and of the first that the
// fleet has not counted, and the states to push with the number of their first. What was
// pushed is pushed again when the fleet has not counted it for some rounds: it may be lost.
func (f *fleetMember) waiting(round uint64) (kept, first, from uint64, states [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept, first = f.seq+1, f.seq+1
	for i := range f.outbox {
		o := &f.outbox[i]
		kept = min(kept, o.seq)
		if o.counted {
			continue
		}
		first = min(first, o.seq)
		if len(states) == 0 && o.pushed > 0 && round < o.pushed+pushAgain {
			continue
		}
		if len(states) == pushStates {
			break
		}
		if len(states) == 0 {
			from = o.seq
		}
		o.attempted = true
		states = append(states, o.data)
	}
	return kept, first, from, states
}

// pushAnew has everything pushed again: what was pushed is lost.
func (f *fleetMember) pushAnew() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.outbox {
		f.outbox[i].pushed = 0
	}
}

// pushedTo notes that states are there.
func (f *fleetMember) pushedTo(from uint64, n int, round uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.outbox {
		if o := &f.outbox[i]; o.seq >= from && o.seq < from+uint64(n) {
			o.pushed = round
		}
	}
}

// countedTo notes that the fleet has counted the states up to a number, and no others: those
// of a step that was lost it has to count again.
func (f *fleetMember) countedTo(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	counted := 0
	for i := range f.outbox {
		o := &f.outbox[i]
		if o.counted && o.seq > seq {
			o.pushed = 0
		}
		if o.counted = o.seq <= seq; o.counted {
			counted++
		}
	}
	if extra := counted - keptStates; extra > 0 {
		f.outbox = slices.Delete(f.outbox, 0, extra)
	}
}

// uncounted is how many states wait; mu is held.
func (f *fleetMember) uncounted() (n int) {
	for i := range f.outbox {
		if !f.outbox[i].counted {
			n++
		}
	}
	return n
}

// current returns the status.
func (f *fleetMember) current() FleetStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Waiting = f.uncounted()
	s.Leads = f.leading()
	if f.alone() {
		s.Mode = "alone"
	}
	return s
}

func (f *fleetMember) viewOf(instance string) (*Monitor, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.views[instance]
	return v, ok
}

// run exchanges until ctx ends.
func (f *fleetMember) run(ctx context.Context) {
	defer f.running.Done()
	for {
		select {
		case <-ctx.Done():
			f.resign()
			return
		case <-f.wake:
			f.oneRound(ctx)
		}
	}
}

// oneRound exchanges once. A panic costs the round and not the host.
func (f *fleetMember) oneRound(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			f.m.stepFailed(p)
		}
	}()
	err := f.exchange(ctx)
	text := ""
	if err != nil {
		text = describe(err)
	} else {
		f.lastGood.Store(int64(f.m.watch.now().elapsed))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if text != "" && f.status.Failure == "" {
		f.m.log.write(slog.LevelError, "the fleet cannot be reached", "error", text)
	}
	if text == "" {
		f.status.Mode = "joined"
	}
	f.status.Failure = text
	f.status.Rounds++
}

// resign lets another replica take the lead at once.
func (f *fleetMember) resign() {
	token := f.token.Swap(0)
	if token == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), fleetDeadline)
	defer cancel()
	_, _ = f.via.Lead(ctx, FleetBid{ID: f.self.ID, Token: token, Resign: true}) // else it is taken over in two steps
}
