package ring_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/internal/ring"
)

// column is what a test sees of either.
type column interface {
	Set(v float64)
	At(i int) float64
}

// oneRow is the first column of rows.
type oneRow struct{ *ring.Rows }

func (c oneRow) Set(v float64)    { c.Rows.Set(0, v) }
func (c oneRow) At(i int) float64 { return c.Rows.At(0, i) }

// logarithmic returns the scales of so many columns.
func logarithmic(columns int) (scales []ring.Scale) {
	for range columns {
		scales = append(scales, ring.Logarithmic)
	}
	return scales
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A ring holds what a plain slice of its newest points would hold.
func TestRingAgainstSlice(t *testing.T) {
	type point struct {
		T time.Time
		V float64
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, capacity := range []int{1, 2, 127, 128, 129, 300} {
		r := ring.New(capacity)
		c := r.Floats()
		var want []point
		for i := range 3*capacity + 5 {
			at := epoch.Add(time.Duration(i) * time.Minute)
			r.Append(at)
			v := math.NaN()
			if rng.IntN(4) > 0 {
				v = float64(rng.IntN(1000))
				c.Set(v)
			}
			want = append(want, point{at, v})
			if len(want) > capacity {
				want = want[1:]
			}
			if i%23 != 0 && i < 3*capacity { // comparing is slow, and near the end it matters most
				continue
			}
			got := make([]point, r.Len())
			for i := range got {
				got[i] = point{r.Time(i), c.At(i)}
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("capacity %d, after %d points (-want +got):\n%s", capacity, i+1, diff)
			}
		}
	}
}

func TestClockSetBackDropsTheFuture(t *testing.T) {
	r := ring.New(10)
	c := r.Floats()
	for i := range 6 {
		r.Append(epoch.Add(time.Duration(i) * time.Minute))
		c.Set(float64(i))
	}
	r.Append(epoch.Add(150 * time.Second)) // points 3, 4 and 5 lie after it
	c.Set(100)
	var got []float64
	for i := range r.Len() {
		got = append(got, c.At(i))
	}
	if diff := cmp.Diff([]float64{0, 1, 2, 100}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestAfter(t *testing.T) {
	r := ring.New(4)
	for i := range 6 { // minutes 2 to 5 stay
		r.Append(epoch.Add(time.Duration(i) * time.Minute))
	}
	for minute, want := range map[int]int{0: 0, 1: 0, 2: 1, 4: 3, 5: 4, 9: 4} {
		if got := r.After(epoch.Add(time.Duration(minute) * time.Minute)); got != want {
			t.Errorf("After(minute %d) = %d, want %d", minute, got, want)
		}
	}
}

// What is read is of single precision, so that a number written with as many digits as
// that takes comes back as it was.
func TestValuesAreOfSinglePrecision(t *testing.T) {
	r := ring.New(1)
	for name, c := range map[string]column{"floats": r.Floats(), "rows": oneRow{r.Rows(logarithmic(1))}} {
		r.Append(epoch)
		for v := 1e-9; v < 1e9; v *= 1.37 {
			c.Set(v)
			got := c.At(0)
			if float64(float32(got)) != got {
				t.Fatalf("%s: %v is kept as %v, which is no float32", name, v, got)
			}
			c.Set(got)
			if again := c.At(0); again != got {
				t.Fatalf("%s: %v is kept as %v when it is set again", name, got, again)
			}
		}
	}
}

func TestRowsKeepFourDigits(t *testing.T) {
	r := ring.New(1)
	c := oneRow{r.Rows(logarithmic(1))}
	r.Append(epoch)
	if got := c.At(0); !math.IsNaN(got) {
		t.Errorf("a value never set is %v, want NaN", got)
	}
	for v := 1e-9; v < 1e9; v *= 1.37 {
		c.Set(v)
		if e := math.Abs(c.At(0)-v) / v; e > 0.0004 {
			t.Errorf("%v is kept as %v, off by %.4f %%", v, c.At(0), e*100)
		}
	}
	for in, want := range map[float64]float64{0: 0, -5: 0, 1e12: 1e9, 1e-12: 0} {
		c.Set(in)
		if got := c.At(0); math.Abs(got-want) > want*0.0004 {
			t.Errorf("%v is kept as %v, want %v", in, got, want)
		}
	}
	c.Set(math.NaN())
	if !math.IsNaN(c.At(0)) {
		t.Error("NaN is not kept as absent")
	}
}

// Rows hold what plain slices of the newest points would hold, packed or not, whatever
// comes and goes, and also when the clock is set back.
func TestRowsAgainstSlices(t *testing.T) {
	const columns = 3
	type point struct {
		T time.Time
		V [columns]float64
	}
	nan := math.NaN()
	rng := rand.New(rand.NewPCG(2, 1))
	for _, capacity := range []int{1, 63, 64, 65, 200, 500} {
		r := ring.New(capacity)
		c := r.Rows(logarithmic(columns))
		one := ring.New(1) // says how a number is kept
		code := one.Rows(logarithmic(1))
		one.Append(epoch)
		var want []point
		at := epoch
		for i := range 3*capacity + 100 {
			at = at.Add(time.Minute)
			if rng.IntN(150) == 0 {
				at = at.Add(-time.Duration(rng.IntN(80)) * time.Minute)
			}
			for len(want) > 0 && !want[len(want)-1].T.Before(at) {
				want = want[:len(want)-1]
			}
			r.Append(at)
			p := point{at, [columns]float64{nan, nan, nan}}
			quiet := i/90%3 == 1 // spans without a value
			for j := range columns {
				var v float64
				switch {
				case quiet || j == 2 && rng.IntN(50) > 0:
					continue
				case j == 0:
					v = 0.02 * math.Exp(rng.NormFloat64()*0.2) // close together
				default:
					v = []float64{0, 1e-9, 1e9, 1e12, rng.ExpFloat64()}[rng.IntN(5)]
				}
				c.Set(j, v)
				code.Set(0, v)
				p.V[j] = code.At(0, 0)
			}
			want = append(want, p)
			if len(want) > capacity {
				want = want[1:]
			}
			if i%101 != 0 && i < 3*capacity+80 {
				continue
			}
			got := make([]point, r.Len())
			for i := range got {
				got[i] = point{T: r.Time(i)}
				for j := range columns {
					got[i].V[j] = c.At(j, i)
				}
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("capacity %d, after %d points (-want +got):\n%s", capacity, i+1, diff)
			}
			from := rng.IntN(r.Len())
			part := make([]float64, rng.IntN(r.Len()-from+1))
			for j := range columns {
				c.Read(j, from, part)
				for k, v := range part {
					if one := c.At(j, from+k); one != v && !(math.IsNaN(one) && math.IsNaN(v)) {
						t.Fatalf("capacity %d, after %d points: point %d of column %d is %v, among others %v", capacity, i+1, from+k, j, one, v)
					}
				}
			}
		}
	}
}
