package perfmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/exp/slices"
)

// sharedState is what a replica knows of the records that all share. The journal's mutex
// guards it.
type sharedState struct {
	joined bool // number and epoch are those of the log
	number uint64
	epoch  string
	known  map[string]Record // the latest of each identity, so that a lost log can be written anew
	own    map[string]Record // made here while the log was out of reach, the latest of each identity
	base   map[string]Record // what was known of those before
	theirs []Record          // what was taken over since, until own is handed over
	first  bool              // own is of before this replica met the fleet
	taking bool              // what is applied comes from the log
}

// knownRecords bounds known: past it what the alert book has dropped is dropped here, too.
const knownRecords = 2 * maxAlerts

// inReach reports whether changes go through the log; the journal's mutex is held.
func (f *fleetMember) inReach() bool { return f.shared.joined && !f.alone() }

// judgesAlone reports whether this replica judges its own figures, and makes it so where
// the fleet was out of reach for long enough; the journal's mutex is held.
func (f *fleetMember) judgesAlone() bool {
	if !f.cutOff(f.m.watch.now()) {
		return false
	}
	if !f.isAlone.Swap(true) {
		f.token.Store(0)
		for _, c := range f.m.channels {
			c.part()
			c.poke()
		}
		f.m.log.write(slog.LevelWarn, "the fleet is out of reach: this replica goes on alone", "instance", f.self.Instance)
	}
	return true
}

// note remembers a record that was committed; the journal's mutex is held.
func (f *fleetMember) note(r Record) {
	s, id := &f.shared, r.Identity()
	if !s.taking && !f.inReach() {
		if _, made := s.own[id]; !made {
			if before, ok := s.known[id]; ok {
				set1(&s.base, id, before)
			}
		}
		set1(&s.own, id, r)
	}
	s.known[id] = r
	if len(s.known) > knownRecords {
		for id, r := range s.known {
			if a := r.Alert; a != nil && (a.Alert == nil || f.m.alerts.get(a.Alert.ID) == nil) {
				delete(s.known, id)
			}
		}
	}
}

// ofTheFleet leaves out what a replica that is alone must not conclude from its own
// figures: an alert that the fleet has opened is for the fleet to end.
func (f *fleetMember) ofTheFleet(records []Record) []Record {
	return slices.DeleteFunc(records, func(r Record) bool {
		if r.Alert == nil {
			return false
		}
		k, _ := f.m.alerts.key(r.Alert.Key)
		if k.AlertID == "" || !k.Life.Status.Active() {
			return false
		}
		_, mine := f.shared.own["alert "+k.AlertID]
		_, before := f.shared.base["alert "+k.AlertID]
		return !mine || before
	})
}

// change commits the records of somebody's action to the log of all; the journal's mutex
// is held.
func (f *fleetMember) change(now moment, by string, make func(moment) ([]Record, error)) error {
	err := f.append(0, func() ([]Record, error) { return make(now) }, now, by)
	if errors.Is(err, errFleet) {
		return fmt.Errorf("perfmon: %w: %s", ErrStore, describe(err))
	}
	return wrap(err)
}

// find commits what the leader found. What cannot be committed is found again from the
// next step.
func (f *fleetMember) find(now moment, make func() []Record) {
	j := &f.m.journal
	j.mu.Lock()
	defer j.unlock()
	token := f.token.Load()
	if !f.judging || token == 0 || !f.inReach() {
		return
	}
	err := f.append(token, func() ([]Record, error) { return make(), nil }, now, ByMonitor)
	if errors.Is(err, ErrFenced) {
		f.token.Store(0)
	}
}

// errFleet says that the log could not be reached, or did not take a change.
var errFleet = errors.New("the fleet did not take the change")

// appendTries is how often a change is made anew because others changed something first.
const appendTries = 5

// append makes records and adds them to the log of all. Where others were faster, it takes
// over what they did and makes the records anew. The journal's mutex is held.
func (f *fleetMember) append(token uint64, make func() ([]Record, error), now moment, by string) error {
	var err error
	for range appendTries {
		records, failed := make()
		if failed != nil || len(records) == 0 {
			return failed
		}
		if err = f.write(token, records, now, by); err == nil {
			f.m.commit(records)
			f.keep(records)
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			break
		}
		if err = f.readRecords(); err != nil {
			break
		}
	}
	return fmt.Errorf("%w: %w", errFleet, err)
}

// write numbers records and adds them to the log; the journal's mutex is held.
func (f *fleetMember) write(token uint64, records []Record, now moment, by string) error {
	j, s := &f.m.journal, &f.shared
	before := j.number
	j.number = max(j.number, s.number)
	j.stamp(records, now, by)
	err := f.send(token, s.number, records)
	if err != nil {
		j.number = before
		return err
	}
	s.number = j.number
	return nil
}

func (f *fleetMember) send(token, after uint64, records []Record) error {
	entries, err := entriesOf(records)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), fleetDeadline)
	defer cancel()
	return f.via.Append(ctx, FleetRecords, token, after, records[len(records)-1].Number, entries)
}

func entriesOf(records []Record) ([]FleetEntry, error) {
	entries := make([]FleetEntry, len(records))
	for i, r := range records {
		data, err := r.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		entries[i] = FleetEntry{r.Number, r.Identity(), data}
	}
	return entries, nil
}

// keep writes records of the fleet to the store of this replica, too, where it has one.
func (f *fleetMember) keep(records []Record) {
	j := &f.m.journal
	if j.store == nil || len(records) == 0 {
		return
	}
	if err := j.append(records, func() {}); err != nil {
		j.keep(records)
	}
}

