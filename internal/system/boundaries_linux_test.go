package system_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/internal/system"
)

// cpus are four processors that have nothing to say.
const cpus = "cpu0 0\ncpu1 0\ncpu2 0\ncpu3 0\n"

// Waiting for a disk is not being busy, and neither is guest time counted twice.
func TestWhatIsBusy(t *testing.T) {
	const before = "cpu  1000 200 300 5000 400 50 60 70 80 90\n"
	for _, test := range []struct {
		name  string
		after string // user nice system idle iowait irq softirq steal guest guest_nice
		want  float64
	}{
		{"each kind of time, of 1000 ticks", "cpu  1100 220 330 5500 650 60 75 145 180 190\n", 25},
		{"user", "cpu  1400 200 300 5600 400 50 60 70 80 90\n", 40},
		{"nice", "cpu  1000 600 300 5600 400 50 60 70 80 90\n", 40},
		{"system", "cpu  1000 200 700 5600 400 50 60 70 80 90\n", 40},
		{"interrupts", "cpu  1000 200 300 5600 400 450 60 70 80 90\n", 40},
		{"soft interrupts", "cpu  1000 200 300 5600 400 50 460 70 80 90\n", 40},
		{"stolen", "cpu  1000 200 300 5600 400 50 60 470 80 90\n", 40},
		{"waiting for a disk is idle", "cpu  1000 200 300 5000 1400 50 60 70 80 90\n", 0},
		{"guest time is in user time already", "cpu  1400 200 300 5600 400 50 60 70 480 90\n", 40},
		{"no time has passed", before, math.NaN()},
		{"no time has passed, but some moved from one kind to another", "cpu  1100 200 300 4900 400 50 60 70 80 90\n", math.NaN()},
		{"the counters went back", "cpu  500 200 300 5000 400 50 60 70 80 90\n", math.NaN()},
		{"stolen time was taken back", "cpu  1000 200 300 6070 400 50 60 0 80 90\n", 0},
		{"idle time was taken back", "cpu  2000 200 300 4500 400 50 60 70 80 90\n", 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, got := readTwice(t, map[string]string{"proc/stat": before + cpus}, map[string]string{"proc/stat": test.after + cpus})
			if diff := cmp.Diff(test.want, got.CPUPercent, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("busy, in percent (-want +got):\n%s", diff)
			}
		})
	}
}

