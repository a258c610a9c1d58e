package traffic_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/traffic"
	"github.com/backend-prs/perfmon/sketch"
)

// figures are all that Counts hold, in a form that can be compared.
type figures struct {
	Responses, Errors, Streams uint64
	Classes                    [5]uint64
	Times                      []byte
}

func figuresOf(t testing.TB, c *traffic.Counts) figures {
	t.Helper()
	times, err := c.Times.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return figures{c.Responses, c.Errors, c.Streams, c.Classes, times}
}

// Whatever stripe and step an event falls into: totals are the same as if one counter
// had seen all, the sum of deltas is the total, and totals never go down.
func TestTotalsAreTheSumOfAnySplit(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 7))
		tr := traffic.New(10, 10)
		reader := tr.NewReader()
		recorders := make([]*traffic.Recorder, 1+rng.IntN(6))
		for i := range recorders {
			recorders[i] = tr.NewRecorder()
		}
		want := map[string]*traffic.Counts{}
		sums := map[string]*traffic.Counts{}
		all := new(traffic.Counts)
		at := func(m map[string]*traffic.Counts, name string) *traffic.Counts {
			if m[name] == nil {
				m[name] = new(traffic.Counts)
			}
			return m[name]
		}
		var before uint64
		step := func() {
			reader.Endpoints(new(traffic.Delta), func(name string, d *traffic.Delta) { at(sums, name).Merge(d) })
			reader.Organizations(func(name string, d *traffic.Delta) { at(sums, "organization "+name).Merge(d) })
			var total traffic.Counts
			if tr.Total(&total); total.Responses < before {
				t.Errorf("seed %d: the total went down from %d to %d", seed, before, total.Responses)
			}
			before = total.Responses
		}
		for range 2000 {
			o := struct {
				Status         int
				Failed, Stream bool
			}{100 * (1 + rng.IntN(5)), rng.IntN(4) == 0, rng.IntN(5) == 0}
			lane := traffic.LaneOf(o.Status, o.Failed)
			if o.Stream {
				lane = lane.OfStream()
			}
			d := time.Duration(rng.ExpFloat64() * 1e7)
			pattern := fmt.Sprintf("/p%d", rng.IntN(3))
			rec := recorders[rng.IntN(len(recorders))]
			rec.Start()
			rec.End(rec.Endpoint("GET", pattern), lane, d)
			rec.EndOrganization(pattern, lane, d)
			for _, c := range []*traffic.Counts{all, at(want, "GET "+pattern), at(want, "organization "+pattern)} {
				c.Responses++
				if o.Failed {
					c.Errors++
				}
				if o.Stream {
					c.Streams++
				} else {
					c.Classes[o.Status/100-1]++
					c.Times.Add(uint64(d))
				}
			}
			if rng.IntN(200) == 0 {
				step()
			}
		}
		step()
		for name, c := range want {
			if diff := cmp.Diff(figuresOf(t, c), figuresOf(t, at(sums, name))); diff != "" {
				t.Errorf("seed %d, %s: the sum of deltas (-want +got):\n%s", seed, name, diff)
			}
		}
		for prefix, n := range map[string]*traffic.Names{"": tr.Endpoints, "organization ": tr.Organizations} {
			n.Totals(func(name string, c *traffic.Counts) {
				if diff := cmp.Diff(figuresOf(t, at(want, prefix+name)), figuresOf(t, c)); diff != "" {
					t.Errorf("seed %d, %s: the total (-want +got):\n%s", seed, prefix+name, diff)
				}
			})
		}
		var total traffic.Counts
		tr.Total(&total)
		if diff := cmp.Diff(figuresOf(t, all), figuresOf(t, &total)); diff != "" {
			t.Errorf("seed %d: the total of the service (-want +got):\n%s", seed, diff)
		}
	}
}

// The total of the service counts on when a name goes.
func TestTotalOfTheServiceSurvivesRelease(t *testing.T) {
	tr := traffic.New(10, 10)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	serve(rec, "GET", "/a")
	for range 5 {
		read(tr, reader)
	}
	reader.ReleaseEndpoints(3, 0)
	serve(rec, "GET", "/b")
	read(tr, reader)
	var service, a traffic.Counts
	tr.Total(&service)
	if service.Responses != 2 || service.Times.Count() != 2 || service.Classes != [5]uint64{1: 2} {
		t.Errorf("%d responses, %d times, by class %v", service.Responses, service.Times.Count(), service.Classes)
	}
	if tr.Endpoints.Total("GET /a", &a) {
		t.Errorf("a released name has a total of %d", a.Responses)
	}
}

func TestResponseTimes(t *testing.T) {
	var c traffic.Counts
	none := c.ResponseTimes()
	for _, v := range []float64{none.P50, none.P95, none.P99, none.Mean} {
		if !math.IsNaN(v) {
			t.Errorf("without responses: %+v", none)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	values := make([]float64, 10_000)
	var sum float64
	for i := range values {
		ns := uint64(math.Exp(rng.NormFloat64()) * 20e6)
		c.Times.Add(ns)
		values[i] = float64(ns) / 1e9
		sum += values[i]
	}
	slices.Sort(values)
	got := c.ResponseTimes()
	for name, pair := range map[string][2]float64{
		"p50": {got.P50, values[4999]}, "p95": {got.P95, values[9499]}, "p99": {got.P99, values[9899]}, "mean": {got.Mean, sum / 10_000},
	} {
		if e := math.Abs(pair[0]-pair[1]) / pair[1]; e > sketch.RelativeError {
			t.Errorf("%s is %v s, want %v s", name, pair[0], pair[1])
		}
	}
}

// A name keeps its totals, and its times by class, through a long rest and after it.
func TestTotalsOutlastRest(t *testing.T) {
	tr := traffic.New(10, 10)
	reader, rec := tr.NewReader(), tr.NewRecorder()
	step := func() { reader.Endpoints(new(traffic.Delta), func(string, *traffic.Delta) {}) }
	var want traffic.Counts
	good, bad := new(sketch.Sketch), new(sketch.Sketch)
	for round := range 3 {
		for i, status := range []int{200, 204, 404} {
			d := time.Duration(round*3+i+1) * time.Millisecond
			rec.Start()
			rec.EndRoute("GET", "/rare", traffic.LaneOf(status, false), d)
			want.Times.Add(uint64(d))
			want.Responses++
			want.Classes[status/100-1]++
			if status == 404 {
				bad.Add(uint64(d))
			} else {
				good.Add(uint64(d))
			}
		}
		for quiet := range 200 {
			if step(); quiet%50 > 0 {
				continue
			}
			var got traffic.Counts
			if !tr.Endpoints.Total("GET /rare", &got) {
				t.Fatal("the endpoint is not there")
			}
			if diff := cmp.Diff(figuresOf(t, &want), figuresOf(t, &got)); diff != "" {
				t.Fatalf("round %d, after %d quiet steps (-want +got):\n%s", round, quiet, diff)
			}
			tr.Endpoints.ClassTotals(func(_ string, total *traffic.Counts, classes *[5]*sketch.Sketch, _ []*traffic.Exemplar) {
				for class, want := range map[int]*sketch.Sketch{1: good, 3: bad} {
					if got := classes[class]; got.Count() != want.Count() || got.Quantile(0.5) != want.Quantile(0.5) {
						t.Fatalf("round %d, after %d quiet steps: class %d has %d times, want %d", round, quiet, class+1, got.Count(), want.Count())
					}
				}
			})
		}
	}
}
