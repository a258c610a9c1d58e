package httpapi

import (
	"sync"

	"github.com/backend-prs/perfmon"
)

// encodings keeps the latest encodings of alert events, so that clients that resume at the
// same time share them. It is safe for concurrent use.
type encodings struct {
	mu    sync.Mutex
	kept  map[uint64]*frame // by number; mu
	order []uint64          // the numbers, the oldest encoding first; mu
	bytes int               // of the frames; mu
}

const maxEncodings = 4 << 20 // bytes

// of returns the encoding of an event.
func (c *encodings) of(e *perfmon.AlertEvent) (*frame, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.kept[e.Number]; f != nil {
		return f, nil
	}
	f, err := alertFrame(e)
	if err != nil {
		return nil, err
	}
	if c.kept == nil {
		c.kept = map[uint64]*frame{}
	}
	c.kept[e.Number] = f
	c.order = append(c.order, e.Number)
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
