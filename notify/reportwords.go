package notify

import (
	"fmt"
	"time"

	"github.com/backend-prs/perfmon"
)

// reportItems puts a weekly report into words.
func reportItems(r *perfmon.WeeklyReport) []Item {
	day := func(t time.Time) string { return t.UTC().Format("2006-01-02") }
	items := []Item{{
		Tone: ToneInfo, Title: "Week of " + day(r.From) + " to " + day(r.Until),
		Facts: []Fact{
			{"Requests", Value(perfmon.ValueOf(float64(r.Requests.Requests)), "count")}, {"Errors", Value(r.Requests.ErrorRate, "%")},
			{"p95", Value(r.Requests.P95, "s")}, {"Alerts", fmt.Sprint(len(r.Alerts))},
		},
	}}
	add := func(tone Tone, title string, n int, word func(i int) string) {
		if n == 0 {
			return
		}
		item := Item{Tone: tone, Title: title}
		for i := range min(n, maxList) {
			item.List = append(item.List, clip(word(i), maxName))
		}
		if n > maxList {
			item.List = append(item.List, fmt.Sprintf("and %d more", n-maxList))
		}
		items = append(items, item)
	}
	add(ToneWarning, "What got worse", len(r.Worse), func(i int) string { return changedWords(r.Worse[i]) })
	add(ToneGood, "What got better", len(r.Better), func(i int) string { return changedWords(r.Better[i]) })
	add(ToneInfo, "Alerts", len(r.Alerts), func(i int) string { return reportAlertWords(r.Alerts[i]) })
	add(ToneInfo, "Worst endpoints", len(r.WorstEndpoints), func(i int) string { return endpointWords(r.WorstEndpoints[i]) })
	add(ToneInfo, "Deploys", len(r.Deploys), func(i int) string { return deployWords(r.Deploys[i]) })
	return items
}

// changedWords says how a metric was before, and is now.
func changedWords(c perfmon.WeeklyChange) string {
	text := fmt.Sprintf("%s: %s, was %s", line(c.Metric), Value(c.After, c.Unit), Value(c.Before, c.Unit))
	if p, ok := c.Percent.Get(); ok {
		sign := ""
		if p > 0 {
			sign = "+"
		}
		text += " (" + sign + Value(perfmon.ValueOf(p), "%") + ")"
	}
	return text
}

// reportAlertWords names an alert, and how long it was there.
func reportAlertWords(a perfmon.ReportAlert) string {
	length := Length(time.Duration(a.DurationSeconds * float64(time.Second)))
	text := fmt.Sprintf("%s, %s: %s for %s", When(a.OpenedAt), line(string(a.Severity)), clip(line(a.Key().String()), 120), length)
	if a.Active() {
		text += ", still open"
	}
	return text
}

func deployWords(m perfmon.Marker) string {
	text := When(m.At)
	for _, part := range []string{m.Version, m.Title} {
		if part = line(part); part != "" {
			text += " " + part
		}
	}
	return text
}
