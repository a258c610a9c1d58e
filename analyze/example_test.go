package analyze_test

import (
	"fmt"
	"time"

	"github.com/backend-prs/perfmon/analyze"
)

// twoHours returns response times in seconds, one a minute: about a tenth of a second in
// the first hour, and half as much again in the second.
func twoHours() (times []time.Time, seconds []float64) {
	begin := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for i := range 120 {
		level := 0.100
		if i >= 60 {
			level = 0.150
		}
		ripple := float64((i*i+3*i)%11-5) / 1000
		times = append(times, begin.Add(time.Duration(i)*time.Minute))
		seconds = append(seconds, level+ripple)
	}
	return times, seconds
}

func ExampleSummarize() {
	_, seconds := twoHours()
	s := analyze.Summarize(seconds[:60])
	fmt.Printf("%d points, median %.3f s, p95 %.3f s\n", s.Count, s.Median.Float(), s.P95.Float())
	fmt.Printf("mean %.3f s, from %.3f to %.3f\n", s.Mean.Float(), s.MeanLow.Float(), s.MeanHigh.Float())

	// Three points say nothing about the mean.
	fmt.Println(analyze.Summarize(seconds[:3]).MeanLow)
	// Output:
	// 60 points, median 0.102 s, p95 0.105 s
	// mean 0.101 s, from 0.100 to 0.102
	// absent
}

func ExampleCompareWindows() {
	times, seconds := twoHours()
	t := analyze.CompareWindows(times, seconds, times[59], analyze.HigherIsWorse)
	fmt.Printf("%s by %.0f %%, confidence %s\n", t.Direction, t.ChangePercent.Float(), t.ConfidenceLevel)
	// Output: degrading by 50 %, confidence high
}

func ExampleChangePoints() {
	times, seconds := twoHours()
	for _, c := range analyze.ChangePoints(times, seconds) {
		fmt.Printf("at %s from %.2f to %.2f s\n", c.Time.Format(time.TimeOnly), c.Before.Float(), c.After.Float())
	}
	// Output: at 13:00:00 from 0.10 to 0.15 s
}

func ExampleSeasonality() {
	begin := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	var times []time.Time
	var requests []float64
	for i := range 3 * 24 * 60 {
		v := 20 + float64((i*i+3*i)%11)
		if hour := i / 60 % 24; hour >= 8 && hour < 18 {
			v += 100
		}
		times, requests = append(times, begin.Add(time.Duration(i)*time.Minute)), append(requests, v)
	}
	s := analyze.Seasonality(times, requests)
	fmt.Printf("a rhythm: %t; %.0f at noon, %.0f at midnight\n", s.Found, s.Hours[12], s.Hours[0])
	// Output: a rhythm: true; 127 at noon, 27 at midnight
}

func ExampleCompare() {
	_, seconds := twoHours()
	d := analyze.Compare(analyze.EstimateMean(seconds[:60]), analyze.EstimateMean(seconds[60:]))
	fmt.Printf("%.0f ms slower, p < 0.001: %t\n", 1000*d.Value.Float(), d.PValue.Float() < 0.001)
	fmt.Printf("within 10 ms: %.0f %%\n", 100*d.Within(0.010))
	// Output:
	// 50 ms slower, p < 0.001: true
	// within 10 ms: 0 %
}

func ExampleDetector() {
	d := analyze.NewDetector()
	at := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for i := range 500 {
		v := 20 + float64((i*i+3*i)%11)
		if i == 400 {
			v = 300
		}
		if r := d.Add(at.Add(time.Duration(i)*time.Minute), v); r.Score >= analyze.AnomalyScore {
			fmt.Printf("point %d is %v, about %.0f was expected\n", i, v, r.Expected)
		}
	}
	// Output: point 400 is 300, about 26 was expected
}

// The state of a Detector outlives the process.
func ExampleDetector_AppendBinary() {
	d := analyze.NewDetector()
	now := time.Now()
	for i := range 200 {
		d.Add(now, float64(i%7))
	}
	state, err := d.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	restored := analyze.NewDetector()
	if err := restored.UnmarshalBinary(state); err != nil {
		panic(err)
	}
	fmt.Println(d.Add(now, 1000) == restored.Add(now, 1000))
	// Output: true
}
