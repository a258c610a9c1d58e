package notify_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// Links lead to pages by HTTP, give no password away, and are not endless.
func TestLinks(t *testing.T) {
	for link, want := range map[string]string{
		"https://perf.example/?a=1&b=2#/alerts/01K1": "https://perf.example/?a=1&b=2#/alerts/01K1",
		"HTTP://perf.example/":                       "http://perf.example/",
		"https://perf.example/<!channel>":            "https://perf.example/%3C%21channel%3E",
		"javascript:alert(1)":                        "",
		"https://ann:password@perf.example/":         "",
		"//perf.example/":                            "",
		"/alerts":                                    "",
		"":                                           "",
		"https://perf.example/\nx":                   "",
		"https://perf.example/" + strings.Repeat("x", 2100): "",
	} {
		got := ""
		if list := notify.Compose(perfmon.Notification{Link: link}).Links; len(list) > 0 {
			got = list[0].URL
		}
		if got != want {
			t.Errorf("%.60q leads to %q, want %q", link, got, want)
		}
	}
}

// A link that does not fit takes no other one with it.
func TestSlackKeepsTheLinksThatFit(t *testing.T) {
	r := receive(t, nil)
	n := changed(perfmon.ChangeResolved, perfmon.AlertResolved, "ann")
	n.Alerts[0].Link = "https://perf.example/" + strings.Repeat("x", 2000)
	n.Alerts[0].Runbook = "https://wiki.example/" + strings.Repeat("x", 2000)
	if err := channel(t, "slack", r.URL).Notify(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	slackRules(t, r.last(t))
	if !strings.Contains(string(r.last(t).Body), "|Open the alert>") {
		t.Error("there is no link to the alert")
	}
}

// The tone is that of the worst alert that is not over.
func TestTone(t *testing.T) {
	got := map[string]notify.Tone{}
	for kind, n := range kinds() {
		got[kind] = notify.Compose(n).Tone
	}
	want := map[string]notify.Tone{
		"opened": notify.ToneCritical, "reminder": notify.ToneCritical, "escalated": notify.ToneCritical, "acknowledged": notify.ToneCritical, "hostile": notify.ToneCritical,
		"many": notify.ToneCritical, "long": notify.ToneCritical, "dismissed": notify.ToneGood, "resolved": notify.ToneGood, "report": notify.ToneInfo, "test": notify.ToneInfo,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A notification of a kind that this package does not know says its own text.
func TestOwnText(t *testing.T) {
	m := notify.Compose(perfmon.Notification{Title: "Title", Text: "One\r\n\x00two\n\n<three>"})
	if diff := cmp.Diff([]string{"One", " two", "<three>"}, m.Lead); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
