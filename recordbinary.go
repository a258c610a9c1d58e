package perfmon

import (
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
	"github.com/backend-prs/perfmon/internal/wire"
)

// recordVersion is the first byte of a Record's binary encoding. Whoever adds a field to an
// alert or to the state of a key adds it here, too, with another version; a test sees what
// is forgotten.
//
// Version 2 has the runbook of a threshold.
const recordVersion = 2

// What follows the head of an encoded record.
const (
	recordJSON  = 0 // the record in JSON
	recordAlert = 1 // an AlertRecord, of which there are many
)

// AppendBinary appends the record's encoding for stores: a version, its fields, and a
// checksum. Alerts, of which a store may hold 10,000, are encoded field by field, which is
// read ten times faster than JSON; the others are JSON inside.
func (r Record) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, recordVersion)
	b = wire.AppendUint(b, r.Number)
	if r.Alert == nil {
		data, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("perfmon: record %d: %w", r.Number, err)
		}
		b = wire.AppendBytes(append(b, recordJSON), data)
		return wire.Seal(b, start), nil
	}
	b = append(b, recordAlert)
	b = wire.AppendTime(b, r.Time)
	b = wire.AppendString(b, r.Author)
	a := r.Alert
	b = wire.AppendString(b, a.Key.Metric)
	b = wire.AppendString(b, a.Key.Endpoint)
	b = wire.AppendString(b, a.Key.Organization)
	b = appendKeyState(b, &a.State)
	b = wire.AppendString(b, string(a.Change))
	b = wire.AppendBool(b, a.Notify)
	b = wire.AppendBool(b, a.Alert != nil)
	if a.Alert != nil {
		b = appendAlert(b, a.Alert)
	}
	return wire.Seal(b, start), nil
}

// UnmarshalBinary makes r what was encoded. It keeps no part of data. Damaged data and an
// unknown version yield an error and change nothing.
func (r *Record) UnmarshalBinary(data []byte) error {
	body, err := versioned("record", data, recordVersion)
	if err != nil {
		return err
	}
	in := wire.Read(body)
	read := Record{Number: in.Uint()}
	switch kind := in.Take(1); {
	case len(kind) == 1 && kind[0] == recordJSON:
		err = json.Unmarshal(in.Bytes(), &read)
	case len(kind) == 1 && kind[0] == recordAlert:
		read.Time, read.Author = in.Time(), in.String()
		read.Alert = readAlertRecord(in, data[0])
	default:
		err = fmt.Errorf("%w: an unknown kind", wire.ErrDamaged)
	}
	if err == nil {
		err = in.End()
	}
	if err != nil {
		return fmt.Errorf("perfmon: record: %w", err)
	}
	*r = read
	return nil
}

func readAlertRecord(in *wire.Reader, version byte) *AlertRecord {
	a := &AlertRecord{Key: Key{in.String(), Scope{in.String(), in.String()}}}
	a.State = readKeyState(in, version)
	a.Change, a.Notify = AlertChange(in.String()), in.Bool()
	if in.Bool() {
		a.Alert = readAlert(in)
	}
	return a
}

func appendKeyState(b []byte, k *KeyState) []byte {
	l := &k.Life
	for _, v := range []int64{int64(l.Status), int64(l.Level), int64(l.Violating), int64(l.Critical), int64(l.Recovering), int64(l.CoolFrom)} {
		b = wire.AppendInt(b, v)
	}
	b = wire.AppendBool(b, l.Muted)
	b = wire.AppendBool(b, l.Covered)
	b = wire.AppendInt(b, int64(k.Rule.Violations))
	b = wire.AppendInt(b, int64(k.Rule.Cooldown))
	b = wire.AppendBool(b, k.Threshold != nil)
	if k.Threshold != nil {
		b = appendThreshold(b, k.Threshold)
	}
	b = wire.AppendBool(b, k.Host)
	b = wire.AppendUint(b, uint64(len(k.Recent)))
	for _, j := range k.Recent {
		b = appendValue(b, j.Value)
		b = wire.AppendInt(b, int64(j.Floor))
	}
	b = wire.AppendTime(b, k.Since)
	b = wire.AppendTime(b, k.CoolFrom)
	return wire.AppendString(b, k.AlertID)
}

