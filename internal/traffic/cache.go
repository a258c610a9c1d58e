package traffic

import "unsafe"

// cache finds the endpoints seen last by the address of the pattern's bytes, which saves
// their hash: a router hands out the same string for every request of a route. The
// address only says where to look. What is there is compared byte by byte with a copy of
// its own, so the cache keeps no string of the host alive and mistakes none for another.
type cache struct {
	purges  uint64 // of the names, when it was last emptied
	entries [64]cached
}

type cached struct {
	alias  *alias
	method uint8 // of the request
}

// Endpoint returns the endpoint that serves method on pattern. A pattern that names its
// method, like "GET /orders/{id}", says it all by itself. What is returned is for the
// End of this request and not to be kept.
func (r *Recorder) Endpoint(method, pattern string) *Name {
	if pattern == "" {
		return r.t.unmatched
	}
	c, names := &r.cache, r.t.Endpoints
	if purges := names.purges.Load(); purges != c.purges {
		*c = cache{purges: purges}
	}
	m := methodNumber(method)
	p := uintptr(unsafe.Pointer(unsafe.StringData(pattern)))
	e := &c.entries[(p>>3^p>>9^uintptr(m))%uintptr(len(c.entries))]
	if e.alias != nil && e.method == m && e.alias.key.pattern == pattern {
		return e.alias.name
	}
	if len(pattern) > maxName {
		return names.other
	}
	k := endpointKey(m, pattern)
	if a := names.table.Load().find(k); a != nil {
		e.alias, e.method = a, m
		return a.name
	}
	return names.unknown(k)
}
