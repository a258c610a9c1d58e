package system

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/exp/slices"
)

// groups finds and reads the control groups this process is in. A limit may be set
// on the group or on any above it; the tightest counts, and its use with it.
type groups struct {
	mem, cpu, acct []string // folders, the process's own first, then its parents
	v1mem, v1cpu   bool
}

// findGroups looks the folders up: for each controller a version 1 hierarchy where
// one is mounted, else the one of version 2. No control groups is no error.
func findGroups(root string, fs procfs.FS) (*groups, error) {
	self, err := fs.Self()
	if err != nil {
		return nil, fmt.Errorf("system: %w", err)
	}
	mounts, err := self.MountInfo()
	if err != nil {
		return nil, fmt.Errorf("system: %w", err)
	}
	memberships, err := self.Cgroups()
	if err != nil {
		return nil, fmt.Errorf("system: %w", err)
	}
	folders := func(controller string) (dirs []string, v1 bool) {
		for _, v1 := range []bool{true, false} {
			for _, m := range memberships {
				if v1 != slices.Contains(m.Controllers, controller) || !v1 && m.HierarchyID != 0 {
					continue
				}
				for _, mount := range mounts {
					if _, has := mount.SuperOptions[controller]; mount.FSType == "cgroup" && v1 && has ||
						mount.FSType == "cgroup2" && !v1 {
						return climb(root, mount, m.Path), v1
					}
				}
			}
		}
		return nil, false
	}
	g := &groups{}
	g.mem, g.v1mem = folders("memory")
	g.cpu, g.v1cpu = folders("cpu")
	g.acct, _ = folders("cpuacct")
	return g, nil
}

// climb lists the folders from a group's up to the mount's own. Without a namespace
// of its own a container sees the host's path, of which only the end is mounted.
func climb(root string, mount *procfs.MountInfo, path string) []string {
	top := filepath.Join(root, mount.MountPoint)
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(mount.Root, "/"))
	if !ok {
		rest = "/"
	}
	dir := filepath.Join(top, filepath.Clean("/"+rest))
	if _, err := os.Stat(dir); err != nil {
		dir = top
	}
	dirs := []string{dir}
	for dir != top {
		dir = filepath.Dir(dir)
		dirs = append(dirs, dir)
	}
	return dirs
}

// memory returns the tightest limit and how much of it is in use, in bytes: what
// cannot be reclaimed at once, as the kernel counts it for an out-of-memory kill.
func (g *groups) memory() (used, limit float64, ok bool) {
	limitFile, useFile, cacheKey := "memory.max", "memory.current", "inactive_file"
	if g.v1mem {
		limitFile, useFile, cacheKey = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
	}
	for _, dir := range g.mem {
		l, err := readNumber(filepath.Join(dir, limitFile))
		if err != nil || ok && l >= limit {
			continue
		}
		u, err := readNumber(filepath.Join(dir, useFile))
		if err != nil {
			continue
		}
		cache, _ := readKey(filepath.Join(dir, "memory.stat"), cacheKey)
		used, limit, ok = max(u-cache, 0), l, true
	}
	return used, limit, ok && limit > 0
}

// quota returns how many processors the tightest quota is worth.
func (g *groups) quota() (processors float64, ok bool) {
	i := g.quotaAt()
	if i < 0 {
		return 0, false
	}
	return g.quotaOf(g.cpu[i])
}

// quotaAt returns the place of the folder with the tightest quota, -1 without any.
func (g *groups) quotaAt() int {
	best, at := 0.0, -1
	for i, dir := range g.cpu {
		if q, ok := g.quotaOf(dir); ok && (at < 0 || q < best) {
			best, at = q, i
		}
	}
	return at
}

func (g *groups) quotaOf(dir string) (processors float64, ok bool) {
	if g.v1cpu {
		quota, err1 := readNumber(filepath.Join(dir, "cpu.cfs_quota_us"))
		period, err2 := readNumber(filepath.Join(dir, "cpu.cfs_period_us"))
		return quota / period, err1 == nil && err2 == nil && quota > 0 && period > 0
	}
	data, err := os.ReadFile(filepath.Join(dir, "cpu.max"))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(data)) // "max 100000" is no quota
	if len(fields) != 2 {
		return 0, false
	}
	quota, err1 := strconv.ParseFloat(fields[0], 64)
	period, err2 := strconv.ParseFloat(fields[1], 64)
	return quota / period, err1 == nil && err2 == nil && quota > 0 && period > 0
}

// cpuUsed returns the seconds of processor time used by the group with the tightest
// quota.
func (g *groups) cpuUsed() (float64, error) {
	i := g.quotaAt()
	if i < 0 {
		return 0, fmt.Errorf("cgroup: no quota")
	}
	if g.v1cpu {
		// The accounting hierarchy may be mounted apart, but has the same levels.
		if i >= len(g.acct) {
			return 0, fmt.Errorf("cgroup: no cpuacct hierarchy beside %s", g.cpu[i])
		}
		ns, err := readNumber(filepath.Join(g.acct[i], "cpuacct.usage"))
		return ns / 1e9, err
	}
	us, err := readKey(filepath.Join(g.cpu[i], "cpu.stat"), "usage_usec")
	return us / 1e6, err
}

// readNumber reads a file that holds one number; "max" is an error like any word.
func readNumber(path string) (float64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(string(bytes.TrimSpace(data)), 64)
}

// readKey reads the number behind a key in a file of such lines.
func readKey(path, key string) (float64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("%s: no %s", path, key)
}
