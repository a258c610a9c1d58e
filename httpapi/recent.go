package httpapi

import (
	"sync"
	"time"
)

// recent keeps the latest answers that cost much, so that many pages that ask for the same
// share one, and the host's requests do not wait while the garbage of each is collected.
// An answer serves as long as nothing has changed since, for a second at most. It owns
// them; it is safe for concurrent use.
type recent struct {
	a *API

	mu    sync.Mutex
	kept  map[question]*keptAnswer // mu
	bytes int                      // mu
}

// question is what an answer depends on besides the state of the monitor.
type question struct {
	query        string
	superAdmin   bool
	organization string
}

// state is that of the monitor at an answer.
type state struct {
	changes uint64    // records that were applied
	sample  time.Time // of the latest step
}

type keptAnswer struct {
	jsonAnswer
	state state
	at    time.Duration
}

const (
	recentAnswers = 4 << 20     // bytes
	recentFor     = time.Second // by the monitor's clock
)

func (c *recent) state() state {
	s, _ := c.a.m.Current()
	return state{c.a.m.Changes(), s.Time}
}

// answer returns the answer to a request that is kept, or makes it.
func (c *recent) answer(r *request, make func() (answer, error)) (answer, error) {
	q := question{r.URL.RawQuery, r.by.SuperAdmin, r.by.Organization}
	now, at := c.state(), c.a.m.Elapsed() // before it is made: what changes meanwhile counts
	c.mu.Lock()
	k := c.kept[q]
	c.mu.Unlock()
	if k != nil && k.state == now && at-k.at < recentFor {
		return k.jsonAnswer, nil
	}
	out, err := make()
	if made, ok := out.(jsonAnswer); ok && err == nil {
		c.keep(q, &keptAnswer{made, now, at})
	}
	return out, err
}

// keep keeps an answer, for a while of real time, so that the memory comes back when
// nobody asks.
func (c *recent) keep(q question, k *keptAnswer) {
	if len(k.data) > recentAnswers/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(q, c.kept[q])
	if c.bytes+len(k.data) > recentAnswers {
		c.kept, c.bytes = nil, 0
	}
	if c.kept == nil {
		c.kept = map[question]*keptAnswer{}
	}
	c.kept[q] = k
	c.bytes += len(k.data)
	time.AfterFunc(2*recentFor, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.drop(q, k)
	})
}

// drop forgets an answer, unless another one has taken its place; mu is held.
func (c *recent) drop(q question, k *keptAnswer) {
	if k != nil && c.kept[q] == k {
		delete(c.kept, q)
		c.bytes -= len(k.data)
	}
}
