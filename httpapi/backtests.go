package httpapi

import (
	"fmt"
	"sync"
	"time"
)

// maxBackTests is how many back-tests run at the same time. Each keeps a processor busy.
const maxBackTests = 2

// backTests counts those that run, so that whoever may read keeps nobody else from it. It
// owns the counts; it is safe for concurrent use.
type backTests struct {
	mu      sync.Mutex
	running map[caller]bool // mu
	refused uint64          // mu
}

// take makes room for a back-test, or says why there is none. release gives the room back.
func (b *backTests) take(by caller) (release func(), refused *problem) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.running[by]:
		b.refused++
		return nil, tooMany("Another back-test of this principal is running.", time.Second)
	case len(b.running) >= maxBackTests:
		b.refused++
		return nil, tooMany(fmt.Sprintf("%d back-tests are running, which is the most there may be.", maxBackTests), time.Second)
	}
	if b.running == nil {
		b.running = map[caller]bool{}
	}
	b.running[by] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.running, by)
	}, nil
}
