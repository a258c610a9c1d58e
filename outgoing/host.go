package outgoing

import (
	"strconv"
	"strings"
)

// host returns what counts for a host, nil where there is no place for it among the metrics
// of the monitor. Only the first request to a host takes the lock, or the first of all to
// the others.
func (c *Calls) host(name string) *host {
	known := *c.hosts.Load()
	if h, ok := known[name]; ok {
		return h
	}
	if len(known) >= c.maxHosts {
		if other := c.other.Load(); other != nil {
			return other
		}
	}
	return c.meet(name)
}

// meet makes room for a host that is new, or counts it among the others.
func (c *Calls) meet(name string) *host {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := *c.hosts.Load()
	if h, ok := known[name]; ok {
		return h
	}
	if len(known) >= c.maxHosts {
		return c.others()
	}
	short := c.shorten(name)
	h, err := c.newHost("outgoing_"+short, name)
	if err != nil { // the table of metrics is full, or the monitor is closed
		h = nil
	}
	c.names[short] = true
	next := make(map[string]*host, len(known)+1)
	for n, h := range known {
		next[n] = h
	}
	next[name] = h
	c.hosts.Store(&next)
	return h
}

// others returns what counts for the hosts that are past the limit. The caller holds the lock.
func (c *Calls) others() *host {
	if h := c.other.Load(); h != nil {
		return h
	}
	h, err := c.newHost("outgoing_other", "hosts past the first "+strconv.Itoa(c.maxHosts))
	if err != nil {
		return nil
	}
	c.other.Store(h)
	return h
}

// maxName leaves room for what stands around it in the name of a metric.
const maxName = 36

// shorten makes a part of a metric's name of a host: unique, since "a-b" and "a.b" are not
// the same. The caller holds the lock.
func (c *Calls) shorten(name string) string {
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
	letters = letters[:min(len(letters), maxName)]
	if letters == "" {
		letters = "none"
	}
	unique := letters
	for n := 2; c.names[unique]; n++ {
		unique = letters + "_" + strconv.Itoa(n)
	}
	return unique
}
