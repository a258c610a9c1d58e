package otlp

import (
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sketch"
)

// classes name the classes of status.
var classes = [5]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// methods are those that the semantic conventions know; any other one is _OTHER.
var methods = []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}

// timed is a point of a histogram.
type timed struct {
	attributes attribute.Set
	times      *sketch.Sketch
	exemplars  []exemplar
}

// requests adds http.server.request.duration.
func (b *batch) requests() {
	var points []timed
	index := map[attribute.Distinct]int{}
	for _, e := range b.p.m.History().EndpointTotals() {
		for class, times := range e.StatusTimes {
			if times == nil {
				continue
			}
			set := attribute.NewSet(requestAttributes(e.Endpoint, class)...)
			exemplars := exemplarsOf(e.Exemplars, class+1)
			// Routes of several hosts may have the same path, and are one then.
			if i, ok := index[set.Equivalent()]; ok {
				points[i].times.Merge(times)
				points[i].exemplars = append(points[i].exemplars, exemplars...)
				continue
			}
			index[set.Equivalent()] = len(points)
			points = append(points, timed{set, times, exemplars})
		}
	}
	b.histogram("http.server.request.duration", "Duration of HTTP server requests.", points)
}

// requestAttributes are those of an endpoint's responses of a class of status. perfmon keeps
// no single statuses, so http.response.status_code is not among them.
func requestAttributes(endpoint string, class int) []attribute.KeyValue {
	list := append(endpointAttributes(endpoint), attribute.String("perfmon.status_class", classes[class]))
	if class == 4 {
		list = append(list, attribute.String("error.type", classes[class]))
	}
	return list
}

// endpointAttributes split an endpoint into its method and its route, which has no host. A
// request that no route matched has none.
func endpointAttributes(endpoint string) []attribute.KeyValue {
	method, route, ok := strings.Cut(endpoint, " ")
	if perfmon.ReservedName(endpoint) {
		return []attribute.KeyValue{attribute.String("http.request.method", "_OTHER")}
	}
	if !ok {
		method, route = "", endpoint
	}
	if !slices.Contains(methods, method) {
		method = "_OTHER"
	}
	if slash := strings.IndexByte(route, '/'); slash > 0 {
		route = route[slash:]
	}
	return []attribute.KeyValue{attribute.String("http.request.method", method), attribute.String("http.route", valid(route))}
}
