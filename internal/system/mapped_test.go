package system

import "testing"

var ballast []byte

// It is used on other systems, but true on every one.
func TestMappedMemoryFollowsTheHeap(t *testing.T) {
	before := mappedMB()
	ballast = make([]byte, 256<<20)
	if grown := mappedMB() - before; grown < 250 || grown > 300 {
		t.Errorf("256 MiB more are told as %.0f", grown)
	}
	ballast = nil
}
