package traffic

import "github.com/backend-prs/perfmon/sketch"

// classTimes are response times by class of status, 1xx first. It holds the classes
// that are rare: those of 2xx, which nearly all are, follow from all times.
type classTimes [numClasses]*sketch.Sketch

const goodClass = int(goodLane / 2)

// take moves to a class what s counted, and returns how many values that were.
func (t *classTimes) take(class int, s *sketch.Atomic) uint64 {
	if t[class] == nil {
		t[class] = &sketch.Sketch{}
	}
	return s.Take(t[class])
}

// reset empties the classes and keeps their memory.
func (t *classTimes) reset() {
	for _, times := range t {
		if times != nil {
			times.Reset()
		}
	}
}

// addTo adds all classes to all.
func (t *classTimes) addTo(all *sketch.Sketch) {
	for _, times := range t {
		if times != nil {
			all.Merge(times)
		}
	}
}

func (t *classTimes) add(class int, times *sketch.Sketch) {
	if t[class] == nil {
		t[class] = &sketch.Sketch{}
	}
	t[class].Merge(times)
}

func (t *classTimes) merge(o *classTimes) {
	for class, times := range o {
		if times != nil && times.Count() > 0 {
			t.add(class, times)
		}
	}
}

// ClassTotals calls f for every name in the table that has a response, with all that was
// read of it since it was made, its response times by class of status, 1xx first, nil
// where there was none, and its exemplars, the oldest first. They are of one moment, and
// the first two f's to keep; an exemplar never changes. It may be called from any goroutine.
func (n *Names) ClassTotals(f func(name string, total *Counts, classes *[numClasses]*sketch.Sketch, exemplars []*Exemplar)) {
	for _, name := range n.all() {
		if total, classes, exemplars := name.counters.classTotal(); total.Responses > 0 {
			f(name.text, total, (*[numClasses]*sketch.Sketch)(classes), exemplars)
		}
	}
}

func (c *counters) classTotal() (*Counts, *classTimes, []*Exemplar) {
	c.mu.Lock()
	defer c.mu.Unlock()
	total, classes, exemplars := &Counts{}, &classTimes{}, c.exemplars.list()
	c.mergeTotal(total)
	classes.merge(&c.apart)
	if total.Classes[goodClass] == 0 {
		return total, classes, exemplars
	}
	classes.add(goodClass, &total.Times)
	for class, times := range classes {
		if times != nil && class != goodClass {
			classes[goodClass].Subtract(times)
		}
	}
	return total, classes, exemplars
}
