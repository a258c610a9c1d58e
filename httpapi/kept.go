package httpapi

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

// kept keeps the latest answers, encoded, so that a client that asks again before the
// monitor has moved on costs next to nothing, and makes an answer once for all who ask for
// it at the same time. It is safe for concurrent use.
type kept struct {
	m        *perfmon.Monitor
	instance string // makes the tags of this API unlike those of others

	// room waits for room to make an answer that costs much; nil: there is always some.
	room func(context.Context) (release func(), err error)

	mu      sync.Mutex
	number  uint64                   // of the latest answer; mu
	latest  map[question]*keptAnswer // mu
	order   []question               // of latest, the oldest answer first; mu
	bytes   int                      // of latest; mu
	dropped uint64                   // answers, to make room; mu
	making  map[question]*making     // mu
	idle    resetter                 // drops all when there was no new answer for long; nil before the first; mu
}

const (
	maxKept      = 64               // answers
	maxKeptBytes = 8 << 20          // of all of them
	keptOverhead = 4 << 10          // bytes that each counts for beside its own: more than its question takes
	keptFor      = 10 * time.Second // that one is good for while nothing changes, since windows move on
	keptIdle     = time.Minute
)

func newKept(m *perfmon.Monitor) *kept {
	return &kept{m: m, instance: rand.Text()[:10], latest: map[question]*keptAnswer{}, making: map[question]*making{}}
}

// resetter is a timer of the monitor's clock.
type resetter interface {
	Reset(time.Duration) bool
}

// question is what an answer is to: what the principal may see, and the parameters as they
// were understood, so that nothing in it is longer than the names that a call takes.
type question struct {
	superAdmin   bool
	organization string
	what         any // comparable, of a type of the call's own
}

// state is that of the monitor when an answer was begun.
type state struct {
	revision perfmon.Revision
	at       time.Duration
}

// serves reports whether an answer of then is as good now.
func (then state) serves(now state) bool {
	return then.revision == now.revision && now.at-then.at < keptFor
}

// making is an answer that is being made.
type making struct {
	state
	done chan struct{} // closed when what follows is there
	out  answer        // nil with a nil err: there was a panic
	err  error
}

// keptAnswer is a body of JSON that may be kept.
type keptAnswer struct {
	state
	k    *kept
	q    question
	tag  string // without quotes
	data []byte

	once   sync.Once
	packed []byte // compressed; nil before somebody wanted it
	bytes  int    // that it counts for; the mu of k
}

// answer returns the answer to r: the one that is kept, the one that another request is
// making, or a new one with the body that body returns, which is called under no lock.
// Errors are not kept.
func (k *kept) answer(r *request, what any, body func() (any, error)) (answer, error) {
	q := question{superAdmin: r.by.SuperAdmin, what: what}
	if !q.superAdmin {
		q.organization = r.by.Organization
	}
	for {
		now := state{k.m.Revision(), k.m.Elapsed()} // before it is made: what changes meanwhile makes another one
		out, m, mine := k.find(q, now)
		if out != nil {
			return out, nil
		}
		if mine {
			return k.make(q, m, body)
		}
		if <-m.done; m.out != nil || m.err != nil {
			return m.out, m.err
		}
	}
}

// find returns the answer that is kept, or the one that is being made: by the caller where
// mine is set.
func (k *kept) find(q question, now state) (out *keptAnswer, m *making, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if a := k.latest[q]; a != nil && a.serves(now) {
		return a, nil, false
	}
	if m := k.making[q]; m != nil && m.serves(now) {
		return nil, m, false
	}
	m = &making{state: now, done: make(chan struct{})}
	k.making[q] = m
	return nil, m, true
}

// make makes an answer for the caller and for all who wait.
func (k *kept) make(q question, m *making, body func() (any, error)) (answer, error) {
	defer func() { // also after a panic
		k.mu.Lock()
		defer k.mu.Unlock()
		close(m.done)
		if k.making[q] == m {
			delete(k.making, q)
		}
	}()
	value, err := k.inRoom(q, body)
	if err == nil {
		var data []byte
		if data, err = encode(value); err == nil {
			m.out = k.keep(q, m.state, data)
		}
	}
	m.err = err
	return m.out, m.err
}

// inRoom makes the body of an answer once there is room for one that costs much. It waits
// for it whether or not the client goes away: others may wait for the same answer.
func (k *kept) inRoom(q question, body func() (any, error)) (any, error) {
	if _, light := q.what.(healthQuestion); light || k.room == nil {
		return body()
	}
	release, err := k.room(context.Background())
	if err != nil {
		return nil, err
	}
	defer release()
	return body()
}

// keep keeps an answer where it fits, and drops those that are of no use any more.
func (k *kept) keep(q question, of state, data []byte) *keptAnswer {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.number++
	a := &keptAnswer{state: of, k: k, q: q, tag: k.instance + "-" + strconv.FormatUint(k.number, 36), data: data}
	if old := k.latest[q]; old != nil && old.at > of.at || len(data) > maxKeptBytes/2 || len(q.organization) > maxScopeName {
		return a
	}
	k.drop(func(other *keptAnswer) bool { return other.q == q || !other.serves(of) })
	k.latest[q] = a
	k.order = append(k.order, q)
	k.count(a, keptOverhead+len(data))
	if k.idle == nil {
		k.idle = k.m.Clock().AfterFunc(keptIdle, k.clear)
	} else {
		k.idle.Reset(keptIdle)
	}
	return a
}

// count adds bytes of an answer, and drops the oldest where there are too many; mu is held.
func (k *kept) count(a *keptAnswer, bytes int) {
	if k.latest[a.q] != a {
		return // dropped meanwhile
	}
	a.bytes += bytes
	k.bytes += bytes
	for len(k.order) > maxKept || k.bytes > maxKeptBytes {
		oldest := k.order[0]
		k.dropped++
		k.drop(func(a *keptAnswer) bool { return a.q == oldest })
	}
}

// drop forgets answers; mu is held.
func (k *kept) drop(which func(*keptAnswer) bool) {
	k.order = slices.DeleteFunc(k.order, func(q question) bool {
		a := k.latest[q]
		if !which(a) {
			return false
		}
		k.bytes -= a.bytes
		delete(k.latest, q)
		return true
	})
}

// clear gives the memory back.
func (k *kept) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(func(*keptAnswer) bool { return true })
}

// compressed returns the compressed body, which is made once.
func (a *keptAnswer) compressed() []byte {
	a.once.Do(func() {
		a.packed = pack(a.data)
		a.k.mu.Lock()
		defer a.k.mu.Unlock()
		a.k.count(a, cap(a.packed))
	})
	return a.packed
}

// write answers with a tag, for clients that keep answers in memory; it is weak: compressed
// or not, it is the same answer.
func (a *keptAnswer) write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `W/"`+a.tag+`"`)
	if matches(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if packs(r, len(a.data)) {
		writePacked(w, http.StatusOK, jsonType, a.compressed())
		return
	}
	writePlain(w, r, http.StatusOK, jsonType, a.data)
}

// matches reports whether one of the tags of If-None-Match is tag (RFC 9110, 13.1.2).
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || len(one) == len(tag)+2 && one[0] == '"' && one[1:len(one)-1] == tag {
			return true
		}
	}
	return false
}
