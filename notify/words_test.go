package notify_test

import (
	"math"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

func TestValue(t *testing.T) {
	for _, c := range []struct {
		v          float64
		unit, want string
	}{
		{2.41, "s", "2.41 s"}, {0.038, "s", "38 ms"}, {0.9996, "s", "1 s"}, {0, "s", "0 s"}, {1.5e-7, "s", "150 ns"}, {7200, "s", "2 h"},
		{87.5, "%", "87.5 %"}, {0.072, "%", "0.072 %"}, {1200, "1/s", "1.2 k/s"}, {12, "1/s", "12 /s"}, {9999, "count", "9999"}, {1234567, "count", "1.23 M"},
		{27.4, "MiB", "27.4 MiB"}, {2048, "MiB", "2 GiB"}, {0.5, "MiB/s", "512 KiB/s"}, {3, "jobs", "3 jobs"}, {3, "", "3"}, {-0.038, "s", "-38 ms"},
		{math.NaN(), "s", "–"}, {3, "a\nb", "3 a b"},
	} {
		if got := notify.Value(perfmon.ValueOf(c.v), c.unit); got != c.want {
			t.Errorf("%v in %q is %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

func TestLength(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", -time.Hour: "0 s", 42 * time.Second: "42 s", 61 * time.Second: "1 min", 59*time.Minute + 59*time.Second + 600*time.Millisecond: "1 h",
		125 * time.Minute: "2 h 5 min", 72 * time.Hour: "3 days",
	} {
		if got := notify.Length(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
