// Package chart draws the last hour of a metric for a notification, by
// github.com/go-analyze/charts: its values, the limit, and when the alert opened. Draw is a
// perfmon.ChartMaker:
//
//	m, err := perfmon.New(perfmon.WithNotificationCharts(chart.Draw), …)
package chart

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	charts "github.com/go-analyze/charts"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

const (
	// Width and Height are the size of a picture in pixels. On a phone, half of that, its
	// smallest letters are as high as those of a message.
	Width  = 720
	Height = 360

	maxPoints = 10_000
	maxBytes  = 256 << 10
)

// Colours: dark on white, whatever the theme of the reader.
var (
	white = charts.ColorRGB(255, 255, 255)
	ink   = charts.ColorRGB(28, 27, 31)
	faint = charts.ColorRGB(222, 222, 228)
	grey  = charts.ColorRGB(95, 93, 99)
	blue  = charts.ColorRGB(31, 95, 168)
	area  = charts.ColorRGB(226, 236, 247)
	red   = charts.ColorRGB(179, 38, 30)
	amber = charts.ColorRGB(138, 83, 0)
)

// Draw draws a PNG of Width by Height pixels and 256 KiB at most; usually it has 10 KiB. Gaps in
// the values are gaps in the line. It is safe for concurrent use. The error is a
// *perfmon.FieldError where d is not valid: times and values of different number, fewer than
// two values or more than 10,000 points, or times that do not ascend.
func Draw(ctx context.Context, d perfmon.ChartData) (perfmon.Image, error) {
	if err := validate(d); err != nil {
		return perfmon.Image{}, fmt.Errorf("chart: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return perfmon.Image{}, err
	}
	p := newPicture(d)
	p.draw()
	data, err := p.png()
	if err != nil {
		return perfmon.Image{}, fmt.Errorf("chart: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return perfmon.Image{}, err
	}
	return perfmon.Image{Name: fileName(d.Metric.Name), Alt: alt(d), ContentType: "image/png", Data: data}, nil
}

func validate(d perfmon.ChartData) error {
	if len(d.Times) != len(d.Values) {
		return &perfmon.FieldError{Field: "Values", Value: len(d.Values), Want: fmt.Sprintf("as many as Times: %d", len(d.Times))}
	}
	if len(d.Values) > maxPoints {
		return &perfmon.FieldError{Field: "Values", Value: len(d.Values), Want: "at most 10000"}
	}
	present := 0
	for i, v := range d.Values {
		if known(v) {
			present++
		}
		if i > 0 && !d.Times[i].After(d.Times[i-1]) {
			return &perfmon.FieldError{Field: "Times", Value: d.Times[i], Want: "times that ascend"}
		}
	}
	if present < 2 {
		return &perfmon.FieldError{Field: "Values", Value: present, Want: "at least two values that are numbers"}
	}
	return nil
}

// known reports whether a value can be drawn.
func known(v float64) bool { return !math.IsNaN(v) && math.Abs(v) <= 1e300 }

func fileName(metric string) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_') {
			return r
		}
		return '_'
	}, metric)
	if name == "" || len(name) > 64 {
		name = "chart"
	}
	return name + ".png"
}

// alt says what the picture shows, for those who cannot see it.
func alt(d perfmon.ChartData) string {
	low, high, last := math.Inf(1), math.Inf(-1), 0.0
	for _, v := range d.Values {
		if known(v) {
			low, high, last = min(low, v), max(high, v), v
		}
	}
	value := func(v float64) string { return notify.Value(perfmon.ValueOf(v), d.Metric.Unit) }
	text := fmt.Sprintf("%s, %s to %s: from %s to %s, at last %s", title(d), clock(d.Times[0]), clock(d.Times[len(d.Times)-1])+" UTC", value(low), value(high), value(last))
	if limit, ok := d.Limit.Get(); ok {
		text += ", limit " + value(limit)
	}
	return text
}

func title(d perfmon.ChartData) string {
	text := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(d.Title, "\uFFFD"))), " ")
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:199]) + "…"
	}
	if text == "" {
		return d.Metric.Name
	}
	return text
}

func clock(t time.Time) string { return t.UTC().Format("15:04") }

// png encodes the picture.
func (p *picture) png() ([]byte, error) {
	data, err := p.canvas.Bytes()
	if err != nil {
		return nil, err
	}
	if data, err = shrink(data); err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, errors.New("the picture has more than 256 KiB")
	}
	return data, nil
}
