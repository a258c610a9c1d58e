package analyze

import (
	"math"
	"time"
)

const (
	slots   = 96 // of a day, each with a level of its own
	slotFor = 86400 / slots

	dayRate = 0.03 // of the level at an hour of the day

	// What comes every day does not come to the minute, so the slots up to so many before
	// and after are asked what came there. A surprise of the days before makes this one
	// smaller by a share of what it has beyond an ordinary one, and counts for less with
	// every day.
	about     = 2
	ordinary  = quietShare * surprising
	allowance = 0.3
	fading    = 0.9
)

// A slot is what is known of a quarter of an hour of the day.
type slot struct {
	level  float64
	n      uint32  // points
	first  int64   // day of the first one, since 1970
	today  int64   // day of the latest surprise
	peak   float64 // of the surprises of that day
	before float64 // of those of the days before, faded
}

// slotOf returns the quarter of an hour of the day that a time is in.
func slotOf(t time.Time) int { return int(dayShare(t) * slots) }

// dayOf returns the day that a time is in, since 1970.
func dayOf(t time.Time) int64 {
	s := t.Unix()
	return (s - mod(s, 86400)) / 86400
}

// hour returns the slot of a time, nil where nothing is known of the days before.
func (d *Detector) hour(t time.Time) *slot {
	if s := &d.day[slotOf(t)]; s.n > 0 && s.first < dayOf(t) {
		return s
	}
	return nil
}

// learnHour takes over a point.
func (d *Detector) learnHour(t time.Time, v float64) {
	s := &d.day[slotOf(t)]
	if s.n == 0 {
		s.first = dayOf(t)
	}
	if s.n < math.MaxUint32 {
		s.n++
	}
	s.level += max(dayRate, 1/float64(s.n)) * (v - s.level)
}

// fromHours is how far a point is from the nearest of what is usual at its hour, a
// quarter before and a quarter after.
func (d *Detector) fromHours(t time.Time, v float64) float64 {
	at, least := slotOf(t), math.Inf(1)
	for k := -1; k <= 1; k++ {
		if s := &d.day[(at+k+slots)%slots]; s.n > 0 {
			least = min(least, apart(v, s.level))
		}
	}
	return least
}

// lessDaysBefore makes a surprise smaller where as large ones came about this hour on the
// days before: what comes every night is no anomaly.
func (d *Detector) lessDaysBefore(t time.Time, surprise float64) float64 {
	s := &d.day[slotOf(t)]
	if today := dayOf(t); s.today != today {
		s.before, s.peak, s.today = s.surpriseBefore(today), 0, today
	}
	s.peak = max(s.peak, surprise)
	most := 0.0
	for k := -about; k <= about; k++ {
		then := t.Add(time.Duration(k) * slotFor * time.Second)
		most = max(most, d.day[slotOf(then)].surpriseBefore(dayOf(then)))
	}
	return surprise - allowance*max(most-ordinary, 0)
}

// surpriseBefore is the largest surprise in the slot on the days before a day.
func (s *slot) surpriseBefore(day int64) float64 {
	if s.today == day {
		return s.before
	}
	return max(fading*s.before, s.peak)
}
