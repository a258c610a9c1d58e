package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// inspection is one run of check.
type inspection struct {
	a          *app
	c          *client.Client
	conditions []condition
	health     string // the worst that passes
	regression bool   // one that is open fails
	window     time.Duration
	tolerated  float64 // share
	fresh      bool
	wait       time.Duration
	interval   time.Duration // of the server's points; 0: not asked yet

	began   time.Time
	service string
}

func (a *app) checkVerb() *cobra.Command {
	cmd := a.verb("check [CONDITION...]", "Fail a pipeline where the service is not as it should be", `
Fails when the health is worse than --health, when a regression against the baseline is open, or when a condition does not
hold at each point of the last --minutes. A condition is a metric, < <= > or >=, and a number in the metric's
unit; 500ms and 1% are understood, too.

It waits until there are enough points for all conditions, and fails as soon as something surely does. With --fresh only
points count that began after the check: of what was just deployed.

Exit codes: 0 all is well; 1 a warning or a regression; 2 a condition does not hold, or the health is critical; 3 there was
not enough data in time, or no answer.`,
		"check", "check --minutes 10 'response_time_p95<0.5' 'error_rate<1%'", "check --fresh --health warning --junit perfmon.xml 'throughput_rps>20'")
	cmd.Args = cobra.ArbitraryArgs
	f := cmd.Flags()
	f.SortFlags = false
	minutes := f.Float64("minutes", 5, "conditions hold over the last `minutes`")
	f.String("health", "healthy", "the worst health that passes: `healthy`, warning or critical")
	ignore := f.Bool("ignore-regressions", false, "regressions against the baseline pass")
	tolerate := f.Float64("tolerate", 0, "so many `percent` of the points may be past a limit")
	fresh := f.Bool("fresh", false, "only points that began after the check count")
	wait := f.Duration("wait", -1, "how long to wait for enough data, a `duration`; 0 does not wait (default: --minutes and one more)")
	f.Lookup("wait").DefValue = "" // help would show a duration that nobody gave
	junit := f.String("junit", "", "write JUnit XML to this `file`, - for the standard output")
	a.complete(cmd, "health", func() []string { return []string{"healthy", "warning", "critical"} })
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		x := &inspection{a: a, health: f.Lookup("health").Value.String(), regression: !*ignore, fresh: *fresh, wait: *wait, tolerated: *tolerate / 100}
		switch {
		case !(*minutes > 0) || *minutes > 100_000:
			return fmt.Errorf("--minutes: %v is not valid: want a number of minutes, more than 0", *minutes)
		case !(*tolerate >= 0 && *tolerate <= 100):
			return fmt.Errorf("--tolerate: %v is not valid: want percent, 0 to 100", *tolerate)
		case !slices.Contains(healths, x.health):
			return fmt.Errorf("--health: %q is not valid: want healthy, warning or critical", x.health)
		}
		x.window = time.Duration(*minutes * float64(time.Minute))
		if !f.Changed("wait") {
			x.wait = x.window + time.Minute
		}
		for _, arg := range args {
			c, err := parseCondition(arg)
			if err != nil {
				return err
			}
			x.conditions = append(x.conditions, c)
		}
		var err error
		if x.c, err = a.client(); err != nil {
			return err
		}
		list, err := x.run(cmd.Context())
		if err != nil {
			return err
		}
		return a.showCheck(list, x, *junit)
	}
	return cmd
}

// healths are those that may pass, the mildest first.
var healths = []string{string(perfmon.Healthy), string(perfmon.HealthWarning), string(perfmon.HealthCritical)}

