package prom

import (
	"fmt"
	"math"
	"regexp"

	"github.com/backend-prs/perfmon"
)

// Option sets up a collector. A nil Option is refused.
type Option func(*Collector) error

// WithNamespace sets what the names of perfmon's own metrics begin with. Default:
// "perfmon". It has a letter first and then a-z, 0-9 and _, at most 40 bytes in all.
func WithNamespace(namespace string) Option {
	return func(c *Collector) error {
		if !namespacePattern.MatchString(namespace) {
			return &perfmon.FieldError{Field: "namespace", Value: namespace, Want: "a letter and then up to 39 of a-z, 0-9 and _"}
		}
		c.namespace = namespace
		return nil
	}
}

var namespacePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// maxBuckets bounds the classic buckets of one histogram.
const maxBuckets = 1000

// WithBuckets sets the upper bounds of the classic buckets, in seconds, ascending, at most
// 1000. Default: those of client_golang, 5 ms to 10 s. Without any, a histogram is a native
// one only, which a scrape in text form does not show. See [BucketsWithin] for bounds that
// keep percentiles exact.
func WithBuckets(bounds ...float64) Option {
	return func(c *Collector) error {
		if len(bounds) > maxBuckets {
			return &perfmon.FieldError{Field: "buckets", Value: len(bounds), Want: fmt.Sprintf("at most %d", maxBuckets)}
		}
		for i, b := range bounds {
			if !(b > 0) || math.IsInf(b, 0) || i > 0 && b <= bounds[i-1] {
				return &perfmon.FieldError{Field: "buckets", Value: b, Want: "bounds above 0 that ascend"}
			}
		}
		c.buckets = append([]float64(nil), bounds...)
		return nil
	}
}

// BucketsWithin returns bounds for [WithBuckets] from one duration to another, in seconds,
// each at most the share larger than the one before: with 0.02, a percentile that PromQL
// takes from the buckets lies at most 2 % from perfmon's. It costs: from 5 ms to 10 s those
// are 385 series for each endpoint. The native histogram, which is always there, is as exact
// for a fraction of that. Without sense, such as from 0, it returns none.
func BucketsWithin(share, from, to float64) []float64 {
	if !(share >= 0.001) || !(from > 0) || !(to > from) || math.IsInf(to, 0) || math.IsInf(share, 0) {
		return nil
	}
	n := int(math.Ceil(math.Log(to/from) / math.Log1p(share)))
	bounds := make([]float64, n+1)
	for i := range bounds {
		bounds[i] = from * math.Pow(to/from, float64(i)/float64(n))
	}
	return bounds
}

// WithNativeSchema sets how fine native histograms are: each power of two has 2^schema
// buckets. From 0 to 6, which is the default: there a bucket is 1.1 % wide, about as wide as
// one of perfmon's own. 3 is what client_golang calls a factor of 1.1.
func WithNativeSchema(schema int) Option {
	return func(c *Collector) error {
		if schema < 0 || schema > 6 {
			return &perfmon.FieldError{Field: "native schema", Value: schema, Want: "0 to 6"}
		}
		c.schema = int32(schema)
		return nil
	}
}

// WithPublicNames adds http_request_duration_seconds, with the labels handler, method and
// code, which many dashboards read. The code is a class, such as "5xx", which a matcher like
// code=~"5.." finds: perfmon keeps no single codes. Where the registry has a metric of that
// name already, registering the collector fails.
func WithPublicNames() Option {
	return func(c *Collector) error {
		c.public = true
		return nil
	}
}
