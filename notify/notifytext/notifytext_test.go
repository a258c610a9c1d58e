package notifytext_test

import (
	"strings"
	"testing"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify/notifytext"
)

func TestBody(t *testing.T) {
	body, err := notifytext.Body(`{"text": {{json .Title}}, "worst": {{json .Severity}}, "metrics": [{{range $i, $a := .Alerts}}{{if $i}}, {{end}}{{json $a.Alert.Metric}}{{end}}]}`, "application/json")
	if err != nil {
		t.Fatal(err)
	}
	n := perfmon.Notification{Title: "a \"b\"\n</script>"}
	n.Alerts = make([]perfmon.AlertNotice, 2)
	n.Alerts[0].Alert.Metric, n.Alerts[1].Alert.Metric = "one", "two"
	data, contentType, err := body(n)
	if want := `{"text": "a \"b\"\n\u003c/script\u003e", "worst": "", "metrics": ["one", "two"]}`; err != nil || string(data) != want || contentType != "application/json" {
		t.Errorf("it makes %s of %s, and %v, want %s", data, contentType, err, want)
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Title": "unclosed", "{{.Hostname}}": "Hostname", " ": "empty", `{"a": "{{.Title}}"}`: "no JSON", `{{with .Report}}{{json .Nothing}}{{else}}1{{end}}`: "kind report",
	} {
		if _, err := notifytext.Body(text, "application/json"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
	if _, err := notifytext.Body("x", ""); err == nil {
		t.Error("it takes no content type")
	}
}

// What grows with the notification is bounded.
func TestTooLarge(t *testing.T) {
	body, err := notifytext.Body(`{{.Title}}{{range .Alerts}}{{.Runbook}}{{end}}`, "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	n := perfmon.Notification{Title: "x", Alerts: make([]perfmon.AlertNotice, 2)}
	for i := range n.Alerts {
		n.Alerts[i].Runbook = strings.Repeat("x", 600<<10)
	}
	if _, _, err := body(n); err == nil || !strings.Contains(err.Error(), "1 MiB") {
		t.Errorf("%v", err)
	}
}
