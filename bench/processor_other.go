//go:build !unix

package main

import "time"

var begun = time.Now()

// processorTime is the time since the beginning, where the system is not asked for that of
// the processors: on a quiet machine it is about as good.
func processorTime() time.Duration { return time.Since(begun) }
