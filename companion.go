package perfmon

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// Companion is code that runs beside a monitor, such as what tells others of it.
type Companion interface {
	// Validate is called by New, which returns its error.
	Validate() error
	// Run is called in a goroutine of its own from Start on. ctx ends when the monitor is
	// closed; Close waits for Run, 5 s at most. report says how the work goes, nil for well:
	// the first error of a series is logged, and the end of the series. A panic is logged,
	// and Run is not called again.
	Run(ctx context.Context, m *Monitor, report func(error))
}

// WithCompanion runs c beside the monitor. name says what it is, for the log and for the
// error of Close.
func WithCompanion(name string, c Companion) Option {
	return func(cfg *config) error {
		if c == nil {
			return &FieldError{"WithCompanion", nil, "a companion"}
		}
		if err := c.Validate(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		cfg.companions = append(cfg.companions, &companion{name: cleanText(name), run: c.Run})
		return nil
	}
}

// companion runs a Companion.
type companion struct {
	name    string
	run     func(context.Context, *Monitor, func(error))
	running sync.WaitGroup
}

// startCompanions starts what runs beside the monitor.
func (m *Monitor) startCompanions(ctx context.Context) {
	for _, c := range m.companions {
		c.running.Add(1)
		go func() {
			defer c.running.Done()
			failed := func(text string) {
				m.log.write(slog.LevelError, "what runs beside the monitor has ended", "companion", c.name, "error", text)
			}
			run := func() error { c.run(ctx, m, m.reporter(c.name)); return nil }
			if text, panicked := contain(run, failed); panicked {
				failed(text)
			}
		}()
	}
}

// reporter logs the first error of a series, and when it is over.
func (m *Monitor) reporter(name string) func(error) {
	var mu sync.Mutex
	failing := false
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil && !failing:
			m.log.write(slog.LevelError, "what runs beside the monitor fails", "companion", name, "error", describe(err))
		case err == nil && failing:
			m.log.write(slog.LevelInfo, "what runs beside the monitor works again", "companion", name)
		}
		failing = err != nil
	}
}
