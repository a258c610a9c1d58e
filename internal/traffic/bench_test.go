package traffic_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// BenchmarkRecord measures what a request costs here: a start, the endpoint found by
// its pattern among 50, and the response counted.
func BenchmarkRecord(b *testing.B) {
	patterns := make([]string, 50)
	for i := range patterns {
		patterns[i] = fmt.Sprintf("GET /api/v1/resource%d/{id}", i)
	}
	record := func(rec *traffic.Recorder, i int) {
		rec.Start()
		rec.End(rec.Endpoint("GET", patterns[i%len(patterns)]), traffic.LaneOf(200, false), time.Duration(i&1023)*1000)
	}
	b.Run("serial", func(b *testing.B) {
		rec := traffic.New(500, 10).NewRecorder()
		for i := 0; b.Loop(); i++ {
			record(rec, i)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		t := traffic.New(500, 10)
		var begin atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			rec := t.NewRecorder()
			for i := int(begin.Add(17)); pb.Next(); i++ {
				record(rec, i)
			}
		})
	})
	b.Run("full table", func(b *testing.B) {
		rec := traffic.New(25, 10).NewRecorder()
		for i := 0; b.Loop(); i++ {
			record(rec, i)
		}
	})
	b.Run("organization", func(b *testing.B) {
		rec := traffic.New(25, 50).NewRecorder()
		for i := 0; b.Loop(); i++ {
			rec.EndOrganization(patterns[i%len(patterns)], traffic.LaneOf(200, false), time.Duration(i&1023)*1000)
		}
	})
}

// BenchmarkNewNames measures 20,000 names that come one after the other.
func BenchmarkNewNames(b *testing.B) {
	names := make([]string, 20_000)
	for i := range names {
		names[i] = fmt.Sprintf("tenant-%d", i)
	}
	for b.Loop() {
		rec := traffic.New(10, len(names)).NewRecorder()
		for _, name := range names {
			rec.EndOrganization(name, traffic.LaneOf(200, false), time.Millisecond)
		}
	}
}

// BenchmarkRead measures a step's reading of 10,000 organizations, of which none, a
// hundred or all had a request.
func BenchmarkRead(b *testing.B) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("tenant-%d", i)
	}
	for _, busy := range []int{0, 100, len(names)} {
		b.Run(fmt.Sprint(busy, " busy"), func(b *testing.B) {
			t := traffic.New(10, len(names))
			rec, reader := t.NewRecorder(), t.NewReader()
			serve := func(names []string) {
				for i, name := range names {
					rec.EndOrganization(name, traffic.LaneOf(200, false), time.Duration(i)*time.Millisecond)
				}
			}
			serve(names)
			reader.Organizations(func(string, *traffic.Counts) {})
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				serve(names[:busy])
				b.StartTimer()
				reader.Organizations(func(string, *traffic.Counts) {})
				reader.ReleaseOrganizations(1<<30, 1<<30)
			}
		})
	}
}
