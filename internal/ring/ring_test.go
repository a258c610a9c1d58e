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
	for name, c := range map[string]ring.Column{"floats": r.Floats(), "logs": r.Logs()} {
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

func TestLogsKeepFourDigits(t *testing.T) {
	r := ring.New(1)
	c := r.Logs()
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
