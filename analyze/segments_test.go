package analyze

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// errorOf is the squared error of an autoregression about a level or a line, the plain
// way: the numbers are made independent of each other, and then fitted by least squares.
func errorOf(x []float64, rho float64, line bool) float64 {
	white := func(v func(int) float64) []float64 {
		w := make([]float64, len(x))
		for i := range w {
			w[i] = v(i)
			if i == 0 {
				w[i] *= math.Sqrt(1 - rho*rho)
			} else {
				w[i] -= rho * v(i-1)
			}
		}
		return w
	}
	y := white(func(i int) float64 { return x[i] })
	columns := [][]float64{white(func(int) float64 { return 1 })}
	if line {
		columns = append(columns, white(func(i int) float64 { return float64(i) / float64(len(x)) }))
	}
	for i, c := range columns { // Gram and Schmidt
		for _, before := range columns[:i] {
			share := dot(c, before) / dot(before, before)
			for j := range c {
				c[j] -= share * before[j]
			}
		}
		share := dot(y, c) / dot(c, c)
		for j := range y {
			y[j] -= share * c[j]
		}
	}
	return dot(y, y)
}

func TestFitOfSegments(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		x := make([]float64, 20+rng.IntN(50))
		for i := range x {
			x[i] = rng.NormFloat64() + float64(i)*0.05
		}
		rho := rng.Float64() * 0.9
		f := newProducts(x).at(rho)
		s := rng.IntN(len(x) - 6)
		e := s + 6 + rng.IntN(len(x)-s-5)
		level := f.level(s, e)
		if want := errorOf(x[s:e], rho, false); math.Abs(level-want) > 1e-9*want {
			t.Fatalf("%d to %d, rho %v: error %v about the level, want %v", s, e, rho, level, want)
		}
		if got, want := level-f.gain(s, e, level), errorOf(x[s:e], rho, true); math.Abs(got-want) > 1e-8*want {
			t.Fatalf("%d to %d, rho %v: error %v about the line, want %v", s, e, rho, got, want)
		}
	}
}

// cheapest tries all ways to cut a series from begin on, the plain way.
func cheapest(x []float64, rho float64, begin int, cut, line float64) (least float64, cuts []int) {
	cost := func(part []float64) float64 {
		return min(errorOf(part, rho, false), errorOf(part, rho, true)+line)
	}
	least = cost(x[begin:])
	for at := begin + shortestLevel; at <= len(x)-shortestLevel; at++ {
		rest, more := cheapest(x, rho, at, cut, line)
		if total := cost(x[begin:at]) + cut + rest; total < least {
			least, cuts = total, append([]int{at}, more...)
		}
	}
	return least, cuts
}

func TestPartitionIsTheCheapest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 200 {
		x := make([]float64, 10+rng.IntN(14))
		for i := range x {
			x[i] = rng.NormFloat64() + 3*float64(i/6%2)
		}
		rho, cut, line := 0.8*rng.Float64(), 1+10*rng.Float64(), 1+5*rng.Float64()
		_, want := cheapest(x, rho, 0, cut, line)
		found += len(want)
		f := newProducts(x).at(rho)
		if diff := cmp.Diff(want, f.partition(shortestLevel, cut, line), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%v, rho %v, cut %v, line %v (-want +got):\n%s", x, rho, cut, line, diff)
		}
	}
	if found < 60 {
		t.Errorf("only %d cuts in all", found)
	}
}

// In long series cuts are found coarsely, and then moved to the same places.
func TestPartitionOfLongSeries(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	x := make([]float64, 3*maxPlaces-7)
	want := []int{301, 500, 707}
	level := 0.0
	for i := range x {
		if len(want) > 0 && (i == 301 || i == 500 || i == 707) {
			level = 20 - level
		}
		x[i] = level + rng.NormFloat64()
	}
	f := newProducts(standardize(x)).at(0)
	if diff := cmp.Diff(want, f.partition(shortestLevel, 20, 20)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The rhythm that is taken off is the one that was put on, steps notwithstanding.
func TestHarmonics(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	begin := time.Date(2024, 5, 1, 7, 0, 0, 0, time.UTC)
	times := make([]time.Time, 600)
	z, truth := make([]float64, 600), make([]float64, 600)
	for i := range times {
		times[i] = begin.Add(time.Duration(i) * 5 * time.Minute)
		angle := 2 * math.Pi * dayShare(times[i])
		truth[i] = 2*math.Sin(angle) + math.Cos(3*angle)
		z[i] = truth[i] + 0.3*rng.NormFloat64()
		if i >= 400 {
			z[i] += 3
		}
	}
	h := newHarmonics(times, 1, len(z))
	c := h.fit(z, []int{400})
	worst := 0.0
	for i := range z {
		worst = max(worst, math.Abs(dot(c[:], h.waves[i])-truth[i]))
	}
	if worst > 0.25 {
		t.Errorf("the rhythm is off by up to %v", worst)
	}
	for name, h := range map[string]*harmonics{
		"less than two days": newHarmonics(times[:550], 1, 550),
		"a point an hour":    newHarmonics(append(times[:1:1], times[599]), 1, 2),
	} {
		if h != nil {
			t.Errorf("%s has a rhythm", name)
		}
	}
}
