package perfmon

import (
	"context"
	"errors"
	"time"
)

// Fleet is where the replicas of a service meet, such as a Redis (package fleet). A monitor
// calls it from one goroutine at a time for steps and from another for changes, never on the
// path of a request or of a step, and gives every call a deadline.
//
// It keeps what replicas push, who leads, and two logs of numbered entries. What it loses
// the replicas write again.
type Fleet interface {
	// Lead takes the lead or holds it, as bid says, and returns how it is then.
	Lead(ctx context.Context, bid FleetBid) (FleetLease, error)
	// Push keeps states of a replica, numbered from a number on. Who does not know the
	// replica begins at first; those before kept are needed no more.
	Push(ctx context.Context, r FleetReplica, kept, first, from uint64, states [][]byte) error
	// Pull returns every replica that is known, with its states right after a number, by
	// ID, or from those on that are kept: those that follow each other without a gap, a few
	// dozen at most.
	Pull(ctx context.Context, after map[string]uint64) ([]FleetPull, error)
	// Forget drops replicas that are gone, by ID.
	Forget(ctx context.Context, ids []string) error
	// Append adds entries to a log whose last number is after, all of them or none, and
	// makes number the last. With a token that is not 0 it does so only while that is the
	// token of who leads. Errors: ErrConflict, ErrFenced, ErrEmptied.
	Append(ctx context.Context, log FleetLog, token, after, number uint64, entries []FleetEntry) error
	// Read returns what a log has past a number. Where that is not known any more, it
	// returns the latest entry of each key. Errors: ErrEmptied.
	Read(ctx context.Context, log FleetLog, after uint64) (FleetTail, error)
	// Restore writes a log anew that was lost, or was never there, for who leads. Errors:
	// ErrConflict where it is there, ErrFenced.
	Restore(ctx context.Context, log FleetLog, token, number uint64, entries []FleetEntry) error
}

// FleetLog names a log.
type FleetLog string

const (
	// FleetSteps has the figures of all replicas, an entry for each step of who leads. An
	// hour of it is enough.
	FleetSteps FleetLog = "steps"
	// FleetRecords has the records: the latest of each key is kept for good.
	FleetRecords FleetLog = "records"
)

// FleetEntry is an entry of a log.
type FleetEntry struct {
	Number uint64
	Key    string // what it is about; "": nothing that lasts
	Data   []byte
}

// FleetTail is what a log has past a number.
type FleetTail struct {
	Number  uint64 // of its last entry
	Epoch   string // changes when the log was written anew
	Whole   bool   // the entries are the latest of each key: what was between is not known
	Entries []FleetEntry
}

// FleetReplica is a replica as it presents itself.
type FleetReplica struct {
	ID       string `json:"id"` // of this process: another after a restart
	Instance string `json:"instance"`
	Version  string `json:"version"`
}

// FleetPull is what a replica pushed.
type FleetPull struct {
	FleetReplica
	First  uint64 // the number of the first state
	States [][]byte
}

// FleetBid is what a replica wants of the lead. That a leader still lives is told by its
// beat, which it raises each step, and not by a clock.
type FleetBid struct {
	ID     string
	Token  uint64 // what it leads with; 0: it does not
	Resign bool   // it gives the lead up
	// Take says to take the lead from one whose token and beat are still those.
	Take                bool
	SeenToken, SeenBeat uint64
	Highest             uint64 // the highest token it has ever seen
}

// FleetLease says who leads. The token of a later leader is higher.
type FleetLease struct {
	ID          string
	Token, Beat uint64
}

// Errors of a Fleet. Beside them Append returns ErrConflict.
var (
	// ErrFenced says that another replica leads meanwhile.
	ErrFenced = errors.New("another replica leads")
	// ErrEmptied says that a log is not there: it was emptied, or never written.
	ErrEmptied = errors.New("the log is not there")
)

// WithFleet lets the monitor be one of several replicas that meet in f: their figures are
// also those of all, and alerts, thresholds, settings and baselines are shared. All must
// have the same step and interval, and each another instance; see WithService.
func WithFleet(f Fleet) Option {
	return func(c *config) error {
		if f == nil {
			return &FieldError{"WithFleet", nil, "a fleet, such as fleet.Redis(client, \"shop\")"}
		}
		c.fleet = f
		return nil
	}
}

// FleetStatus is how a replica and its fleet fare.
type FleetStatus struct {
	// Mode is "joining", "joined" or "alone". Alone a replica judges its own figures.
	Mode    string `json:"mode"`
	Leads   bool   `json:"leads"`
	Leader  string `json:"leader"`  // its instance; "" where that is not known
	Failure string `json:"failure"` // of the latest exchange, "" where it worked
	Step    uint64 `json:"step"`    // the number of the latest step of the fleet
	Waiting int    `json:"waiting"` // steps of this replica that the fleet has not counted yet
	Rounds  uint64 `json:"rounds"`  // exchanges so far, failed ones included
	// Conflicts are changes that were made here alone while others changed the same.
	Conflicts uint64          `json:"conflicts"`
	Replicas  []ReplicaStatus `json:"replicas"` // by instance
}

// ReplicaStatus is a replica as the fleet sees it.
type ReplicaStatus struct {
	Instance string           `json:"instance"`
	Version  string           `json:"version"`
	Leads    bool             `json:"leads"`
	Gone     bool             `json:"gone"`               // nothing came from it for 3 steps
	LastSeen time.Time        `json:"last_seen,omitzero"` // by the fleet's clock
	Note     string           `json:"note,omitempty"`     // such as a version that is not understood
	Metrics  map[string]Value `json:"metrics"`            // of its latest step
	Worst    []string         `json:"worst_in,omitempty"` // the metrics in which it is the worst
}

// trouble says what is wrong, "" where nothing is.
func (s FleetStatus) trouble() string {
	why := ""
	if s.Failure != "" {
		why = ": " + s.Failure
	}
	switch {
	case s.Mode == "alone":
		return "This replica goes on alone, with its own figures and alerts" + why
	case s.Failure != "":
		return "The fleet cannot be reached" + why
	}
	return ""
}

// Fleet returns how the fleet fares; ok is false where there is none.
func (m *Monitor) Fleet() (s FleetStatus, ok bool) {
	if m.parent != nil {
		return m.parent.Fleet()
	}
	if m.fleet == nil {
		return s, false
	}
	return m.fleet.current(), true
}

// Instance returns the figures of one replica, or with "" those of the fleet: a monitor that
// is read like this one. Alerts, thresholds, settings and baselines are those of the fleet.
// Of another replica it has the metrics of the service, and its endpoints as
// part of the fleet alone. Without a fleet "" is the monitor itself. ok is false where the
// replica is not known.
func (m *Monitor) Instance(name string) (view *Monitor, ok bool) {
	switch {
	case m.fleet == nil:
		return m, name == "" || name == m.service.Instance
	case name == "" && m.fleet.alone():
		return m, true
	case name == "":
		return m.fleet.view, true
	case name == m.service.Instance:
		return m, true
	}
	return m.fleet.viewOf(name)
}

// leads reports whether this replica is to tell people: it leads, or there is no fleet, or
// it goes on alone. Whoever sends notifications asks it right before each.
func (m *Monitor) leads() bool {
	if m.parent != nil {
		m = m.parent
	}
	return m.fleet == nil || m.fleet.leading() || m.fleet.alone()
}
