package perfmon

import (
	"context"
	"time"
)

// ChartData is what a chart in a notification shows: a metric over the hour before, with
// its limit.
type ChartData struct {
	Title  string // one line: the metric and its scope
	Metric Metric // its name, unit and direction
	Scope  Scope
	// Times and Values are the points, the oldest first; an absent value is NaN. There are
	// at least two points with a value.
	Times  []time.Time
	Values []float64
	Limit  Value // that was passed; absent where there is none
	// Opened is when the alert opened; it may be before the first point.
	Opened   time.Time
	Severity Severity
}

// ChartMaker draws a chart for a notification. Package notify/chart has one. It is called in
// a goroutine of its own, never under a lock, and given up on when ctx ends; a notification
// goes without the chart then, and where it returns an error or panics.
type ChartMaker func(ctx context.Context, d ChartData) (Image, error)

// WithNotificationCharts has notifications carry charts of the metrics of their first
// alerts. Default: none.
func WithNotificationCharts(draw ChartMaker) Option {
	return func(c *config) error {
		if draw == nil {
			return &FieldError{"WithNotificationCharts", nil, "a function"}
		}
		c.notify.charts = draw
		return nil
	}
}
