package system

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/procfs"
)

// Reader reads over spans that follow each other. It belongs to one goroutine.
type Reader struct {
	self   procfs.Proc // for its open files
	groups *groups

	stat, memory, process kept // of the host, the host, and this process

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
	proc := filepath.Join(root, "proc")
	fs, err := procfs.NewFS(proc)
	if err != nil {
		return nil, fmt.Errorf("system: %w", err)
	}
	self, err := fs.Self()
	if err != nil {
		return nil, fmt.Errorf("system: %w", err)
	}
	at := func(name string) kept { return kept{path: filepath.Join(proc, name)} }
	r := &Reader{self: self, stat: at("stat"), memory: at("meminfo"), process: at(strconv.Itoa(self.PID) + "/stat")}
	r.groups, err = findGroups(root, self)
	return r, err
}

// Read takes a reading at the time now. What cannot be read is absent and named in
// the error; the rest is there.
func (r *Reader) Read(now time.Time) (Stats, error) {
	nan := math.NaN()
	s := Stats{nan, nan, nan, nan, nan, nan}
	quota, limited := r.groups.quota()
	return s, errors.Join(
		r.readHostCPU(&s),
		r.readProcess(&s, now, quota, limited),
		r.readMemory(&s),
		r.readGroupCPU(&s, now, quota, limited),
	)
}

// readHostCPU reads the ticks of all processors: user, nice, system, idle, iowait, irq,
// softirq, steal and more (proc_stat(5)).
func (r *Reader) readHostCPU(s *Stats) error {
	data, err := r.stat.read()
	if err != nil {
		return err
	}
	line, ok := lineOf(data, "cpu")
	if !ok {
		return errors.New("stat: no line of all processors")
	}
	var ticks [8]float64 // guest time, which follows, is part of user time already
	for i := range ticks {
		var word []byte
		if word, line = cutWord(line); len(word) == 0 {
			break // of an old kernel
		}
		if ticks[i], err = parse(word); err != nil {
			return fmt.Errorf("stat: the ticks of all processors: %w", err)
		}
	}
	const idle, waiting = 3, 4
	total := 0.0
	for _, n := range ticks {
		total += n
	}
	busy := total - ticks[idle] - ticks[waiting]
	if r.haveHost && total > r.total {
		s.CPUPercent = max(0, min(100, 100*(busy-r.busy)/(total-r.total)))
	}
	r.busy, r.total, r.haveHost = busy, total, true
	r.processors = float64(bytes.Count(data, []byte("\ncpu")))
	return nil
}

// ticks of processor time are 10 ms on every architecture of Linux.
const ticksPerSecond = 100

// readProcess reads what proc_pid_stat(5) says: field 14 and 15 are the ticks in user mode
// and in the kernel, 20 the threads, 24 the pages that are resident.
func (r *Reader) readProcess(s *Stats, now time.Time, quota float64, limited bool) error {
	data, err := r.process.read()
	if err != nil {
		return err
	}
	// The second field is the name in parentheses, in which anything may be.
	rest := data[bytes.LastIndexByte(data, ')')+1:]
	var fields [25]float64
	for i := 3; i < len(fields); i++ {
		var word []byte
		word, rest = cutWord(rest)
		switch i {
		case 14, 15, 20, 24:
			if fields[i], err = parse(word); err != nil {
				return fmt.Errorf("stat of this process: field %d: %w", i, err)
			}
		}
	}
	s.MemoryMB = fields[24] * float64(os.Getpagesize()) / (1 << 20)
	s.Threads = fields[20]
	if n, err := r.self.FileDescriptorsLen(); err == nil {
		s.OpenFDs = float64(n)
	}
	used := (fields[14] + fields[15]) / ticksPerSecond
	if r.processTime != nil {
		if exact, ok := r.processTime(); ok {
			used = exact
		}
	}
	processors := r.processors
	if limited {
		processors = min(processors, quota)
	}
	if p, ok := r.own.percent(used, now, processors); ok {
		s.ProcessCPUPercent = p
	}
	return nil
}

func (r *Reader) readMemory(s *Stats) error {
	data, err := r.memory.read()
	if err != nil {
		return err
	}
	total, err := r.memory.keyIn(data, "MemTotal:")
	if err != nil {
		return err
	}
	if total *= 1024; total == 0 {
		return errors.New("meminfo: MemTotal is 0")
	}
	if used, limit, ok := r.groups.memory(total); ok {
		s.MemoryPercent = min(100*used/limit, 100)
		return nil
	}
	available, err := r.memory.keyIn(data, "MemAvailable:")
	if err != nil {
		return err
	}
	s.MemoryPercent = 100 * (total - 1024*available) / total
	return nil
}

// readGroupCPU takes the place of the host's figure where a quota is set.
func (r *Reader) readGroupCPU(s *Stats, now time.Time, quota float64, limited bool) error {
	if !limited || quota >= r.processors {
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
