// Package system reads how much memory and processor time this process uses, and of
// how much: of its control group where one limits it, else of the host.
package system

import "time"

// Stats is one reading. NaN is absent.
type Stats struct {
	MemoryMB          float64 // resident memory of this process, MiB
	MemoryPercent     float64 // how full the memory is that this process may use
	CPUPercent        float64 // how busy the processors are that it may use
	ProcessCPUPercent float64 // what this process takes of them
	Threads           float64 // of the operating system, in this process
	OpenFDs           float64 // file descriptors
}

// span turns cumulative processor time into a share of what there was.
type span struct {
	used float64 // seconds
	at   time.Time
	ok   bool
}

// percent returns how much of processors was used since the last call, in percent;
// ok is false for the first call and when time did not advance.
func (s *span) percent(used float64, at time.Time, processors float64) (p float64, ok bool) {
	before := *s
	*s = span{used, at, true}
	elapsed := at.Sub(before.at).Seconds()
	if !before.ok || elapsed <= 0 || processors <= 0 || used < before.used {
		return 0, false
	}
	return min(100*(used-before.used)/elapsed/processors, 100), true
}