// run looks until all is known, something fails, or it has waited long enough.
func (x *inspection) run(ctx context.Context) ([]judged, error) {
	x.began = x.a.clock.Now()
	waited := 0
	for {
		list, err := x.look(ctx)
		var refused *client.Error
		switch {
		case errors.As(err, &refused) && refused.Status < 500 && refused.Status != 429:
			return nil, err // it will not be better in a minute
		case err != nil && x.left() <= 0:
			return nil, err
		case err == nil && (x.left() <= 0 || settled(list)):
			x.progress(waited, "")
			return list, nil
		}
		waited++
		timer := x.a.clock.Timer(min(x.pause(), x.left()))
		x.progress(waited, x.missing(list, err))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

func (x *inspection) left() time.Duration { return x.began.Add(x.wait).Sub(x.a.clock.Now()) }

// pause is how long it waits between two looks.
func (x *inspection) pause() time.Duration {
	return min(max(x.interval/4, time.Second), 5*time.Second)
}

// settled reports whether another look would change nothing.
func settled(list []judged) bool {
	unknown := false
	for _, j := range list {
		switch {
		case j.Status == "fail":
			return true
		case j.Status == "unknown" && j.missing != "":
			unknown = true
		}
	}
	return !unknown
}

// missing says in short what is waited for.
func (x *inspection) missing(list []judged, err error) string {
	if err != nil {
		return text.Clean(err.Error())
	}
	var parts []string
	for _, j := range list {
		if j.missing != "" {
			parts = append(parts, j.missing)
		}
	}
	return strings.Join(parts, ", ")
}

// progress shows what is waited for: in one line of a terminal, elsewhere in a line each
// half minute or so. "" ends it.
func (x *inspection) progress(n int, what string) {
	line := ""
	if what != "" {
		line = "waiting at most " + text.Duration(x.left().Round(time.Second)) + " for data: " + what
	}
	switch {
	case x.a.progress && n > 0:
		fmt.Fprint(x.a.err, "\r\x1b[K"+text.Cut(line, 79))
	case what != "" && n%6 == 1:
		fmt.Fprintln(x.a.err, line)
	}
}

// look checks everything once.
func (x *inspection) look(ctx context.Context) ([]judged, error) {
	if x.interval == 0 {
		d, err := x.c.Dashboard(ctx, client.Query{"hours": "0.001", "points": "1"})
		if err != nil {
			return nil, err
		}
		x.interval, x.service = time.Duration(d.Body.IntervalSeconds*1e9), d.Body.Service.Name
	}
	h, err := x.c.Health(ctx, nil)
	if err != nil {
		return nil, err
	}
	list := []judged{x.judgeHealth(h.Body.Health)}
	if x.regression {
		b, err := x.c.Baselines(ctx, nil)
		if err != nil {
			return nil, err
		}
		list = append(list, x.judgeRegressions(b.Body))
	}
	for _, c := range x.conditions {
		s, err := x.c.Series(ctx, client.Query{"metric": c.Metric, "hours": hours(x.window), "points": "10000"})
		if err != nil {
			return nil, err
		}
		var since time.Time
		if x.fresh {
			since = x.began.Add(x.interval) // a point stands for the interval before it
		}
		needed := max(int(math.Floor(x.window.Seconds()/x.interval.Seconds())), 1)
		list = append(list, c.judge(s.Body.Series.Times, s.Body.Series.Metrics[c.Metric], since, needed, x.tolerated))
	}
	return list, nil
}

func (x *inspection) judgeHealth(h perfmon.Health) judged {
	j := judged{Name: "health", Status: "ok", Detail: string(h.Status) + ": " + h.Reason}
	at := slices.Index(healths, string(h.Status))
	switch {
	case at < 0:
		j.Status, j.missing = "unknown", "the health"
	case at > slices.Index(healths, x.health):
		j.Status, j.code = "fail", at
	}
	return j
}

func (x *inspection) judgeRegressions(b client.Baselines) judged {
	j := judged{Name: "regressions", Status: "ok", Detail: "none against the baseline"}
	if b.Current == nil {
		j.Detail = "there is no baseline"
	}
	var worse []string
	for _, r := range b.Regressions {
		worse = append(worse, r.Metric+" "+text.Percent(r.Change))
	}
	if len(worse) > 0 {
		j.Status, j.code, j.Detail = "fail", exitWarning, join(worse)
	}
	return j
}

// showCheck writes what was found, and sets the exit code.
func (a *app) showCheck(list []judged, x *inspection, junit string) error {
	failed, unknown := 0, false
	for _, j := range list {
		failed = max(failed, j.code)
		unknown = unknown || j.Status == "unknown"
	}
	switch {
	case failed > 0:
		a.exit(failed)
	case unknown:
		a.exit(exitUnknown)
	}
	if junit != "" {
		if err := a.writeJUnit(junit, list, x); err != nil {
			return err
		}
		if junit == "-" {
			return nil
		}
	}
	data, err := json.Marshal(map[string]any{"checks": list})
	if err != nil {
		return err
	}
	return a.show(data, time.Time{}, nil, func(p *text.Page) { writeVerdicts(p, list) })
}

// writeVerdicts lists what was found.
func writeVerdicts(p *text.Page, list []judged) {
	width := 0
	for _, j := range list {
		width = max(width, len(j.Name))
	}
	width = min(width, 28)
	for _, j := range list {
		p.Hang(p.Severity(j.Status, text.Pad(j.Status, 7))+"  "+text.Clean(j.Name), width+11, text.Clean(j.Detail))
	}
}
