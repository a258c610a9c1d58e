package prom

import (
	"math"
	"sort"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/backend-prs/perfmon"
)

// traceLabel is the label that Grafana and others look for in an exemplar.
const traceLabel = "trace_id"

// with adds exemplars, which come the oldest first: all to the native histogram, and to each
// classic bucket the latest that lies in it.
func (h histogram) with(exemplars []perfmon.Exemplar) histogram {
	for _, e := range exemplars {
		x := exemplar(e)
		h.data.Exemplars = append(h.data.Exemplars, x)
		if bucket := h.bucket(x.GetValue()); bucket != nil {
			bucket.Exemplar = x
		}
	}
	return h
}

// bucket returns the classic bucket of a value, nil where there are none. The one without an
// upper bound is there only if it has an exemplar, as in client_golang.
func (h histogram) bucket(value float64) *dto.Bucket {
	buckets := h.data.Bucket
	if len(buckets) == 0 {
		return nil
	}
	i := sort.Search(len(buckets), func(i int) bool { return value <= buckets[i].GetUpperBound() })
	if i == len(buckets) {
		h.data.Bucket = append(buckets, classic(math.Inf(1), h.data.GetSampleCount()))
	}
	return h.data.Bucket[i]
}

func exemplar(e perfmon.Exemplar) *dto.Exemplar {
	name, id, value := traceLabel, e.TraceID, e.Duration.Seconds()
	return &dto.Exemplar{Label: []*dto.LabelPair{{Name: &name, Value: &id}}, Value: &value, Timestamp: timestamppb.New(e.Time)}
}

// ofClass returns the exemplars of a class of status.
func ofClass(exemplars []perfmon.Exemplar, class int) (list []perfmon.Exemplar) {
	for _, e := range exemplars {
		if e.Class == class {
			list = append(list, e)
		}
	}
	return list
}
