package perfmon

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"text/template"
	"time"

	"github.com/benbjohnson/clock"
)

// Option sets up a monitor. New reports all that is wrong with them at once.
type Option func(*config) error

// config is what options fill in; New turns it into a monitor.
type config struct {
	service      Service
	clock        clock.Clock
	realTime     bool // the clock is time itself
	log          *slog.Logger
	step         time.Duration // 0: derived from the interval
	interval     time.Duration
	retention    time.Duration // 0: the default
	timeout      time.Duration // 0: derived from the step
	settings     Settings
	fromEnv      bool
	set          map[string]bool // what code has set, by environment variable
	maxEndpoints int
	maxOrgs      int
	noSystem     bool
	noDefaults   bool
	isError      func(status int) bool
	message      *template.Template
	collectors   []Collector
	thresholds   []Threshold

	sensitivities map[string]float64
}

// change changes settings, or none when they would not be valid.
func (c *config) change(f func(*Settings)) error {
	s := c.settings
	f(&s)
	if err := s.validate(); err != nil {
		return err
	}
	c.settings = s
	return nil
}

// Service says which process the figures are of.
type Service struct {
	Name        string `json:"name"`
	Environment string `json:"environment"` // such as "production"
	Instance    string `json:"instance"`    // tells processes of one service apart
	Version     string `json:"version"`
}

// Default settings, and the bounds they may be set within.
const (
	DefaultInterval  = time.Minute
	DefaultStep      = 10 * time.Second // shorter where the interval is
	DefaultRetention = 48 * time.Hour   // shorter where that were more than defaultPoints

	DefaultMaxEndpoints     = 500
	DefaultMaxOrganizations = 100

	MinStep   = 100 * time.Millisecond
	MaxPoints = 100_000 // retention / interval

	defaultPoints = 20_000
)

func defaults() *config {
	return &config{
		service:  defaultService(),
		clock:    clock.New(),
		realTime: true,
		log:      slog.New(slog.DiscardHandler),
		interval: DefaultInterval,
		settings: Settings{
			Enabled:               true,
			AlertCooldown:         15 * time.Minute,
			ConsecutiveViolations: 3,
			RegressionSensitivity: 0.15,
		},
		set:           map[string]bool{},
		sensitivities: map[string]float64{},
		maxEndpoints:  DefaultMaxEndpoints,
		maxOrgs:       DefaultMaxOrganizations,
		isError:       func(status int) bool { return status >= 500 },
	}
}

// defaultService is what the build and the host say of this process.
func defaultService() Service {
	s := Service{Name: filepath.Base(os.Args[0])}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		s.Version = info.Main.Version
	}
	if host, err := os.Hostname(); err == nil {
		s.Instance = host
	}
	return s
}

// WithService names the service in every answer. Fields left empty keep their
// default: the program's name and version and the host's name.
func WithService(s Service) Option {
	return func(c *config) error {
		for _, f := range []struct {
			name, value string
			to          *string
		}{
			{"service name", s.Name, &c.service.Name},
			{"service environment", s.Environment, &c.service.Environment},
			{"service instance", s.Instance, &c.service.Instance},
			{"service version", s.Version, &c.service.Version},
		} {
			if len(f.value) > 200 {
				return &FieldError{f.name, f.value, "at most 200 bytes"}
			}
			if f.value != "" {
				*f.to = f.value
			}
		}
		return nil
	}
}

// WithStep sets how often metrics are read, the live sample is published and
// thresholds are evaluated: from MinStep to the interval, of which it has to be a
// whole part. Default: 10 s, or less where the interval needs it.
func WithStep(d time.Duration) Option {
	return func(c *config) error {
		if d < MinStep {
			return &FieldError{"step", d, fmt.Sprintf("at least %v", MinStep)}
		}
		c.step = d
		return nil
	}
}

// WithInterval sets how much time one point of history stands for: from MinStep to
// an hour. Default: 60 s.
func WithInterval(d time.Duration) Option {
	return func(c *config) error {
		c.set[envInterval] = true
		return c.setInterval("interval", d)
	}
}

