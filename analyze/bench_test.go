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
