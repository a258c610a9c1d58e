package traffic_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// Whatever is recorded, drained and released between its calls, a Live reads each response
// once, in the call that follows it, and the reader reads what it would read without it.
func TestLiveReadsEachResponseOnce(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 9))
		tr := traffic.New(8, 1)
		reader := tr.NewReader()
		recorders := []*traffic.Recorder{tr.NewRecorder(), tr.NewRecorder(), tr.NewRecorder()}
		var sinceStep, sinceRead, drained, seen traffic.Counts
		record := func() {
			rec := recorders[rng.IntN(len(recorders))]
			status, failed, stream := 100*(1+rng.IntN(5)), rng.IntN(3) == 0, rng.IntN(4) == 0
			lane := traffic.LaneOf(status, failed)
			d := time.Duration(rng.Int64N(1 << 40))
			rec.Start()
			if stream {
				lane = lane.OfStream()
				rec.StreamOpened()
				rec.StreamEnded()
			}
			rec.End(rec.Endpoint("GET", fmt.Sprintf("/p%d", rng.IntN(12))), lane, d)
			for _, c := range []*traffic.Counts{&sinceStep, &sinceRead} {
				one := traffic.Counts{Responses: 1}
				if failed {
					one.Errors = 1
				}
				if stream {
					one.Streams = 1
				} else {
					one.Classes[status/100-1] = 1
					one.Times.Add(uint64(d))
				}
				c.Merge(&one)
			}
		}
		for range 50 {
			record() // before anybody looks
		}
		live := reader.Live()
		sinceRead.Reset()
		recorders[0].Start() // stays in flight
		for range 300 {
			switch rng.IntN(10) {
			case 0:
				drained.Reset()
				reader.Endpoints(new(traffic.Delta), func(_ string, d *traffic.Delta) { drained.Merge(d) })
				if diff := cmp.Diff(figuresOf(t, &sinceStep), figuresOf(t, &drained)); diff != "" {
					t.Fatalf("seed %d: a step (-want +got):\n%s", seed, diff)
				}
				sinceStep.Reset()
			case 1:
				reader.ReleaseEndpoints(2, 1)
			case 2, 3:
				inFlight, streams := live.Read(&seen)
				if diff := cmp.Diff(figuresOf(t, &sinceRead), figuresOf(t, &seen)); diff != "" {
					t.Fatalf("seed %d: a live read (-want +got):\n%s", seed, diff)
				}
				if inFlight != 1 || streams != 0 {
					t.Fatalf("seed %d: %d requests and %d streams in flight", seed, inFlight, streams)
				}
				sinceRead.Reset()
			default:
				record()
			}
		}
	}
}

// While many record and the reader drains and releases, nothing is seen twice or missed.
func TestLiveBesideTheReader(t *testing.T) {
	const goroutines, each = 4, 4000
	tr := traffic.New(20, 1)
	reader := tr.NewReader()
	live := reader.Live()
	var recording, reading sync.WaitGroup
	for g := range goroutines {
		recording.Go(func() {
			rec := tr.NewRecorder()
			for i := range each {
				rec.Start()
				rec.End(rec.Endpoint("GET", fmt.Sprintf("/p%d", (i/50*7+g)%60)), traffic.LaneOf(200, false), time.Duration(i))
			}
		})
	}
	over := make(chan struct{})
	reading.Go(func() {
		for {
			reader.Endpoints(new(traffic.Delta), func(string, *traffic.Delta) {})
			reader.ReleaseEndpoints(1, 1)
			select {
			case <-over:
				return
			default:
			}
		}
	})
	go func() { recording.Wait(); close(over) }()
	var sum uint64
	var d traffic.Counts
	read := func() {
		live.Read(&d)
		if d.Responses > goroutines*each {
			t.Fatalf("%d responses at once: the sum went down", d.Responses)
		}
		sum += d.Responses
	}
	for running := true; running; read() {
		select {
		case <-over:
			running = false
		default:
		}
	}
	reading.Wait()
	reader.Endpoints(new(traffic.Delta), func(string, *traffic.Delta) {}) // what came late to released names
	if read(); sum != goroutines*each {
		t.Errorf("%d responses were seen, want %d", sum, goroutines*each)
	}
}

// BenchmarkLive measures a live read of 500 endpoints that all had requests.
func BenchmarkLive(b *testing.B) {
	tr := traffic.New(500, 1)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	for i := range 500 {
		for j := range 20 {
			rec.Start()
			rec.End(rec.Endpoint("GET", fmt.Sprintf("/p%d", i)), traffic.LaneOf(200, false), time.Duration(j*i)*time.Microsecond)
		}
	}
	live := reader.Live()
	var d traffic.Counts
	b.ReportAllocs()
	for b.Loop() {
		live.Read(&d)
	}
}