func (c *config) setInterval(field string, d time.Duration) error {
	if d < MinStep || d > time.Hour {
		return &FieldError{field, d, fmt.Sprintf("%v to 1h", MinStep)}
	}
	c.interval = d
	return nil
}

// WithRetention sets how long history is kept: from one interval to MaxPoints of
// them. Memory grows with it. Default: 48 h, or 20,000 intervals where that is less.
func WithRetention(d time.Duration) Option {
	return func(c *config) error {
		c.set[envRetention] = true
		return c.setRetention("retention", d)
	}
}

func (c *config) setRetention(field string, d time.Duration) error {
	if d <= 0 {
		return &FieldError{field, d, "a positive duration"}
	}
	c.retention = d
	return nil
}

// WithClock sets the clock that all time is read from and waited on. Default: the
// real one. Tests pass a clock.Mock.
func WithClock(clk clock.Clock) Option {
	return func(c *config) error {
		if clk == nil {
			return &FieldError{"clock", nil, "a clock"}
		}
		c.clock, c.realTime = clk, false
		return nil
	}
}

// WithLogger sets where the monitor reports what goes wrong inside it: a collector that
// begins to fail, a callback that panics. Default: nowhere; Diagnostics tells it, too.
func WithLogger(log *slog.Logger) Option {
	return func(c *config) error {
		if log == nil {
			return &FieldError{"logger", nil, "a logger"}
		}
		c.log = log
		return nil
	}
}

// WithCollector adds a collector; see Monitor.AddCollector.
func WithCollector(cl Collector) Option {
	return func(c *config) error {
		c.collectors = append(c.collectors, cl)
		return nil
	}
}

// WithMetricFunc registers a metric that read feeds once a step, in a goroutine of
// its own, never twice at a time. NaN means that there is no value.
func WithMetricFunc(m Metric, read func() float64) Option {
	return func(c *config) error {
		if read == nil {
			return &FieldError{"function of metric " + m.Name, nil, "a function"}
		}
		c.collectors = append(c.collectors, funcCollector{m, read})
		return nil
	}
}

// WithQueueSize feeds queue_size from a function that returns how many jobs wait.
func WithQueueSize(size func() int) Option {
	return func(c *config) error {
		if size == nil {
			return &FieldError{"queue size", nil, "a function"}
		}
		read := func() float64 { return float64(size()) }
		c.collectors = append(c.collectors, funcCollector{builtin[builtinIndex[QueueSize]], read})
		return nil
	}
}

// WithCollectTimeout sets how long a step waits for collectors: more than 0, less
// than the step. Default: half a step, at most 5 s.
func WithCollectTimeout(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return &FieldError{"collect timeout", d, "a positive duration, shorter than the step"}
		}
		c.timeout = d
		return nil
	}
}

// WithoutSystemMetrics leaves out what is read from the operating system and the Go
// runtime.
func WithoutSystemMetrics() Option {
	return func(c *config) error { c.noSystem = true; return nil }
}

// WithThreshold adds a threshold, or replaces the default one for the same metric
// and scope.
func WithThreshold(t Threshold) Option {
	return func(c *config) error {
		c.thresholds = append(c.thresholds, t)
		return nil
	}
}

// WithoutDefaultThresholds leaves out DefaultThresholds.
func WithoutDefaultThresholds() Option {
	return func(c *config) error { c.noDefaults = true; return nil }
}

// WithEnabled false makes a monitor that records and watches nothing until
// Configure enables it. Default: true.
func WithEnabled(enabled bool) Option {
	return func(c *config) error {
		c.set[envEnabled] = true
		c.settings.Enabled = enabled
		return nil
	}
}

// WithAlertCooldown sets the cooldown of thresholds that have none of their own: 0
// (none) to 30 days. Default: 15 min.
func WithAlertCooldown(d time.Duration) Option {
	return func(c *config) error {
		c.set[envCooldown] = true
		return c.change(func(s *Settings) { s.AlertCooldown = d })
	}
}

