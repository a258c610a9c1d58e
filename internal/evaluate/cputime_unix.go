//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime is what this process has used so far: unlike time, it does not grow while
// others have the processor.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return time.Since(started)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
