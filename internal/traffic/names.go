package traffic

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// ID numbers a name, from 0.
type ID int32

// Key is a name in the two parts that a request has at hand, so that finding it
// joins no strings. Method is empty where the pattern says it all.
type Key struct {
	Method  string
	Pattern string
}

func (k Key) String() string {
	if k.Method == "" {
		return k.Pattern
	}
	return k.Method + " " + k.Pattern
}

// maxName bounds a name's length in bytes; a longer one counts as one that does not
// fit.
const maxName = 256

// Names gives names small numbers, up to a limit; all that come later share the
// last one. Finding a known name takes no lock: the map is replaced, never changed.
type Names struct {
	limit  int
	other  ID
	full   atomic.Bool
	folded atomic.Uint64 // responses read under the last name

	ids atomic.Pointer[map[Key]ID]

	mu    sync.Mutex // guards the making of names
	names []string   // by ID; mu
	byID  map[string]ID
}

// newNames returns a table for limit names beside the reserved ones, of which the
// last is the one for all that do not fit.
func newNames(limit int, reserved ...string) *Names {
	n := &Names{limit: limit + len(reserved), other: ID(len(reserved) - 1), byID: map[string]ID{}}
	m := map[Key]ID{}
	for i, name := range reserved {
		m[Key{Pattern: name}] = ID(i)
		n.byID[name] = ID(i)
		n.names = append(n.names, name)
	}
	n.ids.Store(&m)
	return n
}

func (n *Names) cap() int { return n.limit }

// All returns every name known, by ID. The slice is the caller's to read.
func (n *Names) All() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.names[:len(n.names):len(n.names)]
}

// Used returns how many of them are taken, the reserved ones left out.
func (n *Names) Used() int { return len(n.All()) - int(n.other) - 1 }

// Folded returns how many responses were read of names that did not fit.
func (n *Names) Folded() uint64 { return n.folded.Load() }

// read notes what was counted for a name.
func (n *Names) read(id ID, d *Delta) {
	if id == n.other {
		n.folded.Add(d.Responses)
	}
}

// Limit returns how many names fit, the reserved ones left out.
func (n *Names) Limit() int { return n.limit - int(n.other) - 1 }

// Intern returns the number of a name, making it when it is new and fits.
func (n *Names) Intern(name string) ID { return n.intern(Key{Pattern: name}) }

func (n *Names) intern(k Key) ID {
	if id, ok := (*n.ids.Load())[k]; ok {
		return id
	}
	if n.full.Load() || len(k.Pattern) > maxName {
		return n.other
	}
	return n.make(k)
}

// make is the slow way of intern: it copies the map once for each new key. Keys that
// spell the same name get the same number.
func (n *Names) make(k Key) ID {
	n.mu.Lock()
	defer n.mu.Unlock()
	old := *n.ids.Load()
	if id, ok := old[k]; ok {
		return id
	}
	name := k.String()
	id, ok := n.byID[name]
	if !ok {
		if len(n.names) == n.limit {
			n.full.Store(true)
			return n.other
		}
		id = ID(len(n.names))
		n.names = append(n.names, name)
		n.byID[name] = id
	}
	// Aliases are bounded, too: a name has at most one key with and one without a
	// method, and a request with a method beyond the standard has none.
	m := make(map[Key]ID, len(old)+1)
	for k, id := range old {
		m[k] = id
	}
	m[Key{Method: k.Method, Pattern: name[len(name)-len(k.Pattern):]}] = id
	n.ids.Store(&m)
	return id
}

// cache finds the numbers of the patterns seen last by the address of the pattern's
// bytes: a router hands out the same string for every request of a route. It holds
// on to those bytes, so that an address is never taken up by another string.
type cache [64]struct {
	pattern *byte
	length  int32
	method  uint8
	id      ID
}

// Endpoint returns the number of the endpoint that serves method on pattern. A
// pattern that names its method, like "GET /orders/{id}", says it all by itself.
func (r *Recorder) Endpoint(method, pattern string) ID {
	if pattern == "" {
		return 0 // Unmatched
	}
	m := methodNumber(method)
	p := unsafe.StringData(pattern)
	h := (uintptr(unsafe.Pointer(p))>>3 ^ uintptr(unsafe.Pointer(p))>>9 ^ uintptr(m)) % uintptr(len(r.cache))
	e := &r.cache[h]
	if e.pattern == p && e.length == int32(len(pattern)) && e.method == m {
		return e.id
	}
	id := r.t.Endpoints.intern(key(m, pattern))
	e.pattern, e.length, e.method, e.id = p, int32(len(pattern)), m, id
	return id
}

func key(method uint8, pattern string) Key {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '/':
			return Key{methods[method], pattern}
		case ' ', '\t':
			return Key{"", pattern}
		}
	}
	return Key{methods[method], pattern}
}

// methods are the ones a request is told apart by; the last stands for all others.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "OTHER"}

func methodNumber(m string) uint8 {
	switch m {
	case "GET", "": // net/http takes an empty method for GET
		return 0
	case "HEAD":
		return 1
	case "POST":
		return 2
	case "PUT":
		return 3
	case "PATCH":
		return 4
	case "DELETE":
		return 5
	case "CONNECT":
		return 6
	case "OPTIONS":
		return 7
	case "TRACE":
		return 8
	}
	return 9
}
