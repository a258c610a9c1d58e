package perfmon

import (
	"context"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon/internal/system"
)

// systemCollector reads what the operating system knows of this process.
type systemCollector struct {
	clock  clock.Clock
	reader *system.Reader
}

func newSystemCollector(clk clock.Clock) (*systemCollector, error) {
	r, err := system.New()
	if err != nil {
		return nil, err
	}
	// The first reading has nothing to compare with; it shows none of the errors
	// that each later one would show again.
	_, _ = r.Read(clk.Now())
	return &systemCollector{clk, r}, nil
}

func (*systemCollector) Name() string { return "system" }

func (*systemCollector) Metrics() []Metric {
	var list []Metric
	for _, name := range []string{
		MemoryUsageMB, MemoryUsagePercent, CPUUsagePercent, ProcessCPUPercent, OSThreads, OpenFDs,
	} {
		list = append(list, builtin[builtinIndex[name]].Metric)
	}
	return list
}

func (s *systemCollector) Collect(_ context.Context, set func(string, float64)) error {
	v, err := s.reader.Read(s.clock.Now())
	set(MemoryUsageMB, v.MemoryMB)
	set(MemoryUsagePercent, v.MemoryPercent)
	set(CPUUsagePercent, v.CPUPercent)
	set(ProcessCPUPercent, v.ProcessCPUPercent)
	set(OSThreads, v.Threads)
	set(OpenFDs, v.OpenFDs)
	return err
}
