package sketch_test

import (
	"fmt"
	"time"

	"github.com/backend-prs/perfmon/sketch"
)

// Each replica counts its own requests. Whoever merges the sketches gets the
// percentiles of all requests.
func Example() {
	var slow, fast sketch.Sketch
	for i := range 1000 {
		fast.Add(uint64(time.Duration(10+i%5) * time.Millisecond))
	}
	for range 20 {
		slow.Add(uint64(2 * time.Second))
	}

	data, _ := slow.AppendBinary(nil) // what is sent over the wire; the error is always nil
	if err := fast.MergeBinary(data); err != nil {
		fmt.Println(err)
	}

	var q [2]float64
	fast.Quantiles([]float64{0.5, 0.99}, q[:])
	fmt.Println(fast.Count(), "requests")
	fmt.Println("p50", time.Duration(q[0]).Round(time.Millisecond))
	fmt.Println("p99", time.Duration(q[1]).Round(100*time.Millisecond))
	// Output:
	// 1020 requests
	// p50 12ms
	// p99 2s
}

// An Atomic takes values from many goroutines; a cursor reads what is new.
func ExampleAtomic() {
	var (
		a      sketch.Atomic
		cursor sketch.Cursor
		s      sketch.Sketch
	)
	a.Add(5)
	a.Add(7)
	fmt.Println(a.Drain(&cursor, &s), "new")
	a.Add(7)
	fmt.Println(a.Drain(&cursor, &s), "new")
	fmt.Println(s.Count(), "in all, median", s.Quantile(0.5))
	// Output:
	// 2 new
	// 1 new
	// 3 in all, median 7
}
