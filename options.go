package perfmon

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/benbjohnson/clock"
)

// Option sets up a monitor. New reports everything that is wrong with them at once.
type Option func(*config) error

// Service says which process the figures are of.
type Service struct {
	Name        string `json:"name"`
	Environment string `json:"environment"` // such as "production"
	Instance    string `json:"instance"`    // distinguishes the processes of one service
	Version     string `json:"version"`
}

// Default settings, and the bounds they may be set within.
const (
	DefaultInterval  = time.Minute
	DefaultStep      = 10 * time.Second // shorter where the interval is
	DefaultRetention = 48 * time.Hour   // shorter where that would be more than 20,000 points

	DefaultMaxEndpoints     = 500
	DefaultMaxOrganizations = 100

	MinStep   = 100 * time.Millisecond
	MaxPoints = 100_000 // retention / interval

	defaultPoints = 20_000
)

// WithService names the service in every answer. Fields left empty keep their
// default: the program's name and version and the host's name.
func WithService(s Service) Option {
	return func(c *config) error {
		for _, f := range []struct {
			name, value string
			to          *string
		}{
			{"WithService: service name", s.Name, &c.service.Name},
			{"WithService: Environment", s.Environment, &c.service.Environment},
			{"WithService: Instance", s.Instance, &c.service.Instance},
			{"WithService: Version", s.Version, &c.service.Version},
		} {
			if len(f.value) > 200 {
				return &FieldError{f.name, f.value, "at most 200 bytes"}
			}
			if f.value != "" {
				*f.to = cleanText(f.value)
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
			return &FieldError{"WithStep", d, fmt.Sprintf("at least %v", MinStep)}
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
		return c.setInterval(d)
	}
}

func (c *config) setInterval(d time.Duration) error {
	if d < MinStep || d > time.Hour {
		return &FieldError{"WithInterval", d, fmt.Sprintf("%v to 1h", MinStep)}
	}
	c.interval = d
	return nil
}

// WithRetention sets how long history is kept: from one interval to MaxPoints of
// them. Memory grows with it. Default: 48 h, or 20,000 intervals where that is less.
func WithRetention(d time.Duration) Option {
	return func(c *config) error {
		c.fromCode("Retention", envRetention)
		return c.setRetention(d)
	}
}

func (c *config) setRetention(d time.Duration) error {
	if d <= 0 {
		return &FieldError{"WithRetention", d, "a positive duration"}
	}
	c.settings.Retention = d
	return nil
}

// WithClock sets the clock that all time is read from and waited on. Default: the
// real one. Tests pass a clock.Mock.
func WithClock(clk clock.Clock) Option {
	return func(c *config) error {
		if clk == nil {
			return &FieldError{"WithClock", nil, "a clock"}
		}
		c.clock, c.realTime = clk, false
		return nil
	}
}

// WithLogger sets where the monitor reports what goes wrong inside it: a collector that
// begins to fail, a callback that panics. It is called in a goroutine of its own, so one that
// blocks harms nothing. Default: nowhere; Diagnostics has it as well.
func WithLogger(log *slog.Logger) Option {
	return func(c *config) error {
		if log == nil {
			return &FieldError{"WithLogger", nil, "a logger"}
		}
		c.log = log
		return nil
	}
}

// WithStore keeps what the monitor knows in a store, and takes over what is in it: New
// returns an error where it cannot. Default: memory, which ends with the process.
func WithStore(s Store) Option {
	return func(c *config) error {
		if s == nil {
			return &FieldError{"WithStore", nil, "a store"}
		}
		c.store = s
		return nil
	}
}

// WithMetric registers a metric that is fed later, by Metrics.Gauge, Metrics.Counter or
// a collector, so that WithThreshold can name it.
func WithMetric(m Metric) Option {
	return func(c *config) error {
		c.metrics = append(c.metrics, m)
		return nil
	}
}

// WithCollector adds a collector; see Metrics.AddCollector.
func WithCollector(cl Collector) Option {
	return func(c *config) error {
		if cl == nil {
			return &FieldError{"WithCollector", nil, "a collector"}
		}
		c.collectors = append(c.collectors, cl)
		return nil
	}
}

// WithMetricFunc registers a metric that read feeds once a step, in a goroutine of
// its own, never twice at a time. NaN means that there is no value.
func WithMetricFunc(m Metric, read func() float64) Option {
	return func(c *config) error {
		if read == nil {
			return &FieldError{"WithMetricFunc of " + m.Name, nil, "a function"}
		}
		c.collectors = append(c.collectors, funcCollector{m, read})
		return nil
	}
}

// WithQueueSize feeds queue_size from a function that returns how many jobs wait.
func WithQueueSize(size func() int) Option {
	return func(c *config) error {
		if size == nil {
			return &FieldError{"WithQueueSize", nil, "a function"}
		}
		read := func() float64 { return float64(size()) }
		c.collectors = append(c.collectors, funcCollector{builtin[builtinIndex[QueueSize]].Metric, read})
		return nil
	}
}

// WithCollectTimeout sets how long a collector may take: more than 0, less than the
// step. Default: half a step, at most 5 s.
func WithCollectTimeout(d time.Duration) Option {
	return func(c *config) error {
		c.fromCode("CollectTimeout", "")
		if d <= 0 {
			return &FieldError{"WithCollectTimeout", d, "a positive duration, shorter than the step"}
		}
		c.settings.CollectTimeout = d
		return nil
	}
}

// WithoutSystemMetrics leaves out what is read from the operating system and the Go
// runtime.
func WithoutSystemMetrics() Option {
	return func(c *config) error { c.noSystem = true; return nil }
}

// WithThreshold adds a threshold, or replaces the default one with the same ID. Its
// metric is built in or registered by another option.
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
// Config.Update enables it. Default: true.
func WithEnabled(enabled bool) Option {
	return func(c *config) error {
		c.fromCode("Enabled", envEnabled)
		c.settings.Enabled = enabled
		return nil
	}
}

// WithAlertCooldown sets the cooldown of thresholds that have none of their own: 0
// (none) to 30 days. Default: 15 min.
func WithAlertCooldown(d time.Duration) Option {
	return func(c *config) error {
		c.fromCode("AlertCooldown", envCooldown)
		return c.change(func(s *Settings) { s.AlertCooldown = d })
	}
}

// WithConsecutiveViolations sets how many violations in a row open an alert, for
// thresholds that do not set it themselves: 1 to 1000. Default: 3.
func WithConsecutiveViolations(n int) Option {
	return func(c *config) error {
		c.fromCode("ConsecutiveViolations", envConsecutive)
		return c.change(func(s *Settings) { s.ConsecutiveViolations = n })
	}
}

// WithRegressionSensitivity sets by which share a metric has to be worse than its
// baseline to count as a regression: more than 0, at most 10. Default: 0.15.
func WithRegressionSensitivity(share float64) Option {
	return func(c *config) error {
		c.fromCode("RegressionSensitivity", envSensitivity)
		return c.change(func(s *Settings) { s.RegressionSensitivity = share })
	}
}

// WithMetricSensitivity sets the sensitivity to regressions of one metric, which is
// built in or registered by another option: more than 0, at most 10. Default: that of
// WithRegressionSensitivity.
func WithMetricSensitivity(metric string, share float64) Option {
	return func(c *config) error {
		c.fromCode("Sensitivities", "")
		return c.change(func(s *Settings) {
			if s.Sensitivities == nil {
				s.Sensitivities = map[string]float64{}
			}
			s.Sensitivities[metric] = share
		})
	}
}

// WithMaxEndpoints sets how many endpoints are counted apart, 1 to 10,000; the rest are
// counted together as "(other)". Default: 500.
func WithMaxEndpoints(n int) Option {
	return func(c *config) error {
		c.fromCode("MaxEndpoints", "")
		return c.change(func(s *Settings) { s.MaxEndpoints = n })
	}
}

// WithMaxOrganizations sets how many organizations are counted apart, 1 to 10,000; the
// rest are counted together as "(other)". Default: 100.
func WithMaxOrganizations(n int) Option {
	return func(c *config) error {
		c.fromCode("MaxOrganizations", "")
		return c.change(func(s *Settings) { s.MaxOrganizations = n })
	}
}

// WithAnomalyAlerts true opens an alert, a warning, when a watched metric of the service has
// an anomaly towards what is worse, as long as it goes on. Default: false.
func WithAnomalyAlerts(enabled bool) Option {
	return func(c *config) error {
		c.fromCode("AnomalyAlerts", "")
		c.settings.AnomalyAlerts = enabled
		return nil
	}
}

// WithBaselineRenewal renews the baseline in force when it is so old: over as long a window,
// as soon as nothing shifts, no metric is worse than in it and none of its metrics has an
// alert of the service. Those with names stay as they are. 0, the default, is never; else 10
// minutes to 7 days.
func WithBaselineRenewal(after time.Duration) Option {
	return func(c *config) error {
		c.fromCode("BaselineRenewal", "")
		return c.change(func(s *Settings) { s.BaselineRenewal = after })
	}
}

// WithTrendAnalysis false leaves out trends. Default: true.
func WithTrendAnalysis(enabled bool) Option {
	return func(c *config) error {
		c.fromCode("TrendAnalysis", "")
		c.settings.TrendAnalysis = enabled
		return nil
	}
}

// WithErrorStatus says which HTTP statuses count as errors. It is asked once for each
// status, by New. Default: 500 and above.
func WithErrorStatus(isError func(status int) bool) Option {
	return func(c *config) error {
		if isError == nil {
			return &FieldError{"WithErrorStatus", nil, "a function"}
		}
		c.isError = isError
		return nil
	}
}

// WithAlertMessage sets the text of alerts, with fields of MessageData in it:
//
//	{{.Metric.Name}} of {{.Scope}} is {{.Value}}{{if .Worst}}, see {{range .Worst}}{{.}} {{end}}{{end}}
//
// There are fields, also .Scope.Kind, and {{if}}, {{else if}}, {{else}}, {{with}}, {{range}}
// and {{end}}, which mean what they mean in text/template. Package alerttext takes all of
// text/template. Alerts disclose only what the text mentions. The default names the
// metric, its scope, its value, and what it is past.
func WithAlertMessage(text string) Option {
	return func(c *config) error {
		words, err := parseMessage(text)
		if err != nil {
			return &FieldError{"WithAlertMessage", text, "a text that can be filled in: " + err.Error()}
		}
		c.message = words
		return nil
	}
}

// WithAlertMessageFunc has a function word alerts. It is called in a goroutine of its own
// when an alert opens or escalates. Where it panics, says nothing, or does not return
// within 100 ms of real time, the alert has a plain text that names the metric, its scope
// and the severity. Default: none; see WithAlertMessage.
func WithAlertMessageFunc(words func(MessageData) string) Option {
	return func(c *config) error {
		if words == nil {
			return &FieldError{"WithAlertMessageFunc", nil, "a function"}
		}
		c.message = hostMessage(words)
		return nil
	}
}

// WithEnvironment reads the environment variables that are listed at Environment.
// What an option sets goes before the environment, in whatever order they are given.
func WithEnvironment() Option {
	return func(c *config) error { c.fromEnv = true; return nil }
}
