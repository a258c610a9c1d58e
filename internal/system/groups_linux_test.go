package system

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestQuota(t *testing.T) {
	for _, test := range []struct {
		name          string
		v1            bool
		first, second string // cpu.max, or quota and period
		want          float64
		ok            bool
	}{
		{"version 2", false, "50000 100000\n", "", 0.5, true},
		{"version 2, the least", false, "1 1\n", "", 1, true},
		{"version 2, without", false, "max 100000\n", "", 0, false},
		{"version 2, a quota of nothing", false, "0 100000\n", "", 0, false},
		{"version 2, a period of nothing", false, "50000 0\n", "", 0, false},
		{"version 2, no period", false, "50000\n", "", 0, false},
		{"version 2, more than two", false, "50000 100000 1\n", "", 0, false},
		{"version 2, no quota", false, "many 100000\n", "", 0, false},
		{"version 2, a period that is no number", false, "50000 long\n", "", 0, false},
		{"version 2, no file", false, "", "", 0, false},
		{"version 1", true, "50000\n", "100000\n", 0.5, true},
		{"version 1, the least", true, "1", "1", 1, true},
		{"version 1, without", true, "-1\n", "100000\n", 0, false},
		{"version 1, a quota of nothing", true, "0", "100000", 0, false},
		{"version 1, a period of nothing", true, "50000", "0", 0, false},
		{"version 1, no quota", true, "", "100000", 0, false},
		{"version 1, no period", true, "50000", "", 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{"cpu.max": test.first}
			if test.v1 {
				files = map[string]string{"cpu.cfs_quota_us": test.first, "cpu.cfs_period_us": test.second}
			}
			for name, content := range files {
				if content == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			group := (&groups{v1cpu: test.v1}).cpuFiles(dir, "")
			got, ok := group.worth(test.v1)
			if ok != test.ok || ok && got != test.want {
				t.Errorf("%v, %v, want %v, %v", got, ok, test.want, test.ok)
			}
		})
	}
}

// The processor time is exact, and of both kinds: what the process ran itself and what
// the kernel ran for it.
func TestProcessTime(t *testing.T) {
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if r.processTime == nil {
		t.Fatal("processor time comes in ticks of 10 ms")
	}
	usage := func() (user, kernel float64) {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano()).Seconds(), time.Duration(u.Stime.Nano()).Seconds()
	}
	user, kernel := usage()
	for kernel < 0.02 { // let the kernel work
		_, _ = os.ReadDir("/proc/self/fd")
		user, kernel = usage()
	}
	got, ok := r.processTime()
	userAfter, kernelAfter := usage()
	if !ok || got < user+kernel-1e-6 || got > userAfter+kernelAfter+1e-6 {
		t.Errorf("%v s, %v, want %v to %v", got, ok, user+kernel, userAfter+kernelAfter)
	}
}
