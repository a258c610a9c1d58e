package analyze

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// cheapest tries all ways to cut a series from begin on, the plain way.
func cheapest(y []float64, begin, shortest int, cost float64) (least float64, cuts []int) {
	errorOf := func(part []float64) float64 {
		mean, total := 0.0, 0.0
		for _, v := range part {
			mean += v / float64(len(part))
		}
		for _, v := range part {
			total += (v - mean) * (v - mean)
		}
		return total
	}
	least = math.Inf(1)
	if len(y)-begin >= shortest {
		least = errorOf(y[begin:])
	}
	for at := begin + shortest; at <= len(y)-shortest; at++ {
		rest, more := cheapest(y, at, shortest, cost)
		if total := errorOf(y[begin:at]) + cost + rest; total < least {
			least, cuts = total, append([]int{at}, more...)
		}
	}
	return least, cuts
}

func TestPartitionIsTheCheapest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	cut := 0
	for range 300 {
		y := make([]float64, 6+rng.IntN(12))
		for i := range y {
			y[i] = 1e9 + rng.NormFloat64() + 3*float64(i/4%2)
		}
		shortest, cost := 2+rng.IntN(3), 1+10*rng.Float64()
		_, want := cheapest(y, 0, shortest, cost)
		cut += len(want)
		if diff := cmp.Diff(want, partition(y, shortest, cost), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%v, at least %d, cost %v (-want +got):\n%s", y, shortest, cost, diff)
		}
	}
	if cut < 100 {
		t.Errorf("only %d cuts in all", cut)
	}
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{3}, 3 / math.Sqrt(0.62297)},
		{[]float64{3, -100}, 3 / math.Sqrt(0.62297)},
		{[]float64{-1, 2, 3, -4, 5, 6, 7, 8, 9, 1000}, math.Sqrt(285. / 9 / 0.62297)},
	} {
		if got := spread(test.x); !(math.Abs(got-test.want) <= 1e-9) {
			t.Errorf("%v: %v, want %v", test.x, got, test.want)
		}
	}
}

func TestRobustAutocorrelation(t *testing.T) {
	line := make([]float64, 100)
	wave := make([]float64, 100)
	for i := range line {
		line[i], wave[i] = float64(i), float64(i%4/2)
	}
	for name, test := range map[string]struct {
		x    []float64
		want float64
	}{
		"constant":   {make([]float64, 10), 0},
		"a line":     {line, 0.95},
		"to and fro": {[]float64{1, -1, 1, -1, 1, -1, 1, -1}, 0},
		// Neighbours differ by 1 half of the time, numbers two apart always.
		"a wave": {wave, 0.95},
	} {
		if got := robustAutocorrelation(test.x); !(math.Abs(got-test.want) <= 1e-9) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for _, rho := range []float64{0, 0.3, 0.6, 0.9} {
		x := make([]float64, 20_000)
		v := 0.0
		for i := range x {
			v = rho*v + rng.NormFloat64()
			x[i] = v
		}
		if got := robustAutocorrelation(x); !(math.Abs(got-rho) <= 0.03) {
			t.Errorf("of %v: %v", rho, got)
		}
	}
}

func TestThin(t *testing.T) {
	for n, want := range map[int][2]int{1500: {1, 1500}, 1501: {2, 750}, 3000: {2, 1500}, 3001: {3, 1000}} {
		x, stride := thin(make([]float64, n))
		if stride != want[0] || len(x) != want[1] {
			t.Errorf("%d points: %d of %d", n, len(x), stride)
		}
	}
	if diff := cmp.Diff([]float64{1.5, 3.5}, blockMeans([]float64{1, 2, 3, 4, 5}, 2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A level has at least as many points as it has to, of averages at least two.
func TestCutAtTheEdges(t *testing.T) {
	step := func(n, at int) []float64 {
		x := make([]float64, n)
		for i := at; i < n; i++ {
			x[i] = 1
		}
		return x
	}
	for _, test := range []struct {
		name string
		x    []float64
		want []int
	}{
		{"five and five", step(10, 5), nil}, // of nine differences, none has five on either side
		{"six and five", step(11, 6), []int{6}},
		{"six and four", step(10, 6), nil},
		{"twenty and five", step(25, 20), []int{20}},
		{"twenty and four", step(24, 20), []int{19}},
		{"a long one, at an average", step(4500, 3000), []int{3000}},
		{"a long one, near its end", step(6000, 5992), []int{5992}},
		{"a very long one, near its end", step(15_000, 14_980), []int{14_980}},
		{"a very long one, at its last average", step(15_000, 14_990), []int{14_980}},
	} {
		if diff := cmp.Diff(test.want, cut(test.x, 5), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// Numbers that differ by less than a millionth are equal.
func TestCutAgainstRounding(t *testing.T) {
	for rise, want := range map[float64][]int{0.001: nil, 0.002: {25}} {
		x := make([]float64, 50)
		for i := range x {
			x[i] = 1000
			if i >= 25 {
				x[i] += rise
			}
		}
		if diff := cmp.Diff(want, cut(x, 5), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("a rise by %v from 1000 (-want +got):\n%s", rise, diff)
		}
	}
}
