package httpapi

import (
	"errors"
	"net/http"

	"github.com/backend-prs/perfmon"
)

// removeThreshold takes a threshold away. An open alert of it is resolved.
func (a *API) removeThreshold(r *request) (answer, error) {
	if err := superAdmin(r.by, "thresholds"); err != nil {
		return nil, err
	}
	q := readParams(r)
	id := perfmon.ThresholdID{
		Metric:    q.name("metric_name", maxMetricName, "the name of a metric that has a threshold"),
		Scope:     perfmon.ScopeKind(q.oneOf("scope", string(perfmon.ScopeService), string(perfmon.ScopeEndpoint), string(perfmon.ScopeOrganization))),
		AppliesTo: q.name("applies_to", maxScopeName, `a pattern of names such as "GET /reports/*"`),
	}
	if id.Metric == "" {
		q.fail("metric_name", "", "the name of a metric that has a threshold")
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	err := a.m.Thresholds().Remove(id, r.by.Name)
	switch {
	case errors.Is(err, perfmon.ErrNotFound):
		return nil, &problem{Status: http.StatusNotFound, Detail: "There is no threshold of " + cut(clean(id.String())) + ".", Parameter: "metric_name"}
	case err != nil:
		return nil, err
	}
	return statusAnswer(http.StatusNoContent), nil
}
