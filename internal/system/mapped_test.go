package system

import (
	"runtime/debug"
	"testing"
)

var ballast []byte

// It is used on other systems, but true on every one.
func TestMappedMemoryFollowsTheHeap(t *testing.T) {
	before := mappedMB()
	ballast = make([]byte, 256<<20)
	full := mappedMB()
	if grown := full - before; !(grown >= 250 && grown <= 300) {
		t.Errorf("256 MiB more are given as %.0f", grown)
	}
	ballast = nil
	debug.FreeOSMemory()
	if shrunk := full - mappedMB(); !(shrunk >= 200 && shrunk <= full) {
		t.Errorf("256 MiB were given back, %.0f are gone", shrunk)
	}
}
