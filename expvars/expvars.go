// Package expvars makes metrics of what a program has published with package expvar.
//
//	err := expvars.Watch(m, "jobs_done", perfmon.Metric{Name: "jobs_done", Unit: "1/s", Kind: perfmon.KindCounter})
//
// Variables are read once a step, from memory and not over HTTP. Importing package expvar
// adds /debug/vars to http.DefaultServeMux, which is why this is a package of its own.
package expvars

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// Watch makes a metric of a variable. A number inside of a map, or inside of what a Func
// returns, is named with dots: "memstats.HeapObjects". A metric of perfmon.KindCounter is
// how much the variable has grown per second, absent after it has fallen; others are the
// number as it is.
//
// A variable that is not published, or is no number, is absent, and diagnostics say so. It is
// read as a perfmon.Collector is, so one that hangs or panics costs its own metric alone. A
// nil monitor, an empty name and a metric that is not valid or fed already are refused with a
// *perfmon.FieldError.
func Watch(m *perfmon.Monitor, variable string, metric perfmon.Metric) error {
	if m == nil {
		return fmt.Errorf("expvars: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
	}
	if variable == "" || len(variable) > 80 {
		return fmt.Errorf("expvars: %w", &perfmon.FieldError{Field: "variable", Value: variable, Want: "the name of a variable, 1 to 80 bytes"})
	}
	if err := m.Metrics().AddCollector(&watcher{m: m, variable: variable, metric: metric}); err != nil {
		return fmt.Errorf("expvars: %w", err)
	}
	return nil
}

// watcher reads one variable. Its Collect, which never runs twice at a time, owns its state.
type watcher struct {
	m        *perfmon.Monitor
	variable string
	metric   perfmon.Metric

	known bool // of a counter: there is a reading to compare with
	last  float64
	at    time.Duration
}

func (w *watcher) Name() string              { return "expvar " + w.variable }
func (w *watcher) Metrics() []perfmon.Metric { return []perfmon.Metric{w.metric} }

func (w *watcher) Collect(_ context.Context, set func(string, float64)) error {
	v, err := read(w.variable)
	if err != nil {
		w.known = false
		return err
	}
	if w.metric.Kind != perfmon.KindCounter {
		set(w.metric.Name, v)
		return nil
	}
	now := w.m.Elapsed()
	if w.known && v >= w.last && now > w.at {
		set(w.metric.Name, (v-w.last)/(now-w.at).Seconds())
	}
	w.known, w.last, w.at = true, v, now
	return nil
}

// read finds the longest name that a variable is published under; what is left of the name
// leads into it.
func read(name string) (float64, error) {
	for end := len(name); end >= 0; end = strings.LastIndexByte(name[:end], '.') {
		v := expvar.Get(name[:end])
		if v == nil {
			continue
		}
		return number(v, strings.TrimPrefix(name[end:], "."))
	}
	return 0, fmt.Errorf("no variable %q is published", name)
}

// number takes a number out of a variable. The plain kinds need no JSON.
func number(v expvar.Var, path string) (float64, error) {
	switch v := v.(type) {
	case *expvar.Int:
		if path == "" {
			return float64(v.Value()), nil
		}
	case *expvar.Float:
		if path == "" {
			return v.Value(), nil
		}
	case *expvar.Map:
		first, rest, _ := strings.Cut(path, ".")
		for _, try := range [][2]string{{path, ""}, {first, rest}} {
			if inner := v.Get(try[0]); inner != nil {
				return number(inner, try[1])
			}
		}
		return 0, fmt.Errorf("the map has no %q", path)
	}
	var value any
	if err := json.Unmarshal([]byte(v.String()), &value); err != nil {
		return 0, fmt.Errorf("the variable is not JSON: %w", err)
	}
	for path != "" {
		object, ok := value.(map[string]any)
		if !ok {
			return 0, fmt.Errorf("what is to have %q is no object", path)
		}
		var first string
		first, path, _ = strings.Cut(path, ".")
		value = object[first]
	}
	if f, ok := value.(float64); ok {
		return f, nil
	}
	return 0, fmt.Errorf("the variable is no number but %T", value)
}
