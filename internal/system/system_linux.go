package system

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/prometheus/procfs"
)

// Reader reads over spans that follow each other. It belongs to one goroutine.
type Reader struct {
	proc   procfs.FS
	groups *groups

	own, group  span
	busy, total float64 // of the host, at the last reading
	processors  float64 // of the host
	processTime func() (seconds float64, ok bool)
	haveHost    bool
}

// New returns a reader of the machine it runs on.
func New() (*Reader, error) {
	r, err := NewAt("/")
	if err == nil {
		r.processTime = processTime
	}
	return r, err
}

// NewAt returns a reader of the /proc and the control groups below root.
func NewAt(root string) (*Reader, error) {
	fs, err := procfs.NewFS(filepath.Join(root, "proc"))
	if err != nil {
		return nil, fmt.Errorf("system: %w", err)
	}
	r := &Reader{proc: fs}
	r.groups, err = findGroups(root, fs)
	return r, err
}

// Read takes a reading at the time now. What cannot be read is absent and named in
// the error; the rest is there.
func (r *Reader) Read(now time.Time) (Stats, error) {
	nan := math.NaN()
	s := Stats{nan, nan, nan, nan, nan, nan}
	return s, errors.Join(
		r.readHostCPU(&s),
		r.readProcess(&s, now),
		r.readMemory(&s),
		r.readGroupCPU(&s, now),
	)
}

func (r *Reader) readHostCPU(s *Stats) error {
	stat, err := r.proc.Stat()
	if err != nil {
		return err
	}
	// Guest time is part of user time already.
	c := stat.CPUTotal
	busy := c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ + c.Steal
	total := busy + c.Idle + c.Iowait
	if r.haveHost && total > r.total {
		s.CPUPercent = max(0, min(100, 100*(busy-r.busy)/(total-r.total)))
	}
	r.busy, r.total, r.haveHost = busy, total, true
	r.processors = float64(len(stat.CPU))
	return nil
}

func (r *Reader) readProcess(s *Stats, now time.Time) error {
	self, err := r.proc.Self()
	if err != nil {
		return err
	}
	stat, err := self.Stat()
	if err != nil {
		return err
	}
	s.MemoryMB = float64(stat.ResidentMemory()) / (1 << 20)
	s.Threads = float64(stat.NumThreads)
	if n, err := self.FileDescriptorsLen(); err == nil {
		s.OpenFDs = float64(n)
	}
	used := stat.CPUTime() // in ticks of 10 ms
	if r.processTime != nil {
		if exact, ok := r.processTime(); ok {
			used = exact
		}
	}
	processors := r.processors
	if quota, ok := r.groups.quota(); ok {
		processors = min(processors, quota)
	}
	if p, ok := r.own.percent(used, now, processors); ok {
		s.ProcessCPUPercent = p
	}
	return nil
}

func (r *Reader) readMemory(s *Stats) error {
	m, err := r.proc.Meminfo()
	if err != nil {
		return err
	}
	if m.MemTotalBytes == nil || *m.MemTotalBytes == 0 {
		return errors.New("meminfo: no MemTotal")
	}
	total := float64(*m.MemTotalBytes)
	if used, limit, ok := r.groups.memory(); ok && limit < total {
		s.MemoryPercent = min(100*used/limit, 100)
		return nil
	}
	if m.MemAvailableBytes == nil {
		return errors.New("meminfo: no MemAvailable")
	}
	s.MemoryPercent = 100 * (total - float64(*m.MemAvailableBytes)) / total
	return nil
}

// readGroupCPU takes the place of the host's figure where a quota is set.
func (r *Reader) readGroupCPU(s *Stats, now time.Time) error {
	quota, ok := r.groups.quota()
	if !ok || quota >= r.processors {
		return nil
	}
	used, err := r.groups.cpuUsed()
	if err != nil {
		return err
	}
	s.CPUPercent = math.NaN()
	if p, ok := r.group.percent(used, now, quota); ok {
		s.CPUPercent = p
	}
	return nil
}
