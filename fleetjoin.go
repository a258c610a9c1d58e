package perfmon

import (
	"fmt"
	"log/slog"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// handOver adds to the log what a replica did while the log was out of reach, or what the
// log has lost, once what others did is taken over. Alerts that others have changed
// meanwhile stay as they are; of thresholds, settings and the like the last writer counts, which is
// this one. What is left in the outboxes of a time alone is added to the shared ones. The
// journal's mutex is held.
func (f *fleetMember) handOver(alone []*OutboxRecord) error {
	s := &f.shared
	lost := make([]Record, 0, len(s.own))
	for _, r := range s.own {
		lost = append(lost, r)
	}
	sortByNumber(lost)
	ids, keys := map[string]bool{}, map[Key]bool{}
	for _, r := range s.theirs {
		ids[r.Identity()] = true
		if r.Alert != nil {
			keys[r.Alert.Key] = true
		}
	}
	now := f.m.bookTime(f.m.watch.now())
	var records []Record
	conflicts := 0
	for _, r := range lost {
		theirsToo := ids[r.Identity()]
		if r.Outbox != nil && (theirsToo || s.first || f.alone()) {
			continue // it is added to theirs below
		}
		if r.Alert != nil {
			if next, ok := f.alertToHandOver(now, r, theirsToo, keys[r.Alert.Key]); ok {
				records = append(records, next...)
			}
			continue
		}
		if theirsToo {
			if s.first {
				continue // of an earlier life: the fleet has gone on since
			}
			conflicts++
			f.m.log.write(slog.LevelWarn, "changed here alone and by others meanwhile: what was set here counts", "what", r.Identity())
		}
		f.m.apply(r) // theirs was
		records = append(records, r)
	}
	records = append(records, f.outboxesToHandOver(alone, ids)...)
	if len(records) > 0 {
		authors := make([]string, len(records))
		for i, r := range records {
			authors[i] = r.Author
		}
		if err := f.writeAs(records, authors, now); err != nil {
			return err // all of it is tried again
		}
	}
	wasAlone := f.isAlone.Swap(false)
	s.own, s.base, s.theirs, s.first = nil, nil, nil, false
	f.m.commit(records)
	f.keep(records)
	f.mu.Lock()
	f.status.Conflicts += uint64(conflicts)
	f.mu.Unlock()
	if wasAlone {
		f.m.log.write(slog.LevelInfo, "this replica is part of the fleet again", "handed_over", len(records), "conflicts", conflicts)
	}
	return nil
}

// outboxesToHandOver returns the shared outboxes with what is in those of this replica: of
// a time alone, or of an earlier life.
func (f *fleetMember) outboxesToHandOver(alone []*OutboxRecord, theirs map[string]bool) (records []Record) {
	for i, c := range f.m.channels {
		own := alone[i]
		if r, ok := f.shared.own["outbox "+c.name]; ok && own == nil && f.shared.first {
			own = r.Outbox
		}
		if own == nil {
			continue
		}
		if s := c.merged(own, theirs); s != nil {
			records = append(records, Record{Author: ByMonitor, Outbox: s})
		}
	}
	return records
}

// writeAs is write for records of several authors.
func (f *fleetMember) writeAs(records []Record, authors []string, now moment) error {
	j, s := &f.m.journal, &f.shared
	before := j.number
	j.number = max(j.number, s.number)
	j.stamp(records, now, ByMonitor)
	for i := range records {
		records[i].Author = authors[i]
	}
	if err := f.send(0, s.number, records); err != nil {
		j.number = before
		return err
	}
	s.number = j.number
	return nil
}

// alertToHandOver returns what becomes of an alert, or the state of a key, that changed
// here alone. ok is false where the fleet's stays.
func (f *fleetMember) alertToHandOver(now moment, r Record, theirsToo, keyTheirs bool) ([]Record, bool) {
	b, a := f.m.alerts, r.Alert
	before, known := f.shared.base[r.Identity()]
	switch {
	case !theirsToo && !keyTheirs: // nobody else knows of it
		if a.Alert == nil {
			return []Record{{Author: r.Author, Alert: &AlertRecord{Key: a.Key, State: a.State}}}, true
		}
		alert := *a.Alert
		return []Record{{Author: r.Author, Alert: &AlertRecord{Key: a.Key, State: a.State, Alert: &alert}}}, true
	case a.Alert == nil:
		return nil, false
	case !theirsToo && !known: // opened alone, and the fleet has been busy with its key
		alert := *a.Alert
		k, _ := b.key(a.Key)
		if !alert.Active() || k.AlertID == alert.ID {
			return []Record{{Author: r.Author, Alert: &AlertRecord{Key: a.Key, State: k, Alert: &alert}}}, true
		}
		if !k.Life.Status.Active() { // the fleet has none open: this one goes on
			return []Record{{Author: r.Author, Alert: &AlertRecord{Key: a.Key, State: a.State, Alert: &alert}}}, true
		}
		told := !alert.Quiet // of it, so that they are to know that it is over
		alert.State, alert.Quiet = AlertResolved, false
		alert = alert.changed(ChangeResolved, now.wall, ByMonitor, fmt.Sprintf("the same as %s, which another replica opened", k.AlertID))
		return []Record{{Author: r.Author, Alert: &AlertRecord{Key: a.Key, State: k, Alert: &alert, Change: ChangeResolved, Notify: told}}}, true
	}
	if known && before.Alert != nil && !theirsToo { // the fleet's alert, as the fleet knows it
		k, _ := b.key(a.Key)
		b.apply(&AlertRecord{Key: a.Key, State: k, Alert: before.Alert.Alert})
	}
	// What a person did to an alert of the fleet is done again to the alert as it is now.
	kind := lifecycle.Acknowledge
	switch a.Alert.State {
	case AlertAcknowledged:
	case AlertDismissed:
		kind = lifecycle.Dismiss
	default:
		return nil, false
	}
	records, _, err := b.act(now, a.Alert.ID, r.Author, kind)
	if err != nil || len(records) == 0 {
		return nil, false
	}
	for i := range records {
		records[i].Author = r.Author
	}
	return records, true
}
