package mail_test

import (
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
	"github.com/backend-prs/perfmon/notify/mail"
)

// Slack at any time, a mail of what comes in working hours, and a pager for what is critical.
func Example() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		log.Fatal(err)
	}
	slack, err := notify.Slack(notify.SlackOptions{URL: os.Getenv("SLACK_WEBHOOK")})
	if err != nil {
		log.Fatal(err)
	}
	pager, err := notify.PagerDuty(notify.PagerDutyOptions{RoutingKey: os.Getenv("PAGERDUTY_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	post, err := mail.New(mail.Options{
		Host: "smtp.example.org", User: "perfmon", Password: os.Getenv("SMTP_PASSWORD"),
		From: "perfmon <perfmon@example.org>", To: []string{"team@example.org"},
	})
	if err != nil {
		log.Fatal(err)
	}
	office := []perfmon.Hours{{
		Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday},
		From: 9 * time.Hour, Until: 17 * time.Hour, Location: berlin,
	}}
	m, err := perfmon.New(
		perfmon.WithPageURL("https://shop.example.org/api/monitoring/performance/"), // messages link to it
		perfmon.WithNotifier("slack", slack),
		perfmon.WithNotifier("team", post, perfmon.Route{Hours: office}),
		perfmon.WithNotifier("on-call", pager, perfmon.Route{Severity: perfmon.Critical}),
		perfmon.WithWeeklyReport(time.Monday, 9, berlin, "team"),
	)
	if err != nil {
		log.Fatal(err)
	}
	_ = m // Start, serve and Close it as ever
}

// The guide shows this example.
func TestGuideShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func Example() {\n")
	body, _, _ = strings.Cut(body, "\t_ = m //")
	body = strings.TrimPrefix(strings.ReplaceAll("\n"+body, "\n\t", "\n"), "\n")
	if !strings.Contains(string(guide), "```go\n"+body+"```\n") {
		t.Errorf("docs/guide.md does not show:\n%s", body)
	}
}
