package httpapi

import (
	"net/http"

	"github.com/backend-prs/perfmon"
)

// metricsAnswer is the answer of GET metrics/.
type metricsAnswer struct {
	Metrics []metric `json:"metrics"` // in the order that they are shown in
}

// metric describes one metric.
type metric struct {
	Name    string            `json:"metric_name"`
	Unit    string            `json:"unit"`
	Kind    perfmon.Kind      `json:"kind"`
	Worse   perfmon.Direction `json:"worse_when"`
	Help    string            `json:"help"`
	BuiltIn bool              `json:"builtin"`
}

// listMetrics lists what is measured, whether it has values or not.
func (a *API) listMetrics(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	out := metricsAnswer{[]metric{}}
	for _, m := range a.m.Metrics().All() {
		out.Metrics = append(out.Metrics, metric{m.Name, m.Unit, m.Kind, m.Worse, m.Help, m.BuiltIn()})
	}
	return reply(http.StatusOK, out)
}