// WithConsecutiveViolations sets how many violations in a row open an alert, for
// thresholds that do not say it themselves: 1 to 1000. Default: 3.
func WithConsecutiveViolations(n int) Option {
	return func(c *config) error {
		c.set[envConsecutive] = true
		return c.change(func(s *Settings) { s.ConsecutiveViolations = n })
	}
}

// WithRegressionSensitivity sets by which share a metric has to be worse than its
// baseline to count as a regression: more than 0, at most 10. Default: 0.15.
func WithRegressionSensitivity(share float64) Option {
	return func(c *config) error {
		c.set[envSensitivity] = true
		return c.change(func(s *Settings) { s.RegressionSensitivity = share })
	}
}

// WithMetricSensitivity sets the sensitivity to regressions of one metric: more than 0, at
// most 10. Default: that of WithRegressionSensitivity.
func WithMetricSensitivity(metric string, share float64) Option {
	return func(c *config) error {
		if !validName(metric) {
			return &FieldError{"metric", metric, "the name of a metric"}
		}
		if !(share > 0 && share <= 10) {
			return &FieldError{"regression sensitivity of " + metric, share, "more than 0, at most 10"}
		}
		c.sensitivities[metric] = share
		return nil
	}
}

// WithMaxEndpoints sets how many endpoints are told apart, 1 to 10,000; the rest are
// counted together as "(other)". Default: 500.
func WithMaxEndpoints(n int) Option {
	return func(c *config) error {
		if n < 1 || n > 10_000 {
			return &FieldError{"max endpoints", n, "1 to 10000"}
		}
		c.maxEndpoints = n
		return nil
	}
}

// WithMaxOrganizations sets how many organizations are told apart, 1 to 10,000; the
// rest are counted together as "(other)". Default: 100.
func WithMaxOrganizations(n int) Option {
	return func(c *config) error {
		if n < 1 || n > 10_000 {
			return &FieldError{"max organizations", n, "1 to 10000"}
		}
		c.maxOrgs = n
		return nil
	}
}

// WithErrorStatus says which HTTP statuses count as errors. It is asked once for each
// status, by New. Default: 500 and above.
func WithErrorStatus(isError func(status int) bool) Option {
	return func(c *config) error {
		if isError == nil {
			return &FieldError{"error status", nil, "a function"}
		}
		c.isError = isError
		return nil
	}
}

// WithAlertMessage sets the text of alerts: a text/template that is given a
// MessageData. It keeps from alerts what it does not mention. Default:
//
//	{{.Metric.Name}} of {{.Scope}} is {{.Value}}, {{if .Baseline}}worse than its baseline
//	of {{.Baseline}}{{else}}past the {{.Severity}} limit of {{.Threshold}}{{end}}
func WithAlertMessage(text string) Option {
	return func(c *config) error {
		t, err := parseMessage(text)
		if err != nil {
			return &FieldError{"alert message", text, "a template that runs: " + err.Error()}
		}
		c.message = t
		return nil
	}
}

// WithEnvironment reads the environment variables that are listed at Environment.
// What an option sets goes before the environment, in whatever order they are given.
func WithEnvironment() Option {
	return func(c *config) error { c.fromEnv = true; return nil }
}

// finish checks what only the whole of the options shows.
func (c *config) finish() error {
	if c.step == 0 {
		c.step = c.interval / ((c.interval + DefaultStep - 1) / DefaultStep)
	} else if c.step > c.interval || c.interval%c.step != 0 {
		return &FieldError{"step", c.step, fmt.Sprintf("a whole part of the interval of %v", c.interval)}
	}
	if c.timeout == 0 {
		c.timeout = min(c.step/2, 5*time.Second)
	} else if c.timeout >= c.step {
		return &FieldError{"collect timeout", c.timeout, fmt.Sprintf("less than the step of %v", c.step)}
	}
	if c.retention == 0 {
		c.retention = min(DefaultRetention, defaultPoints*c.interval)
	}
	if n := c.retention / c.interval; n < 1 || n > MaxPoints {
		return &FieldError{"retention", c.retention, fmt.Sprintf("1 to %d intervals of %v", MaxPoints, c.interval)}
	}
	return nil
}
