package httpapi

import (
	"sync"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

// encodings keeps the latest encodings of alert events, so that clients that resume at the
// same time share them. It is safe for concurrent use.
type encodings struct {
	mu    sync.Mutex
	kept  map[told]*frame // mu
	order []told          // the oldest encoding first; mu
	bytes int             // of the frames; mu
}

// told is an event as somebody is told of it: super admins of all; others of no author but
// themselves, so that most of them share an encoding.
type told struct {
	number     uint64
	superAdmin bool
	author     string // who is told and is one; "": who is told is none
}

// toldTo returns how a principal is told of an event.
func toldTo(e *perfmon.AlertEvent, by Principal) told {
	t := told{number: e.Number, superAdmin: by.SuperAdmin}
	own := func(c perfmon.AlertTransition) bool { return c.By == by.Name }
	if !by.SuperAdmin && (e.By == by.Name || slices.ContainsFunc(e.Alert.Changes, own)) {
		t.author = by.Name
	}
	return t
}

const maxEncodings = 4 << 20 // bytes

// of returns the encoding of an event for a principal.
func (c *encodings) of(e *perfmon.AlertEvent, by Principal) (*frame, error) {
	t := toldTo(e, by)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.kept[t]; f != nil {
		return f, nil
	}
	f, err := alertFrame(e, by)
	if err != nil {
		return nil, err
	}
	if c.kept == nil {
		c.kept = map[told]*frame{}
	}
	c.kept[t] = f
	c.order = append(c.order, t)
	c.bytes += len(f.data)
	for c.bytes > maxEncodings && len(c.order) > 1 {
		c.bytes -= len(c.kept[c.order[0]].data)
		delete(c.kept, c.order[0])
		c.order = c.order[1:]
	}
	return f, nil
}

// clear gives the memory back.
func (c *encodings) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept, c.order, c.bytes = nil, nil, 0
}
