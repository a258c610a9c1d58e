package perfmon

import (
	"sync"

	"golang.org/x/exp/slices"
)

// eventLog keeps the latest events, so that whoever was away can catch up. It owns
// them; it is safe for concurrent use.
type eventLog struct {
	mu      sync.Mutex
	events  []AlertEvent // by number; mu
	bytes   int          // what they take, about; mu
	dropped uint64       // mu
	from    uint64       // the log holds every event past this number; mu
}

// The log keeps this many events, fewer where they are large.
const (
	maxEvents     = 4096
	maxEventBytes = 8 << 20
)

// add appends an event, whose number is higher than those before.
func (l *eventLog) add(e AlertEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	l.bytes += eventSize(&e)
	for len(l.events) > maxEvents || l.bytes > maxEventBytes && len(l.events) > 1 {
		l.from = l.events[0].Number
		l.dropped++
		l.bytes -= eventSize(&l.events[0])
		l.events[0] = AlertEvent{} // appending moves the rest to a new array only now and then
		l.events = l.events[1:]
	}
}

// begin says that events up to a number happened before the log began.
func (l *eventLog) begin(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.from = number
}

// eventSize is about what an event takes in memory.
func eventSize(e *AlertEvent) int { return 512 + size(&e.Alert) + 160*len(e.Alert.Changes) }

// Events are events that follow a number.
type Events struct {
	// List holds them by ascending number.
	List []AlertEvent `json:"events"`
	// Complete is false where events may be missing before the first one of List.
	Complete bool `json:"complete"`
	// From is the number up to which events are no longer held.
	From uint64 `json:"from"`
	// Last is the number of the latest event there has been, also past List.
	Last uint64 `json:"last"`
}

// Events returns the events with numbers past after, the oldest first, and at most limit
// of them; 0 means no limit. The latest 4,096 are held, fewer where they take more than
// 8 MiB. Where those right after the number are no longer held, or no event has reached
// it, it returns the oldest that are held, and Complete is false. A restored monitor goes
// on with its numbers, and holds no events of the monitor before it.
//
// To follow all events without a gap, call Events with the number of the last one that
// you have, first after OnAlert and then in its callback: an event is held before
// callbacks are called, and what OnAlert merges is here in full.
func (as Alerts) Events(after uint64, limit int) Events {
	l := &as.m.events
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Events{From: l.from, Last: l.from}
	if n := len(l.events); n > 0 {
		out.Last = l.events[n-1].Number
	}
	out.Complete = after >= out.From && after <= out.Last
	if !out.Complete {
		after = out.From
	}
	// The first event past the number.
	i, _ := slices.BinarySearchFunc(l.events, after, func(e AlertEvent, number uint64) int {
		if e.Number <= number {
			return -1
		}
		return 1
	})
	end := len(l.events)
	if limit > 0 {
		end = min(end, i+limit)
	}
	out.List = append([]AlertEvent{}, l.events[i:end]...)
	for j := range out.List {
		out.List[j].Alert = out.List[j].Alert.clone()
	}
	return out
}
