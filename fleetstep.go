package perfmon

import (
	"fmt"
	"time"

	"github.com/backend-prs/perfmon/internal/wire"
)

// fleetStep is an entry of the log of steps: what replicas pushed, merged by who led, and
// how far that goes. All replicas take over the same entries in the same order, so all show
// the same figures, and each state counts once whoever leads.
type fleetStep struct {
	at    time.Time
	now   *fleetState // of replicas that are up to date; nil: there were none
	late  *fleetState // what was counted earlier and arrived now: it counts, but says nothing about now
	total *fleetState // of everything up to this step, now and then: whoever missed one goes on by it
	parts []fleetPart // one for each replica that is known
}

// fleetPart is a replica in a step.
type fleetPart struct {
	FleetReplica
	counted uint64 // the number of the last state that the fleet has counted
	seen    time.Time
	gone    bool
	note    string
	values  map[string]float64 // of its latest step; nil: as in the step before
}

func (s *fleetStep) encode() []byte {
	b := wire.AppendTime([]byte{fleetVersion}, s.at)
	for _, state := range []*fleetState{s.now, s.late, s.total} {
		b = wire.AppendBool(b, state != nil)
		if state != nil {
			b = wire.AppendBytes(b, state.appendTo(nil))
		}
	}
	b = wire.AppendUint(b, uint64(len(s.parts)))
	for _, p := range s.parts {
		for _, text := range []string{p.ID, p.Instance, p.Version, p.note} {
			b = wire.AppendString(b, text)
		}
		b = wire.AppendUint(b, p.counted)
		b = wire.AppendTime(b, p.seen)
		b = wire.AppendBool(b, p.gone)
		b = wire.AppendBool(b, p.values != nil)
		if p.values == nil {
			continue
		}
		b = wire.AppendUint(b, uint64(len(p.values)))
		for _, name := range sortedNames(p.values) {
			b = wire.AppendFloat(wire.AppendString(b, name), p.values[name])
		}
	}
	return wire.Seal(b, 0)
}

func readFleetStep(data []byte) (*fleetStep, error) {
	body, err := versioned("step of the fleet", data, fleetVersion)
	if err != nil {
		return nil, err
	}
	in := wire.Read(body)
	s := &fleetStep{at: in.Time()}
	for _, state := range []**fleetState{&s.now, &s.late, &s.total} {
		if in.Bool() {
			if *state, err = readFleetState(in.Bytes()); err != nil {
				return nil, err
			}
		}
	}
	for range in.Count(8) {
		p := fleetPart{FleetReplica: FleetReplica{in.String(), in.String(), in.String()}, note: in.String()}
		p.counted, p.seen, p.gone = in.Uint(), in.Time(), in.Bool()
		if in.Bool() {
			p.values = map[string]float64{}
			for range in.Count(9) {
				name := in.String()
				p.values[name] = in.Float()
			}
		}
		s.parts = append(s.parts, p)
	}
	if err := in.End(); err != nil {
		return nil, fmt.Errorf("perfmon: step of the fleet: %w", err)
	}
	return s, nil
}
