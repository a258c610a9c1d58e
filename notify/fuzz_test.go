package notify_test

import (
	"errors"
	"testing"

	"github.com/backend-prs/perfmon"
)

// FuzzRenderers holds every channel to its rules, whatever the texts.
func FuzzRenderers(f *testing.F) {
	f.Add("shop", "GET /orders/{id}", "is slow", "s", 1.5, uint8(3))
	f.Add(hostileText, hostileText, hostileText, hostileText, -1e300, uint8(70))
	f.Add("\xff\xfe", "\x00", "<<<<&&&&>>>>|", "", 0.0, uint8(0))
	f.Add("😀😀😀", "\u202e", "\r\n\r\n", "%", 1e-300, uint8(60))
	f.Fuzz(func(t *testing.T, title, name, message, unit string, value float64, many uint8) {
		n := opened()
		grow := func(s string) string { // fuzzers begin with short texts; the limits are far away
			for len(s) > 0 && len(s) < int(many)*64 {
				s += s
			}
			return s
		}
		n.Title, n.Service.Name, n.Service.Instance, n.Charts[0].Alt, n.Charts[0].Name = grow(title), name, name, message, name
		for i := range n.Alerts {
			a := &n.Alerts[i]
			a.Alert.Endpoint, a.Alert.Message, a.Alert.Unit, a.Alert.Value, a.By = grow(name), grow(message), unit, perfmon.ValueOf(value), name
			a.Runbook, a.Link, a.DedupKey = "https://wiki.example/"+message, message, "k"+grow(title)
			for j := range a.Worst {
				a.Worst[j].Endpoint = grow(name)
			}
		}
		for range many {
			n.Alerts = append(n.Alerts, n.Alerts[0])
		}
		for _, kind := range []perfmon.Notification{n, report()} {
			kind.Title, kind.Service = n.Title, n.Service
			if r := kind.Report; r != nil {
				r.Worse[0].Metric, r.Worse[0].Unit, r.Worse[0].After, r.Deploys[0].Title = grow(name), unit, perfmon.ValueOf(value), grow(message)
				r.Alerts[0].Endpoint = grow(name)
			}
			fuzzOne(t, kind)
		}
	})
}

func fuzzOne(t *testing.T, n perfmon.Notification) {
	t.Helper()
	for name, keeps := range rules {
		if name == "pagerduty" && len(n.Alerts) > 5 {
			n.Alerts = n.Alerts[:5] // a call for each
		}
		r := receive(t, nil)
		err := channel(t, name, r.URL).Notify(t.Context(), n)
		if _, ok := errors.AsType[*perfmon.UndeliverableError](err); ok && name == "alertmanager" && n.Report != nil {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range r.all() {
			keeps(t, c)
		}
		r.Close()
	}
}
