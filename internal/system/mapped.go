package system

import "runtime/metrics"

// mappedMB is the memory that the Go runtime has mapped and not given back, in MiB: what
// comes nearest to resident memory where the system is not asked.
func mappedMB() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64()-s[1].Value.Uint64()) / (1 << 20)
}