// readRecords takes over what others have changed; the journal's mutex is held. The first
// time, after a time alone, and when the log was written anew, it hands over what the log
// lacks.
func (f *fleetMember) readRecords() error {
	s := &f.shared
	ctx, cancel := context.WithTimeout(context.Background(), fleetDeadline)
	defer cancel()
	tail, err := f.via.Read(ctx, FleetRecords, s.number)
	if errors.Is(err, ErrEmptied) && f.token.Load() != 0 {
		if err = f.restoreRecords(ctx); err == nil {
			tail, err = f.via.Read(ctx, FleetRecords, s.number)
		}
	}
	if err != nil {
		return err
	}
	anew := s.joined && tail.Epoch != s.epoch
	if anew || !s.joined {
		if tail, err = f.via.Read(ctx, FleetRecords, 0); err != nil {
			return err
		}
	}
	theirs, err := recordsOf(tail.Entries)
	if err != nil {
		return err
	}
	if !s.joined {
		s.first = true
	}
	if anew {
		f.noteLost(theirs)
	}
	alone := f.rejoinChannels()
	news := f.takeOver(theirs, tail, !s.joined || anew)
	s.joined, s.epoch, s.number = true, tail.Epoch, tail.Number
	if !s.first && !f.alone() && len(s.own) == 0 {
		return nil
	}
	s.theirs = append(s.theirs, news...)
	if err := f.handOver(alone); err != nil {
		for i, c := range f.m.channels {
			c.repart(alone[i])
		}
		return err
	}
	f.m.pokeChannels()
	return nil
}

// restoreRecords writes all that the fleet knew to a log that is not there; the journal's mutex
// is held, and this replica leads.
func (f *fleetMember) restoreRecords(ctx context.Context) error {
	records := make([]Record, 0, len(f.shared.known))
	for id, r := range f.shared.known {
		if _, own := f.shared.own[id]; own && f.alone() {
			if r, own = f.shared.base[id]; !own {
				continue // it is handed over, as what others did alone
			}
		}
		records = append(records, r)
	}
	sortByNumber(records)
	entries, err := entriesOf(records)
	if err != nil {
		return err
	}
	return f.via.Restore(ctx, FleetRecords, f.token.Load(), max(f.m.journal.number, f.shared.number, 1), entries)
}

func sortByNumber(records []Record) {
	sortStableFunc(records, func(a, b Record) int {
		switch {
		case a.Number < b.Number:
			return -1
		case a.Number > b.Number:
			return 1
		}
		return 0
	})
}

func recordsOf(entries []FleetEntry) ([]Record, error) {
	records := make([]Record, len(entries))
	for i, e := range entries {
		if err := records[i].UnmarshalBinary(e.Data); err != nil {
			return nil, err
		}
	}
	sortByNumber(records)
	return records, nil
}

// noteLost counts what a log that was written anew has lost as made here, so that it is
// handed over.
func (f *fleetMember) noteLost(theirs []Record) {
	s := &f.shared
	latest := map[string]uint64{}
	for _, r := range theirs {
		latest[r.Identity()] = r.Number
	}
	for id, r := range s.known {
		if _, mine := s.own[id]; !mine && latest[id] < r.Number {
			set1(&s.own, id, r)
		}
	}
}

// takeOver applies what others have changed and tells of it; where not all of it is known
// any more, of the latest. It returns what was new.
func (f *fleetMember) takeOver(theirs []Record, tail FleetTail, whole bool) (news []Record) {
	s, j := &f.shared, &f.m.journal
	for _, r := range theirs {
		switch number, known := f.sharedNumber(r.Identity()); {
		case s.joined && !whole && r.Number <= s.number:
		case s.joined && whole && known && number >= r.Number:
		default:
			news = append(news, r)
		}
	}
	s.taking = true
	for _, r := range news {
		if s.joined {
			f.m.commit([]Record{f.untold(r)})
			continue
		}
		f.m.apply(r) // what was before this replica came is no news
		f.note(r)
		if e, ok := eventOf(r); ok {
			f.m.publishToChannels(e) // but a notifier may have to be told of it still
		}
	}
	s.taking = false
	if len(news) > 0 {
		f.m.pokeChannels()
	}
	j.number = max(j.number, tail.Number)
	f.keep(news)
	return news
}

// rejoinChannels goes back to the shared outboxes and returns those of the time alone, by
// channel; the journal's mutex is held.
func (f *fleetMember) rejoinChannels() []*OutboxRecord {
	alone := make([]*OutboxRecord, len(f.m.channels))
	for i, c := range f.m.channels {
		alone[i] = c.rejoin()
	}
	return alone
}

// sharedNumber returns the number of the latest record of an identity that came from the
// log. What was made here alone has numbers of its own.
func (f *fleetMember) sharedNumber(id string) (number uint64, known bool) {
	s := &f.shared
	if before, ok := s.base[id]; ok {
		return before.Number, true
	}
	if _, alone := s.own[id]; alone && f.alone() {
		return 0, false
	}
	r, ok := s.known[id]
	return r.Number, ok
}

// untold returns the record without its change where that was told here before: the log was
// lost with it, and another replica has found it again.
func (f *fleetMember) untold(r Record) Record {
	if r.Alert == nil || r.Alert.Alert == nil {
		return r
	}
	old := f.m.alerts.get(r.Alert.Alert.ID)
	if old == nil || len(old.Changes) == 0 || old.Changes[len(old.Changes)-1].Change != r.Alert.Change {
		return r
	}
	a := *r.Alert
	a.Change = ""
	r.Alert = &a
	return r
}
