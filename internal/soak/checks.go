package main

import (
	"fmt"

	"golang.org/x/exp/slices"
)

// check is one thing that must hold at the end.
type check struct {
	what    string
	holds   bool
	figures string
}

// checks are the invariants.
func (r *result) checks() []check {
	steps := uint64(r.length / step)
	heapFrom, heapTo := thirds(r.heap)
	from, to := thirds(r.goroutines)
	return []check{
		{"every good request was answered", r.failed == 0 && r.probes > 0, fmt.Sprintf("%d of %d", r.probes-r.failed, r.probes)},
		{"every request was counted once", r.served == r.counted && r.served > 0, fmt.Sprintf("%d served, %d counted", r.served, r.counted)},
		{"samples were taken", r.samples >= steps*8/10, fmt.Sprintf("%d of %d steps", r.samples, steps)},
		{"no step failed", r.diagnostics.StepPanics == 0, fmt.Sprintf("%d panics", r.diagnostics.StepPanics)},
		{"every incident opened and ended", r.missed == 0 && r.incidents > 0, fmt.Sprintf("%d of %d", r.incidents-r.missed, r.incidents)},
		{
			"every alert was told opened, then resolved", r.opened == r.incidents && r.resolved == r.incidents && r.early == 0,
			fmt.Sprintf("%d opened, %d resolved, %d in the wrong order", r.opened, r.resolved, r.early),
		},
		{"every alert is resolved in the store", r.inStore == r.incidents && r.activeInStore == 0, fmt.Sprintf("%d, %d of them still active", r.inStore, r.activeInStore)},
		{
			"a notifier that works told the end of each", r.toldGood == r.incidents,
			fmt.Sprintf("%d of %d", r.toldGood, r.incidents),
		},
		{
			"one with faults told it, or has it waiting", r.toldFaulty+r.waitFaulty == r.incidents && r.dead == 0,
			fmt.Sprintf("%d told, %d wait, %d tries failed, %d dead letters", r.toldFaulty, r.waitFaulty, r.notifierFaults, r.dead),
		},
		{
			"nobody was told of what is silenced", r.noiseTold == 0,
			fmt.Sprintf("%d told, %d held back", r.noiseTold, r.heldBack),
		},
		{
			"the store has all", r.store.Lost == 0 && r.store.PendingRecords == 0 && r.store.Failure == "",
			fmt.Sprintf("%d lost, %d records wait, failure %q", r.store.Lost, r.store.PendingRecords, r.store.Failure),
		},
		{
			"history is as long as the retention", r.historyHolds(),
			fmt.Sprintf("%d points, the oldest %v old", r.points, r.oldest.Round(interval/10)),
		},
		{"tables kept their limits", r.tablesHold(), fmt.Sprint(r.diagnostics.Tables)},
		{"the heap is flat", heapTo <= heapFrom+heapFrom/10+4<<20, fmt.Sprintf("%.1f MiB, then %.1f", mib(heapFrom), mib(heapTo))},
		{"goroutines are as many as before", to <= from+from/2+20, fmt.Sprintf("%d, then %d, at most %d", from, to, most(r.goroutines))},
		{"Close ended all of them", r.closing == nil && r.atClose <= r.goroutinesBefore, fmt.Sprintf("%d before, %d after, error %v", r.goroutinesBefore, r.atClose, r.closing)},
	}
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }

// thirds returns the median of the first third of readings, and that of the last.
func thirds(list []uint64) (first, last uint64) {
	n := len(list) / 3
	if n == 0 {
		return 0, 0
	}
	median := func(list []uint64) uint64 {
		list = slices.Clone(list)
		slices.Sort(list)
		return list[len(list)/2]
	}
	return median(list[:n]), median(list[len(list)-n:])
}

func most(list []uint64) uint64 {
	if len(list) == 0 {
		return 0
	}
	return slices.Max(list)
}

// historyHolds reports whether history is no longer than the retention, and no shorter
// where the soak was long enough for it. It is kept by the number of points, which lie farther
// apart where a machine under load misses steps.
func (r *result) historyHolds() bool {
	whole := int(retention / interval)
	return r.oldest <= retention+retention/5 && r.points <= whole && (r.length < 2*retention || r.points >= whole*8/10)
}

func (r *result) tablesHold() bool {
	for _, t := range r.diagnostics.Tables {
		if t.Used > t.Limit && t.Used > 100 { // a limit that was lowered holds for new names
			return false
		}
	}
	return true
}
