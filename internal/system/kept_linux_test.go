package system

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// A file that changes, grows past the memory, goes and comes back.
func TestKeptFile(t *testing.T) {
	k := kept{path: filepath.Join(t.TempDir(), "f")}
	if _, err := k.number(); !os.IsNotExist(err) {
		t.Errorf("without a file: %v", err)
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(k.path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for content, want := range map[string]float64{"12\n": 12, "3": 3, " 18446744073709551615 x\n": 1 << 64, "0.5\n": 0.5, "-1": -1} {
		write(content)
		if got, err := k.number(); err != nil || got != want {
			t.Errorf("%q is %v, %v, want %v", content, got, err, want)
		}
	}
	for _, content := range []string{"", "\n", "max\n"} {
		write(content)
		if got, err := k.number(); err == nil {
			t.Errorf("%q is %v, want an error", content, got)
		}
	}
	write("ab 1\na 2\n" + strings.Repeat("x 0\n", 5000) + "last\t7 kB")
	for key, want := range map[string]float64{"a": 2, "ab": 1, "last": 7} {
		if got, err := k.key(key); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", key, got, err, want)
		}
	}
	if _, err := k.key("las"); err == nil || !strings.Contains(err.Error(), k.path+": no las") {
		t.Errorf("a key that is not there: %v", err)
	}
}

// The figures are those that procfs reads of the same files.
func TestAgreesWithProcfs(t *testing.T) {
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Read(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		t.Fatal(err)
	}
	host, err := fs.Stat()
	if err != nil {
		t.Fatal(err)
	}
	c := host.CPUTotal // in seconds
	busy := c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ + c.Steal
	if got := r.busy / ticksPerSecond; math.Abs(got-busy) > 0.01*busy+2 || int(r.processors) != len(host.CPU) {
		t.Errorf("%v s busy on %v processors, procfs says %v s on %d", got, r.processors, busy, len(host.CPU))
	}
	self, err := fs.Self()
	if err != nil {
		t.Fatal(err)
	}
	stat, err := self.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if want := float64(stat.ResidentMemory()) / (1 << 20); math.Abs(s.MemoryMB-want) > 0.1*want+2 || math.Abs(s.Threads-float64(stat.NumThreads)) > 3 {
		t.Errorf("%v MiB and %v threads, procfs says %v and %d", s.MemoryMB, s.Threads, want, stat.NumThreads)
	}
	total, err := r.memory.key("MemTotal:")
	if err != nil {
		t.Fatal(err)
	}
	memory, err := fs.Meminfo()
	if err != nil {
		t.Fatal(err)
	}
	if uint64(total) != *memory.MemTotal {
		t.Errorf("%v KiB of memory, procfs says %d", total, *memory.MemTotal)
	}
}

// A reading costs hardly any memory: what procfs needs to count open files.
func TestReadingAllocatesLittle(t *testing.T) {
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if n := testing.AllocsPerRun(20, func() {
		now = now.Add(time.Second)
		_, _ = r.Read(now)
	}); n > 40 {
		t.Errorf("a reading allocates %v times", n)
	} else {
		t.Logf("a reading allocates %v times", n)
	}
}

func BenchmarkRead(b *testing.B) {
	r, err := New()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	now := time.Now()
	for b.Loop() {
		now = now.Add(time.Second)
		_, _ = r.Read(now)
	}
}
