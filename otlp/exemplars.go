package otlp

import (
	"bytes"
	"encoding/hex"
	"slices"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/backend-prs/perfmon"
)

type exemplar = metricdata.Exemplar[float64]

// exemplarsOf returns the exemplars of a class of status. OTLP has a place for trace IDs of
// 16 bytes and no other ones, so those that are not 32 hex digits are left out.
func exemplarsOf(list []perfmon.Exemplar, class int) (out []exemplar) {
	for _, e := range list {
		id, err := hex.DecodeString(e.TraceID)
		if e.Class == class && err == nil && len(id) == 16 {
			out = append(out, exemplar{Time: e.Time, Value: e.Duration.Seconds(), TraceID: id})
		}
	}
	return out
}

// fresh returns those exemplars that were not there before.
func fresh(list, before []exemplar) (out []exemplar) {
	for _, e := range list {
		if !slices.ContainsFunc(before, func(b exemplar) bool {
			return b.Time.Equal(e.Time) && b.Value == e.Value && bytes.Equal(b.TraceID, e.TraceID)
		}) {
			out = append(out, e)
		}
	}
	return out
}
