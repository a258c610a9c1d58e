package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/backend-prs/perfmon"
)

// threshold is a threshold with the values in force, and the names of those that it
// takes from the settings and defaults.
type threshold struct {
	effective perfmon.Threshold
	inherited []string
}

// MarshalJSON returns the fields of the threshold and "inherited".
func (t threshold) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(t.effective)
	if err != nil {
		return nil, err
	}
	names, err := json.Marshal(t.inherited)
	if err != nil {
		return nil, err
	}
	data = append(data[:len(data)-1], `,"inherited":`...)
	return append(append(data, names...), '}'), nil
}

// thresholdsAnswer is the answer of GET thresholds/.
type thresholdsAnswer struct {
	Thresholds []threshold `json:"thresholds"`
}

// thresholdAnswer is the answer of PUT thresholds/.
type thresholdAnswer struct {
	Threshold threshold `json:"threshold"`
}

// inForce fills in what a threshold inherits.
func (a *API) inForce(t perfmon.Threshold) threshold {
	out := threshold{a.m.Thresholds().Effective(t), []string{}}
	for _, f := range []struct {
		goName    string
		inherited bool
	}{
		{"ConsecutiveViolations", t.ConsecutiveViolations == 0},
		{"Cooldown", t.Cooldown == 0},
		{"MinRequests", t.MinRequests == 0 && out.effective.MinRequests > 0},
	} {
		if f.inherited {
			out.inherited = append(out.inherited, thresholdWire[f.goName].name)
		}
	}
	return out
}

// listThresholds lists all thresholds, but for those of other organizations.
func (a *API) listThresholds(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	out := thresholdsAnswer{[]threshold{}}
	for _, t := range a.m.Thresholds().All() {
		if r.by.seesThreshold(t) {
			out.Thresholds = append(out.Thresholds, a.inForce(t))
		}
	}
	return reply(http.StatusOK, out)
}

// seesThreshold reports whether the principal sees a threshold. A pattern names those
// that it is about.
func (p Principal) seesThreshold(t perfmon.Threshold) bool {
	if p.SuperAdmin || t.ID().Scope != perfmon.ScopeOrganization || t.AppliesTo == "" {
		return true
	}
	return p.owns(p.Organization) && t.Matches(perfmon.Scope{Organization: p.Organization})
}
