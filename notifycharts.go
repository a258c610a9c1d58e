package perfmon

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// madeCharts are the charts of the message that is being tried.
type madeCharts struct {
	id     string
	images []Image
}

const (
	chartAlerts   = 3 // the first alerts that have charts
	chartWindow   = time.Hour
	chartDeadline = 3 * time.Second // of real time, for each
	maxImage      = 1 << 20

	maxChartsAtOnce = 4
)

// of returns the charts of a notification; they are drawn once.
func (made *madeCharts) of(ctx context.Context, m *Monitor, n *Notification) []Image {
	if m.notify.charts == nil || n.Kind != NotifyAlerts && n.Kind != NotifyReminder {
		return nil
	}
	if made.id == n.ID {
		return made.images
	}
	made.id, made.images = n.ID, nil
	drawn := map[Key]bool{}
	for i := range n.Alerts {
		a := &n.Alerts[i].Alert
		if len(drawn) == chartAlerts {
			break
		}
		if a.State == AlertResolved || drawn[a.Key()] {
			continue
		}
		d, ok := m.whole().chartData(a)
		if !ok {
			continue
		}
		drawn[a.Key()] = true
		if image, ok := m.draw(ctx, d); ok {
			made.images = append(made.images, image)
		}
	}
	return made.images
}

// chartData is what a chart of an alert shows; ok is false where there is nothing to draw.
func (m *Monitor) chartData(a *Alert) (d ChartData, ok bool) {
	metric, ok := m.registry.catalog().find(a.Metric)
	if !ok || a.Organization != "" && a.Endpoint != "" {
		return d, false
	}
	s, err := m.History().Series(a.Scope, chartWindow, a.Metric)
	if err != nil {
		return d, false
	}
	d = ChartData{
		Title: fmt.Sprintf("%s of %v", metric.Name, a.Scope), Metric: metric, Scope: a.Scope,
		Times: s.Times, Values: s.Metrics[a.Metric].Values, Limit: a.Threshold, Opened: a.since(), Severity: a.Severity,
	}
	n := 0
	for _, v := range d.Values {
		if v == v { // NaN is absent
			n++
		}
	}
	return d, n >= 2
}

// draw has the host's function draw a chart, contained.
func (m *Monitor) draw(ctx context.Context, d ChartData) (Image, bool) {
	ctx, cancel := context.WithTimeout(ctx, chartDeadline)
	defer cancel()
	type result struct {
		image Image
		text  string
	}
	select {
	case m.chartSlots <- struct{}{}:
	case <-ctx.Done():
		m.chartFailed("earlier charts are still being drawn")
		return Image{}, false
	}
	drawn := make(chan result, 1)
	go func() {
		defer func() { <-m.chartSlots }()
		var r result
		r.text, _ = contain(func() (err error) { r.image, err = m.notify.charts(ctx, d); return err }, func(text string) { drawn <- result{text: text} })
		drawn <- r
	}()
	select {
	case r := <-drawn:
		if r.text != "" {
			m.chartFailed(r.text)
		}
		return r.image, r.text == "" && len(r.image.Data) > 0 && len(r.image.Data) <= maxImage
	case <-ctx.Done():
		m.chartFailed(fmt.Sprintf("no chart within %v", chartDeadline))
		return Image{}, false
	}
}

// chartFailed logs why a notification goes without a chart.
func (m *Monitor) chartFailed(text string) {
	m.log.write(slog.LevelWarn, "a notification has no chart", "error", text)
}
