package main

import "testing"

// BenchmarkRequest is one run of each contender of the request path, for profiles.
func BenchmarkRequest(b *testing.B) {
	for _, c := range requestPath() {
		b.Run(c.name, func(b *testing.B) {
			operations := c.make()
			b.ReportAllocs()
			for b.Loop() {
				operations(1000)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/request")
		})
	}
}
