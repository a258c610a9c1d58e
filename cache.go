package perfmon

import (
	"github.com/backend-prs/perfmon/internal/striped"
)

// Cache counts what a cache of the host does. It is safe for concurrent use; a hit or a miss
// costs one atomic addition. What named caches count is in cache_hit_rate as well, which is
// of all caches together.
type Cache struct {
	hits, misses striped.Counter
	evictions    Counter
	size         Gauge
}

// Cache registers the metrics of a cache: cache_NAME_hit_rate in percent, absent without
// lookups; cache_NAME_hits, cache_NAME_misses and cache_NAME_evictions per second; and
// cache_NAME_size, absent until SetSize is called. name is 1 to 48 of a-z, 0-9 and _. Errors
// are those of Gauge.
func (ms Metrics) Cache(name string) (*Cache, error) {
	if err := partOfName("Cache", name); err != nil {
		return nil, wrap(err)
	}
	c := &Cache{}
	c.size.Clear()
	prefix, of := "cache_"+name, " of the cache "+name+"."
	metrics := []Metric{
		{prefix + "_hit_rate", "%", KindCounter, LowerIsWorse, "Share of lookups that hit," + of},
		{prefix + "_hits", "1/s", KindCounter, Neutral, "Lookups that hit," + of},
		{prefix + "_misses", "1/s", KindCounter, Neutral, "Lookups that missed," + of},
		{prefix + "_evictions", "1/s", KindCounter, Neutral, "Entries that made room for others," + of},
		{prefix + "_size", "count", KindGauge, Neutral, "Entries" + of},
	}
	if err := ms.m.feed("cache "+name, metrics...); err != nil {
		return nil, err
	}
	ms.m.addCache(c, metrics)
	return c, nil
}

func (m *Monitor) addCache(c *Cache, metrics []Metric) {
	at := func(i int) int { return m.position(metrics[i].Name) }
	rate := newPairMeter(metrics[0].Name, at(0), c.lookups, percent)
	rate.total = shareTotal
	m.addMeter(rate)
	m.addMeter(&counterMeter{at: at(1), total: c.hits.Load}) // in Totals as those of the share
	m.addMeter(&counterMeter{at: at(2), total: c.misses.Load})
	m.addMeter(c.evictions.meter(metrics[3].Name, at(3)))
	m.addMeter(gaugeMeter{at(4), &c.size})
	m.metersMu.Lock()
	defer m.metersMu.Unlock()
	all := []*Cache{c}
	if old := m.caches.Load(); old != nil {
		all = append(append([]*Cache(nil), *old...), c)
	}
	m.caches.Store(&all)
}

// Hit counts a lookup that found its entry.
func (c *Cache) Hit() { c.hits.Add(1) }

// Miss counts a lookup that did not.
func (c *Cache) Miss() { c.misses.Add(1) }

// Evicted counts n entries that were thrown out to make room.
func (c *Cache) Evicted(n int) { c.evictions.Add(uint64(max(n, 0))) }

// SetSize says how many entries the cache holds.
func (c *Cache) SetSize(n int) { c.size.Set(float64(n)) }

// lookups returns how many lookups hit, and how many there were.
func (c *Cache) lookups() (hits, all uint64) {
	hits = c.hits.Load()
	return hits, hits + c.misses.Load()
}

// cacheLookups returns the same of all caches together.
func (m *Monitor) cacheLookups() (hits, all uint64) {
	hits = m.cacheHits.Load()
	all = hits + m.cacheMisses.Load()
	if caches := m.caches.Load(); caches != nil {
		for _, c := range *caches {
			h, n := c.lookups()
			hits, all = hits+h, all+n
		}
	}
	return hits, all
}

// maxNamePart leaves room in the name of a metric for what stands around a name that the
// host gives.
const maxNamePart = 48

// partOfName checks a name that becomes part of the names of metrics.
func partOfName(field, name string) error {
	if len(name) > maxNamePart || !validName("x"+name) || name == "" {
		return &FieldError{field + " name", name, "1 to 48 of a-z, 0-9 and _"}
	}
	return nil
}