func readKeyState(in *wire.Reader, version byte) (k KeyState) {
	k.Life.Status, k.Life.Level = lifecycle.Status(in.Int()), lifecycle.Level(in.Int())
	k.Life.Violating, k.Life.Critical, k.Life.Recovering = int(in.Int()), int(in.Int()), int(in.Int())
	k.Life.CoolFrom = time.Duration(in.Int())
	k.Life.Muted, k.Life.Covered = in.Bool(), in.Bool()
	k.Rule = lifecycle.Rule{Violations: int(in.Int()), Cooldown: time.Duration(in.Int())}
	if in.Bool() {
		k.Threshold = readThreshold(in, version)
	}
	k.Host = in.Bool()
	if n := in.Count(2); n > 0 {
		k.Recent = make([]judged, n)
	}
	for i := range k.Recent {
		k.Recent[i] = judged{readValue(in), lifecycle.Level(in.Int())}
	}
	k.Since, k.CoolFrom, k.AlertID = in.Time(), in.Time(), in.String()
	return k
}

func appendThreshold(b []byte, t *Threshold) []byte {
	b = wire.AppendString(b, t.Metric)
	b = wire.AppendString(b, string(t.Scope))
	b = wire.AppendString(b, t.AppliesTo)
	b = appendValue(b, t.Warning)
	b = appendValue(b, t.Critical)
	b = wire.AppendString(b, string(t.Comparison))
	for _, v := range []int64{int64(t.ConsecutiveViolations), int64(t.Cooldown), int64(t.MinRequests), int64(t.AbsentAfter)} {
		b = wire.AppendInt(b, v)
	}
	b = wire.AppendBool(b, t.Disabled)
	return wire.AppendString(b, t.Runbook)
}

func readThreshold(in *wire.Reader, version byte) *Threshold {
	t := &Threshold{Metric: in.String(), Scope: ScopeKind(in.String()), AppliesTo: in.String()}
	t.Warning, t.Critical, t.Comparison = readValue(in), readValue(in), Comparison(in.String())
	t.ConsecutiveViolations, t.Cooldown = int(in.Int()), time.Duration(in.Int())
	t.MinRequests, t.AbsentAfter = int(in.Int()), time.Duration(in.Int())
	t.Disabled = in.Bool()
	if version >= 2 {
		t.Runbook = in.String()
	}
	return t
}

func appendAlert(b []byte, a *Alert) []byte {
	for _, s := range []string{a.ID, a.Metric, a.Endpoint, a.Organization, string(a.Severity), string(a.State), string(a.Cause), a.Unit, a.Message, a.UserID, a.Metadata.object} {
		b = wire.AppendString(b, s)
	}
	b = appendValue(b, a.Value)
	b = appendValue(b, a.Threshold)
	b = wire.AppendTime(b, a.OpenedAt)
	b = wire.AppendTime(b, a.UpdatedAt)
	b = wire.AppendInt(b, int64(a.Reopened))
	b = wire.AppendBool(b, a.Quiet)
	b = wire.AppendUint(b, a.Record)
	b = wire.AppendUint(b, uint64(len(a.Changes)))
	for _, c := range a.Changes {
		b = wire.AppendString(b, string(c.Change))
		b = wire.AppendTime(b, c.At)
		b = wire.AppendString(b, c.By)
		b = wire.AppendString(b, string(c.Severity))
		b = appendValue(b, c.Value)
		b = appendValue(b, c.Threshold)
		b = wire.AppendString(b, c.Note)
	}
	return b
}

func readAlert(in *wire.Reader) *Alert {
	a := &Alert{}
	for _, s := range []*string{
		&a.ID, &a.Metric, &a.Endpoint, &a.Organization, (*string)(&a.Severity), (*string)(&a.State), (*string)(&a.Cause), &a.Unit, &a.Message, &a.UserID, &a.Metadata.object,
	} {
		*s = in.String()
	}
	a.Value, a.Threshold = readValue(in), readValue(in)
	a.OpenedAt, a.UpdatedAt = in.Time(), in.Time()
	a.Reopened, a.Quiet, a.Record = int(in.Int()), in.Bool(), in.Uint()
	if n := in.Count(7); n > 0 {
		a.Changes = make([]AlertTransition, n)
	}
	for i := range a.Changes {
		c := &a.Changes[i]
		c.Change, c.At, c.By, c.Severity = AlertChange(in.String()), in.Time(), in.String(), Severity(in.String())
		c.Value, c.Threshold, c.Note = readValue(in), readValue(in), in.String()
	}
	return a
}

// appendValue appends a number that may be absent.
func appendValue(b []byte, v Value) []byte {
	f, ok := v.Get()
	if b = wire.AppendBool(b, ok); ok {
		b = wire.AppendFloat(b, f)
	}
	return b
}

func readValue(in *wire.Reader) Value {
	if !in.Bool() {
		return Value{}
	}
	return ValueOf(in.Float())
}

// sortedNames returns the keys of a map in order.
func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
