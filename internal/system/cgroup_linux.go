package system

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/exp/slices"
)

// groups finds and reads the control groups this process is in. A limit may be set
// on the group or on any above it; the tightest counts, and its use with it.
type groups struct {
	mem          []memoryFiles // the process's own first, then its parents
	cpu          []cpuFiles
	v1mem, v1cpu bool
	tightest     int // of cpu: the one with the quota that was read last
}

// memoryFiles and cpuFiles are those of one group that are read.
type memoryFiles struct{ limit, use, stat kept }

type cpuFiles struct {
	quota, period kept // version 2 has both in one
	used          kept
	hasUsed       bool
}

// findGroups looks the folders up: for each controller a version 1 hierarchy where
// one is mounted, else the one of version 2. No control groups is no error.
func findGroups(root string, self procfs.Proc) (*groups, error) {
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
	var mem, cpu, acct []string
	mem, g.v1mem = folders("memory")
	cpu, g.v1cpu = folders("cpu")
	acct, _ = folders("cpuacct")
	for _, dir := range mem {
		g.mem = append(g.mem, g.memoryFiles(dir))
	}
	for i, dir := range cpu {
		// The accounting hierarchy may be mounted apart, but has the same levels.
		used := ""
		if i < len(acct) {
			used = acct[i]
		}
		g.cpu = append(g.cpu, g.cpuFiles(dir, used))
	}
	return g, nil
}

func (g *groups) memoryFiles(dir string) memoryFiles {
	at := func(name string) kept { return kept{path: filepath.Join(dir, name)} }
	if g.v1mem {
		return memoryFiles{at("memory.limit_in_bytes"), at("memory.usage_in_bytes"), at("memory.stat")}
	}
	return memoryFiles{at("memory.max"), at("memory.current"), at("memory.stat")}
}

func (g *groups) cpuFiles(dir, acct string) cpuFiles {
	at := func(dir, name string) kept { return kept{path: filepath.Join(dir, name)} }
	if g.v1cpu {
		return cpuFiles{at(dir, "cpu.cfs_quota_us"), at(dir, "cpu.cfs_period_us"), at(acct, "cpuacct.usage"), acct != ""}
	}
	return cpuFiles{quota: at(dir, "cpu.max"), used: at(dir, "cpu.stat"), hasUsed: true}
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

// memory returns the tightest limit below what the host has, and how much of it is in use, in
// bytes: what cannot be reclaimed at once, as the kernel counts it for an out-of-memory kill.
func (g *groups) memory(host float64) (used, limit float64, ok bool) {
	cacheKey := "inactive_file"
	if g.v1mem {
		cacheKey = "total_inactive_file"
	}
	for i := range g.mem {
		files := &g.mem[i]
		l, err := files.limit.number()
		if err != nil || l >= host || ok && l >= limit {
			continue // what it uses takes the kernel long to say
		}
		u, err := files.use.number()
		if err != nil {
			continue
		}
		cache, _ := files.stat.key(cacheKey)
		used, limit, ok = max(u-cache, 0), l, true
	}
	return used, limit, ok && limit > 0
}

// quota returns how many processors the tightest quota is worth.
func (g *groups) quota() (processors float64, ok bool) {
	for i := range g.cpu {
		if q, has := g.cpu[i].worth(g.v1cpu); has && (!ok || q < processors) {
			processors, ok, g.tightest = q, true, i
		}
	}
	return processors, ok
}

// worth returns how many processors a group's quota is worth.
func (c *cpuFiles) worth(v1 bool) (processors float64, ok bool) {
	var quota, period float64
	var err1, err2 error
	if v1 {
		quota, err1 = c.quota.number()
		if err1 != nil || quota <= 0 {
			return 0, false
		}
		period, err2 = c.period.number()
	} else {
		data, err := c.quota.read()
		if err != nil {
			return 0, false
		}
		first, rest := cutWord(data)
		second, rest := cutWord(rest)
		if more, _ := cutWord(rest); len(more) > 0 || string(first) == "max" { // no quota
			return 0, false
		}
		quota, err1 = parse(first)
		period, err2 = parse(second)
	}
	return quota / period, err1 == nil && err2 == nil && quota > 0 && period > 0
}

// cpuUsed returns the seconds of processor time used by the group with the tightest
// quota, which quota has found.
func (g *groups) cpuUsed() (float64, error) {
	c := &g.cpu[g.tightest]
	if !c.hasUsed {
		return 0, fmt.Errorf("cgroup: no cpuacct hierarchy beside %s", filepath.Dir(c.quota.path))
	}
	if g.v1cpu {
		ns, err := c.used.number()
		return ns / 1e9, err
	}
	us, err := c.used.key("usage_usec")
	return us / 1e6, err
}
