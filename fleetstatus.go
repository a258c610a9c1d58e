package perfmon

import (
	"context"
	"time"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// stepInFleet ends a step of a monitor that is a replica: its state is handed on, and
// judged here only where the fleet is out of reach.
func (m *Monitor) stepInFleet(ctx context.Context, now moment, elapsed time.Duration, sample *Sample, scopes []scopeStep) {
	f := m.fleet
	f.endStep(elapsed, sample)
	if !f.cutOff(now) {
		f.wasCut = false
		return
	}
	now = f.time(now)
	if !f.wasCut {
		f.wasCut = true
		m.loop.judging.mu.Lock()
		m.loop.judging.since = now.elapsed
		m.loop.judging.mu.Unlock()
	}
	m.evaluate(ctx, now, sample, scopes)
}

// viewTotals are the totals of a scope of the fleet since this replica first met it.
func (m *Monitor) viewTotals(scope Scope) (Totals, error) {
	m.totalsMu.Lock()
	defer m.totalsMu.Unlock()
	c := m.totals[scope]
	if c == nil {
		if scope != (Scope{}) {
			return Totals{}, wrap(ErrNotFound)
		}
		c = &traffic.Counts{}
	}
	return Totals{scope, c.Responses, c.Errors, c.Classes, cloneSketch(&c.Times)}, nil
}

// publishReplicas makes the status of the replicas what a step says.
func (f *fleetMember) publishReplicas(step uint64) {
	r := &f.round
	list := []ReplicaStatus{}
	leader := ""
	for _, p := range r.replicas {
		s := ReplicaStatus{Instance: p.Instance, Version: p.Version, Leads: p.ID == r.lease.ID, Gone: p.gone, LastSeen: p.seen, Note: p.note, Metrics: map[string]Value{}}
		for name, v := range p.latest {
			s.Metrics[name] = ValueOf(v)
		}
		if s.Leads {
			leader = p.Instance
		}
		list = append(list, s)
	}
	sortFunc(list, func(a, b ReplicaStatus) int {
		if a.Instance < b.Instance || a.Instance == b.Instance && a.LastSeen.After(b.LastSeen) {
			return -1
		}
		return 1
	})
	markWorst(f.m.registry.catalog(), list)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Replicas, f.status.Step, f.status.Leader = list, step, leader
}

// worstReplicas names the replicas that are past the limits of a threshold themselves, the
// worst first, where a metric is that of the worst replica.
func (f *fleetMember) worstReplicas(t *Threshold, metric Metric) []string {
	if mergeRuleOf(metric) != mergeWorst {
		return nil
	}
	type bad struct {
		name  string
		value float64
	}
	var list []bad
	f.mu.Lock()
	for _, r := range f.status.Replicas {
		if v, ok := r.Metrics[metric.Name].Get(); ok && !r.Gone && t.severity(v) != "" {
			list = append(list, bad{r.Instance, v})
		}
	}
	f.mu.Unlock()
	sortStableFunc(list, func(a, b bad) int {
		switch {
		case a.value == b.value:
			return 0
		case a.value > b.value == (metric.Worse == HigherIsWorse):
			return -1
		}
		return 1
	})
	var names []string
	for _, b := range list[:min(len(list), worstNamed)] {
		names = append(names, b.name+" ("+withUnit(b.value, metric.Unit)+")")
	}
	return names
}

// markWorst notes which replica is the worst in each metric that can get worse, where there
// are two at least and they differ.
func markWorst(c *catalog, list []ReplicaStatus) {
	for _, metric := range c.metrics {
		if metric.Worse == Neutral || metric.Name == ThroughputRPS {
			continue
		}
		worst, differ := -1, false
		for i := range list {
			v, ok := list[i].Metrics[metric.Name].Get()
			if !ok || list[i].Gone {
				continue
			}
			if worst < 0 {
				worst = i
				continue
			}
			w, _ := list[worst].Metrics[metric.Name].Get()
			differ = differ || v != w
			if v > w == (metric.Worse == HigherIsWorse) && v != w {
				worst = i
			}
		}
		if differ {
			list[worst].Worst = append(list[worst].Worst, metric.Name)
		}
	}
}
