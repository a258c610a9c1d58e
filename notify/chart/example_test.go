package chart_test

import (
	"context"
	"fmt"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify/chart"
)

// A chart of three points, as a monitor would have it drawn.
func ExampleDraw() {
	at := time.Date(2026, 11, 25, 20, 0, 0, 0, time.UTC)
	image, err := chart.Draw(context.Background(), perfmon.ChartData{
		Title: "error_rate of service", Metric: perfmon.Metric{Name: perfmon.ErrorRate, Unit: "%"},
		Times:  []time.Time{at, at.Add(time.Minute), at.Add(2 * time.Minute)},
		Values: []float64{1, 4, 12}, Limit: perfmon.ValueOf(10), Severity: perfmon.Critical,
	})
	fmt.Println(image.Name, err)
	fmt.Println(image.Alt)
	// Output:
	// error_rate.png <nil>
	// error_rate of service, 20:00 to 20:02 UTC: from 1 % to 12 %, at last 12 %, limit 10 %
}
