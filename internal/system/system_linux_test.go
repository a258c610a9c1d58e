package system_test

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/procfs"

	"github.com/backend-prs/perfmon/internal/system"
)

// Resident memory against the kernel's exact count of this process's pages.
func TestMemoryAgainstSmapsRollup(t *testing.T) {
	r, err := system.New()
	if err != nil {
		t.Fatal(err)
	}
	ballast := make([]byte, 64<<20) // large enough for an error to show
	for i := range ballast {
		ballast[i] = byte(i)
	}
	self, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	exact, err := self.ProcSMapsRollup()
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Read(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := float64(exact.Rss) / (1 << 20)
	if math.Abs(got.MemoryMB-want) > 0.05*want+2 {
		t.Errorf("resident memory of %.1f MiB, smaps_rollup says %.1f", got.MemoryMB, want)
	}
	runtime.KeepAlive(ballast)
}

// This process's share of the processors against what the kernel charged to a thread
// that span, as that thread itself reads it.
func TestProcessCPUAgainstSpinningThread(t *testing.T) {
	r, err := system.New()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := r.Read(start); err != nil {
		t.Fatal(err)
	}
	spent := make(chan time.Duration)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		const rusageThread = 1
		var before, after syscall.Rusage
		if err := syscall.Getrusage(rusageThread, &before); err != nil {
			panic(err)
		}
		for time.Since(start) < 400*time.Millisecond {
		}
		if err := syscall.Getrusage(rusageThread, &after); err != nil {
			panic(err)
		}
		spent <- time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	}()
	thread := <-spent
	end := time.Now()
	got, err := r.Read(end)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := procfs.NewFS("/proc")
	if err != nil {
		t.Fatal(err)
	}
	host, err := stat.Stat()
	if err != nil {
		t.Fatal(err)
	}
	// The rest of the process did next to nothing; where a quota is set, the share
	// is of fewer processors and so larger.
	least := 100 * thread.Seconds() / end.Sub(start).Seconds() / float64(len(host.CPU))
	if got.ProcessCPUPercent < least*0.98 || got.ProcessCPUPercent > 100 {
		t.Errorf("process at %.2f %%, its thread alone was charged %.2f %%", got.ProcessCPUPercent, least)
	}
	if got.CPUPercent < least*0.7 {
		t.Errorf("processors %.2f %% busy, one thread alone was charged %.2f %%", got.CPUPercent, least)
	}
}

