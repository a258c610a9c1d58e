package analyze_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/backend-prs/perfmon/analyze"
)

func BenchmarkSummarize(b *testing.B) {
	for _, n := range []int{60, 1440, 100_000} {
		x := ar(rand.New(rand.NewPCG(1, 1)), n, 0.5)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				analyze.Summarize(x)
			}
		})
	}
}
func BenchmarkChangePoints(b *testing.B) {
	for _, n := range []int{120, 720, 2880} {
		for _, rise := range []float64{0, 5} {
			x := ar(rand.New(rand.NewPCG(1, 1)), n, 0.5)
			for i := n / 2; i < n; i++ {
				x[i] += rise
			}
			times := minutes(n)
			b.Run(fmt.Sprintf("%d points, a step of %v", n, rise), func(b *testing.B) {
				for b.Loop() {
					analyze.ChangePoints(times, x)
				}
			})
		}
	}
}
