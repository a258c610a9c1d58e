package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// condition is what a metric should be, such as response_time_p95<0.5.
type condition struct {
	Text   string
	Metric string
	op     string
	limit  float64 // in the metric's unit
	unit   string  // that was written: "" is the metric's own
}

var conditionForm = regexp.MustCompile(`^\s*([a-z][a-z0-9_]{0,63})\s*(<=|>=|<|>)\s*(\S.*?)\s*$`)

// parseCondition reads a condition. Its limit is a number in the metric's unit, a
// duration such as 500ms, or a number with % behind.
func parseCondition(s string) (condition, error) {
	fault := fmt.Errorf(`condition: %q is not valid: want a metric, one of < <= > >=, and a number in its unit, such as "response_time_p95<0.5", "response_time_p95<500ms" or "error_rate<1%%"`, s)
	m := conditionForm.FindStringSubmatch(s)
	if m == nil {
		return condition{}, fault
	}
	c := condition{Text: strings.TrimSpace(s), Metric: m[1], op: m[2]}
	number := m[3]
	if percent, ok := strings.CutSuffix(number, "%"); ok {
		c.unit, number = "%", strings.TrimSpace(percent)
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		d, err := time.ParseDuration(number)
		if err != nil || c.unit != "" {
			return condition{}, fault
		}
		c.unit, v = "s", d.Seconds()
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return condition{}, fault
	}
	c.limit = v
	return c, nil
}

// holds reports whether a value is as it should be.
func (c condition) holds(v float64) bool {
	switch c.op {
	case "<":
		return v < c.limit
	case "<=":
		return v <= c.limit
	case ">":
		return v > c.limit
	}
	return v >= c.limit
}

// judged is what became of something that is checked.
type judged struct {
	Name    string `json:"name"`
	Status  string `json:"status"` // ok, fail or unknown
	Detail  string `json:"detail"`
	code    int    // of a failure
	missing string // of unknown: what there is not enough of, in short
}

// judge holds the points of a metric against a condition. needed is how many points make
// it known; tolerated is the share of points that may be past the limit.
func (c condition) judge(times []time.Time, column perfmon.Column, since time.Time, needed int, tolerated float64) judged {
	j := judged{Name: c.Text, Status: "unknown"}
	if c.unit != "" && column.Unit != "" && c.unit != column.Unit {
		j.Detail = fmt.Sprintf("%s is in %s, and the limit in %s", c.Metric, column.Unit, c.unit)
		return j
	}
	seen, past, worst := 0, 0, math.NaN()
	for i, v := range column.Values {
		if math.IsNaN(v) || !times[i].After(since) {
			continue
		}
		seen++
		if !c.holds(v) {
			past++
		}
		if math.IsNaN(worst) || (v > worst) == strings.HasPrefix(c.op, "<") {
			worst = v
		}
	}
	if seen < needed {
		j.missing = fmt.Sprintf("%d of %d points of %s", seen, needed, c.Metric)
		j.Detail = "not enough data: " + j.missing
		if float64(past) <= tolerated*float64(needed) {
			return j
		}
	}
	j.Status = "ok"
	j.Detail = fmt.Sprintf("at worst %s in %s", text.Number(worst, column.Unit), text.Plural(seen, "point"))
	if float64(past) > tolerated*float64(max(seen, needed)) {
		j.Status, j.code, j.missing = "fail", exitCritical, ""
		j.Detail = fmt.Sprintf("%d of %s past the limit, at worst %s", past, text.Plural(seen, "point"), text.Number(worst, column.Unit))
	}
	return j
}