// machine writes the files of a made-up machine and returns where.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{
		"proc/stat":     "cpu  1000 0 500 8500 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\ncpu2 0 0 0 0 0 0 0 0 0 0\ncpu3 0 0 0 0 0 0 0 0 0 0\n",
		"proc/meminfo":  "MemTotal:       16777216 kB\nMemFree:         1000000 kB\nMemAvailable:    4194304 kB\n",
		"proc/7/stat":   "7 (svc) S 1 7 7 0 -1 0 0 0 0 0 300 100 0 0 20 0 9 0 100 1000000 25600 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		"proc/7/fd/0":   "",
		"proc/7/fd/1":   "",
		"proc/7/cgroup": "0::/\n",
		"proc/7/mountinfo": "20 1 0:1 / / rw - ext4 /dev/root rw\n" +
			"31 20 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
	}
	for name, content := range files {
		all[name] = content
	}
	for name, content := range all {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("7", filepath.Join(root, "proc/self")); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestLimits(t *testing.T) {
	const gib = "1073741824"
	v1mounts := "20 1 0:1 / / rw - ext4 /dev/root rw\n" +
		"32 20 0:3 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
		"33 20 0:4 /docker/abc /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n" +
		"34 20 0:5 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	v1groups := "9:name=systemd:/\n4:memory:/docker/abc\n2:cpuacct:/docker/abc\n1:cpu:/docker/abc\n0::/\n"
	nan := math.NaN()
	tests := []struct {
		name          string
		files, second map[string]string // second: what changed ten seconds later
		want          system.Stats
	}{
		{
			name:   "no limit: the host's memory and processors",
			second: map[string]string{"proc/stat": "cpu  2000 0 1500 10500 0 0 0 0 0 0\ncpu0 0\ncpu1 0\ncpu2 0\ncpu3 0\n"},
			want:   system.Stats{MemoryMB: 100, MemoryPercent: 75, CPUPercent: 50, ProcessCPUPercent: 5, Threads: 9, OpenFDs: 2},
		},
		{
			name: "version 2: its own limits, clean cache not counted",
			files: map[string]string{
				"proc/7/cgroup":                    "0::/app\n",
				"sys/fs/cgroup/app/memory.max":     gib,
				"sys/fs/cgroup/app/memory.current": "644245094",
				"sys/fs/cgroup/app/memory.stat":    "anon 1\ninactive_file 107374182\n",
				"sys/fs/cgroup/app/cpu.max":        "50000 100000\n",
				"sys/fs/cgroup/app/cpu.stat":       "usage_usec 1000000\n",
			},
			second: map[string]string{"sys/fs/cgroup/app/cpu.stat": "usage_usec 5000000\n"},
			want:   system.Stats{MemoryMB: 100, MemoryPercent: 50, CPUPercent: 80, ProcessCPUPercent: 40, Threads: 9, OpenFDs: 2},
		},
		{
			name: "version 2: the tighter limit of a parent counts",
			files: map[string]string{
				"proc/7/cgroup":                        "0::/pod/app\n",
				"sys/fs/cgroup/pod/app/memory.max":     "max\n",
				"sys/fs/cgroup/pod/app/memory.current": "5\n",
				"sys/fs/cgroup/pod/app/cpu.max":        "max 100000\n",
				"sys/fs/cgroup/pod/memory.max":         gib,
				"sys/fs/cgroup/pod/memory.current":     "268435456",
				"sys/fs/cgroup/pod/memory.stat":        "inactive_file 0\n",
				"sys/fs/cgroup/pod/cpu.max":            "200000 100000\n",
				"sys/fs/cgroup/pod/cpu.stat":           "usage_usec 0\n",
			},
			second: map[string]string{"sys/fs/cgroup/pod/cpu.stat": "usage_usec 5000000\n"},
			want:   system.Stats{MemoryMB: 100, MemoryPercent: 25, CPUPercent: 25, ProcessCPUPercent: 10, Threads: 9, OpenFDs: 2},
		},
		{
			name: "version 1, in a container without a namespace of its own",
			files: map[string]string{
				"proc/7/cgroup":    v1groups,
				"proc/7/mountinfo": v1mounts,
				"sys/fs/cgroup/memory/memory.limit_in_bytes": gib,
				"sys/fs/cgroup/memory/memory.usage_in_bytes": "536870912",
				"sys/fs/cgroup/memory/memory.stat":           "total_inactive_file 0\n",
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "100000",
				"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000",
				"sys/fs/cgroup/cpuacct/cpuacct.usage":        "1000000000",
			},
			second: map[string]string{"sys/fs/cgroup/cpuacct/cpuacct.usage": "4000000000"},
			want:   system.Stats{MemoryMB: 100, MemoryPercent: 50, CPUPercent: 30, ProcessCPUPercent: 20, Threads: 9, OpenFDs: 2},
		},
		{
			name: "version 1 without limits: the host's",
			files: map[string]string{
				"proc/7/cgroup":    v1groups,
				"proc/7/mountinfo": v1mounts,
				"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
				"sys/fs/cgroup/memory/memory.usage_in_bytes": "536870912",
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "-1",
				"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000",
			},
			want: system.Stats{MemoryMB: 100, MemoryPercent: 75, CPUPercent: nan, ProcessCPUPercent: 5, Threads: 9, OpenFDs: 2},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := machine(t, test.files)
			r, err := system.NewAt(root)
			if err != nil {
				t.Fatal(err)
			}
			at := time.Unix(1000, 0)
			first, err := r.Read(at)
			if err != nil {
				t.Fatal(err)
			}
			if !math.IsNaN(first.CPUPercent) || !math.IsNaN(first.ProcessCPUPercent) {
				t.Errorf("the first reading knows a rate: %+v", first)
			}
			// Two more seconds of processor time in ten.
			files := map[string]string{"proc/7/stat": "7 (svc) S 1 7 7 0 -1 0 0 0 0 0 400 200 0 0 20 0 9 0 100 1000000 25600 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"}
			for name, content := range test.second {
				files[name] = content
			}
			for name, content := range files {
				if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := r.Read(at.Add(10 * time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-6, 1e-6)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatCannotBeReadIsAbsent(t *testing.T) {
	root := machine(t, nil)
	r, err := system.NewAt(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "proc/meminfo")); err != nil {
		t.Fatal(err)
	}
	got, err := r.Read(time.Unix(1000, 0))
	if err == nil {
		t.Error("no error for a machine without meminfo")
	}
	if !math.IsNaN(got.MemoryPercent) || got.MemoryMB != 100 {
		t.Errorf("got %+v, want the share of memory absent and the rest there", got)
	}
}
