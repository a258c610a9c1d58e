package traffic_test

import "unsafe"

// stringOf returns a string over the bytes of parent, as a string cut from a larger one.
func stringOf(parent *[1 << 16]byte) string { return unsafe.String(&parent[0], len(parent)) }
