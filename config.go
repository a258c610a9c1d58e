package perfmon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon/internal/goruntime"
)

// config is what options fill in; New turns it into a monitor.
type config struct {
	service      Service
	clock        clock.Clock
	realTime     bool // the clock is the real one
	log          *slog.Logger
	step         time.Duration // 0: derived from the interval
	interval     time.Duration
	settings     Settings          // Retention and CollectTimeout 0: derived
	origins      map[string]Origin // by the field of Settings
	fromEnv      bool
	set          map[string]bool   // what code has set, by environment variable
	fromVariable map[string]string // what the environment has set, by environment variable
	noSystem     bool
	noDefaults   bool
	isError      func(status int) bool
	message      messageMaker
	metrics      []Metric
	collectors   []Collector
	runtime      []goruntime.Named
	runners      []*runner // of collectors, once they are registered
	thresholds   []Threshold
	store        Store
	fleet        Fleet
	companions   []*companion
	notify       notifySetup
}

// change changes settings, or none when they would not be valid.
func (c *config) change(f func(*Settings)) error {
	s := c.settings.clone()
	f(&s)
	if err := s.validate(); err != nil {
		return err
	}
	c.settings = s
	return nil
}

// fromCode notes that an option sets a setting.
func (c *config) fromCode(setting, variable string) {
	c.origins[setting] = Origin{Source: SourceCode}
	if variable != "" {
		c.set[variable] = true
	}
}

func defaults() *config {
	c := &config{
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
			MaxEndpoints:          DefaultMaxEndpoints,
			MaxOrganizations:      DefaultMaxOrganizations,
			TrendAnalysis:         true,
		},
		origins:      map[string]Origin{},
		set:          map[string]bool{},
		fromVariable: map[string]string{},
		isError:      func(status int) bool { return status >= 500 },
		notify:       notifySetup{grouping: defaultGrouping, remindCritical: time.Hour, remindWarning: 4 * time.Hour, deadline: defaultNotifyDeadline},
	}
	for _, s := range settingNames {
		c.origins[s.name] = Origin{Source: SourceDefault}
	}
	return c
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

// finish checks what only all options together show, and fills in what follows from
// them.
func (c *config) finish() error {
	var errs []error
	if c.step == 0 {
		c.step = c.interval / ((c.interval + DefaultStep - 1) / DefaultStep)
	} else if c.step > c.interval || c.interval%c.step != 0 {
		errs = append(errs, &FieldError{"WithStep", c.step, fmt.Sprintf("a whole part of the interval of %v", c.interval)})
	}
	s := &c.settings
	if s.CollectTimeout == 0 {
		s.CollectTimeout = min(c.step/2, 5*time.Second)
	} else if s.CollectTimeout >= c.step {
		errs = append(errs, &FieldError{"WithCollectTimeout", s.CollectTimeout, fmt.Sprintf("less than the step of %v", c.step)})
	}
	if s.Retention == 0 {
		s.Retention = min(DefaultRetention, defaultPoints*c.interval)
	}
	if n := s.Retention / c.interval; n < 1 || n > MaxPoints {
		wrong := &FieldError{"WithRetention", s.Retention, fmt.Sprintf("1 to %d intervals of %v", MaxPoints, c.interval)}
		if value, ok := c.fromVariable[envRetention]; ok {
			wrong.Field, wrong.Value = envRetention, value
			wrong.Want = fmt.Sprintf("hours, %g to %g", c.interval.Hours(), (MaxPoints * c.interval).Hours())
		}
		errs = append(errs, wrong)
	}
	errs = append(errs, c.notify.finish())
	return errors.Join(errs...)
}

// register registers the metrics of the options and checks what names them.
func (c *config) register(r *registry) error {
	var errs []error
	if c.noSystem {
		r.without(fromRuntime)
	} else {
		s, err := newSystemCollector(c.clock)
		if err == nil {
			c.collectors = append([]Collector{s}, c.collectors...)
		}
		errs = append(errs, err)
	}
	for _, metric := range c.metrics {
		errs = append(errs, r.feed("", metric))
	}
	for _, named := range c.runtime {
		if err := r.feed("runtime/metrics", namedMetrics(named)...); err != nil {
			errs = append(errs, fmt.Errorf("WithRuntimeMetrics of %s: %w", named.Name, err))
		}
	}
	for _, cl := range c.collectors {
		runner, metrics, err := newRunner(cl)
		if err == nil {
			err = runner.register(r, metrics)
		}
		if err == nil {
			c.runners = append(c.runners, runner)
		}
		errs = append(errs, err)
	}
	thresholds := c.thresholds
	if !c.noDefaults {
		thresholds = append(DefaultThresholds(), thresholds...)
	}
	for i, t := range thresholds {
		complete, err := t.complete(r.catalog())
		if err != nil {
			errs = append(errs, fmt.Errorf("threshold of %v: %w", t.ID(), err))
		}
		thresholds[i] = complete
	}
	c.thresholds = thresholds
	for metric := range c.settings.Sensitivities {
		if _, ok := r.catalog().find(metric); !ok {
			errs = append(errs, &FieldError{"WithMetricSensitivity", metric, "the name of a registered metric"})
		}
	}
	return errors.Join(errs...)
}
