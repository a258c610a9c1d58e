package prom_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// Names that clients can bring about are labels and never lines of their own, and however
// many alerts there are, a scrape shows 200 of them.
func TestHostileNamesAndManyAlerts(t *testing.T) {
	b := start(t, nil)
	hostile := []string{"a\"} 1\nperfmon_up 666\n", "b\\", "c\xff", "d\x00\x1b[31m", "# HELP x y", strings.Repeat("e", 5000)}
	for _, text := range hostile {
		b.rec.Record(time.Millisecond, &perfmon.Response{Method: text, Pattern: "/" + text, Status: 200, Organization: text})
		_, _ = b.Alerts().Raise(perfmon.HostAlert{Metric: "disk", Severity: perfmon.Warning, Message: text, Scope: perfmon.Scope{Organization: text}})
	}
	for i := range 300 {
		_, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "disk", Severity: perfmon.Warning, Message: "full", Scope: perfmon.Scope{Endpoint: fmt.Sprint("GET /", i)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.step()
	alerts, line := 0, regexp.MustCompile(`^(#.*|[a-z_][a-z0-9_]*(\{([a-z_]+="([^"\\]|\\.)*",?)*\})? [-+0-9.eInfNa]+)$`)
	for text := range strings.Lines(b.scrape()) {
		text = strings.TrimSuffix(text, "\n")
		if !line.MatchString(text) || strings.HasPrefix(text, "perfmon_up") || strings.HasPrefix(text, "# HELP x") {
			t.Errorf("%q is no line of ours", text)
		}
		if strings.HasPrefix(text, "perfmon_alerts{") {
			alerts++
		}
	}
	if alerts != 200 {
		t.Errorf("%d alerts are shown, want 200", alerts)
	}
}