// readTwice reads a made-up machine, and again ten seconds later with files changed.
func readTwice(t *testing.T, first, second map[string]string) (system.Stats, system.Stats) {
	t.Helper()
	root := machine(t, first)
	r, err := system.NewAt(root)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1000, 0)
	before, err := r.Read(at)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range second {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	after, err := r.Read(at.Add(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return before, after
}

func TestMemoryBoundaries(t *testing.T) {
	// leaf is the group /pod/app, inside the group /pod.
	group := func(app, pod [3]string) map[string]string {
		files := map[string]string{"proc/7/cgroup": "0::/pod/app\n"}
		for dir, v := range map[string][3]string{"sys/fs/cgroup/pod/app/": app, "sys/fs/cgroup/pod/": pod} {
			for i, name := range []string{"memory.max", "memory.current", "memory.stat"} {
				if v[i] != "" {
					files[dir+name] = v[i] + "\n"
				}
			}
		}
		return files
	}
	const host = 75 // percent in use of the machine's 16 GiB
	none := [3]string{}
	for _, test := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"a parent without a limit", group([3]string{"1000", "400"}, [3]string{"max", "900"}), 40},
		{"a looser parent", group([3]string{"1000", "400"}, [3]string{"2000", "1900"}), 40},
		{"a tighter one", group([3]string{"1000", "400"}, [3]string{"900", "810"}), 90},
		{"of equal limits the nearer counts", group([3]string{"1000", "400"}, [3]string{"1000", "500"}), 40},
		{"more cache than use", group([3]string{"1000", "400", "inactive_file 500"}, none), 0},
		{"more use than the limit", group([3]string{"1000", "1200"}, none), 100},
		{"a limit of a byte", group([3]string{"1", "1"}, none), 100},
		{"a limit of nothing is none", group([3]string{"0", "400"}, none), host},
		{"a limit of all there is is none", group([3]string{"17179869184", "400"}, none), host},
		{"a limit just below that counts", group([3]string{"17179869183", "0"}, none), 0},
		{"version 1: the group of memory, not that of another hierarchy", map[string]string{
			"proc/7/cgroup": "9:name=systemd:/user\n4:memory:/docker/abc\n",
			"proc/7/mountinfo": "20 1 0:1 / / rw - ext4 /dev/root rw\n" +
				"34 20 0:5 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "1000",
			"sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes": "400",
			"sys/fs/cgroup/memory/user/memory.limit_in_bytes":       "1000",
			"sys/fs/cgroup/memory/user/memory.usage_in_bytes":       "900",
		}, 40},
		{"version 1: a group outside what is mounted is the mount itself", map[string]string{
			"proc/7/cgroup": "4:memory:/other\n",
			"proc/7/mountinfo": "20 1 0:1 / / rw - ext4 /dev/root rw\n" +
				"34 20 0:5 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":       "1000",
			"sys/fs/cgroup/memory/memory.usage_in_bytes":       "400",
			"sys/fs/cgroup/memory/other/memory.limit_in_bytes": "500",
			"sys/fs/cgroup/memory/other/memory.usage_in_bytes": "450",
		}, 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _ := readTwice(t, test.files, nil)
			if diff := cmp.Diff(test.want, got.MemoryPercent, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("memory in use, in percent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuotaBoundaries(t *testing.T) {
	const host = "cpu  1500 0 500 9000 0 0 0 0 0 0\n" + cpus // half busy
	group := func(app, pod string) map[string]string {
		return map[string]string{
			"proc/7/cgroup":                  "0::/pod/app\n",
			"sys/fs/cgroup/pod/app/cpu.max":  app,
			"sys/fs/cgroup/pod/app/cpu.stat": "usage_usec 1000000\n",
			"sys/fs/cgroup/pod/cpu.max":      pod,
			"sys/fs/cgroup/pod/cpu.stat":     "usage_usec 9000000\n",
		}
	}
	const app, pod = "usage_usec 2000000\n", "usage_usec 14000000\n" // a tenth and a half of a processor more
	for _, test := range []struct {
		name   string
		files  map[string]string
		second map[string]string
		want   float64
	}{
		{"a looser parent", group("100000 100000\n", "200000 100000\n"), nil, 10},
		{"a tighter one", group("200000 100000\n", "100000 100000\n"), nil, 50},
		{"of equal quotas the nearer counts", group("100000 100000\n", "100000 100000\n"), nil, 10},
		{"all processors are no quota", group("400000 100000\n", "max 100000\n"), nil, 50},
		{"just less than all is one", group("399000 100000\n", "max 100000\n"), nil, 100 * 0.1 / 3.99},
		{"the group's count went back: absent, not the host's", group("100000 100000\n", "max 100000\n"),
			map[string]string{"sys/fs/cgroup/pod/app/cpu.stat": "usage_usec 0\n"}, math.NaN()},
	} {
		t.Run(test.name, func(t *testing.T) {
			second := map[string]string{"proc/stat": host, "sys/fs/cgroup/pod/app/cpu.stat": app, "sys/fs/cgroup/pod/cpu.stat": pod}
			for name, content := range test.second {
				second[name] = content
			}
			_, got := readTwice(t, test.files, second)
			if diff := cmp.Diff(test.want, got.CPUPercent, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("busy, in percent (-want +got):\n%s", diff)
			}
		})
	}
}

// What is missing is named, and the rest is there.
func TestMissingFiles(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no total", map[string]string{"proc/meminfo": "MemAvailable: 4194304 kB\n"}, "MemTotal"},
		{"a total of nothing", map[string]string{"proc/meminfo": "MemTotal: 0 kB\nMemAvailable: 0 kB\n"}, "MemTotal"},
		{"nothing available", map[string]string{"proc/meminfo": "MemTotal: 16777216 kB\n"}, "MemAvailable"},
		{"a quota without accounting", map[string]string{
			"proc/7/cgroup": "1:cpu:/\n",
			"proc/7/mountinfo": "20 1 0:1 / / rw - ext4 /dev/root rw\n" +
				"32 20 0:3 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":  "100000",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
		}, "cpuacct"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := system.NewAt(machine(t, test.files))
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Read(time.Unix(1000, 0))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one that names %s", err, test.want)
			}
			if got.MemoryMB != 100 {
				t.Errorf("resident memory is %v, want it there", got.MemoryMB)
			}
		})
	}
}
