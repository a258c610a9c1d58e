package httpapi

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/backend-prs/perfmon"
)

// kept keeps the latest answers, encoded, so that a client that asks again before the
// monitor has moved on costs next to nothing. It is safe for concurrent use.
type kept struct {
	instance string // makes the tags of this API unlike those of others

	mu      sync.Mutex
	number  uint64 // of the latest answer; mu
	answers map[question]*keptAnswer
	order   []question // the one that was answered first is first; mu
	bytes   int        // of the answers; mu
}

const (
	maxKept      = 64      // answers
	maxKeptBytes = 8 << 20 // of all of them
	maxQuestion  = 1 << 10 // bytes of a query
)

func newKept() *kept { return &kept{instance: rand.Text()[:10], answers: map[question]*keptAnswer{}} }

// question is what an answer is to.
type question struct {
	by          Principal
	path, query string
}

// keptAnswer is a body of JSON that stays the same as long as the revision of the monitor.
type keptAnswer struct {
	revision perfmon.Revision
	tag      string // without quotes
	data     []byte

	once   sync.Once
	packed []byte // compressed; nil before somebody wanted it
}

// asLongAs keeps the answers of a call as long as the revision of the monitor is the same.
func (a *API) asLongAs(f call) call {
	return func(r *request) (answer, error) {
		q := question{r.by, r.URL.Path, r.URL.RawQuery}
		revision := a.m.Revision() // before the answer: what changes meanwhile makes another one
		if k := a.kept.get(q, revision); k != nil {
			return k, nil
		}
		out, err := f(r)
		if j, ok := out.(jsonAnswer); err == nil && ok && j.status == http.StatusOK {
			return a.kept.put(q, revision, j.data), nil
		}
		return out, err
	}
}

func (k *kept) get(q question, revision perfmon.Revision) *keptAnswer {
	k.mu.Lock()
	defer k.mu.Unlock()
	if a := k.answers[q]; a != nil && a.revision == revision {
		return a
	}
	return nil
}

func (k *kept) put(q question, revision perfmon.Revision, data []byte) *keptAnswer {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.number++
	a := &keptAnswer{revision: revision, tag: k.instance + "-" + strconv.FormatUint(k.number, 36), data: data}
	if len(q.query) > maxQuestion || len(data) > maxKeptBytes {
		return a
	}
	if old := k.answers[q]; old != nil {
		k.bytes -= len(old.data)
	} else {
		k.order = append(k.order, q)
	}
	k.answers[q] = a
	k.bytes += len(data)
	for len(k.order) > maxKept || k.bytes > maxKeptBytes {
		k.bytes -= len(k.answers[k.order[0]].data)
		delete(k.answers, k.order[0])
		k.order = k.order[1:]
	}
	return a
}

func (a *keptAnswer) write(w http.ResponseWriter, r *http.Request) {
	// A weak tag: compressed or not, it is the same answer.
	w.Header().Set("ETag", `W/"`+a.tag+`"`)
	if matches(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if packs(r, len(a.data)) {
		a.once.Do(func() { a.packed = pack(a.data) })
		writePacked(w, http.StatusOK, jsonType, a.packed)
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
