package shoutrrr_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify/shoutrrr"
)

const secret = "s3cret-token"

// receive is a receiver of the service "generic".
func receive(t *testing.T, answer http.HandlerFunc) (address string, bodies chan string) {
	t.Helper()
	bodies = make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- string(body)
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return "generic://" + strings.TrimPrefix(s.URL, "http://") + "/" + secret + "?disabletls=yes&template=json", bodies
}

func notifier(t *testing.T, o shoutrrr.Options) perfmon.Notifier {
	t.Helper()
	n, err := shoutrrr.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func opened() perfmon.Notification {
	a := perfmon.AlertNotice{Runbook: "https://wiki.example/@slow?a=1&b=2"}
	a.Change, a.Alert = perfmon.ChangeOpened, perfmon.Alert{Metric: "error_rate", Severity: perfmon.Critical, State: perfmon.AlertOpen, Message: "error_rate is 12 % <!channel> @everyone"}
	return perfmon.Notification{Kind: perfmon.NotifyAlerts, Title: "Critical: error_rate <@U1>", Alerts: []perfmon.AlertNotice{a}}
}

func TestSends(t *testing.T) {
	for _, titled := range []bool{false, true} {
		address, bodies := receive(t, nil)
		if err := notifier(t, shoutrrr.Options{URL: address, Title: titled}).Notify(t.Context(), opened()); err != nil {
			t.Fatal(err)
		}
		var got struct{ Title, Message string }
		if err := json.Unmarshal([]byte(<-bodies), &got); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(strings.ReplaceAll(got.Title+got.Message, "https://wiki.example/@slow?a=1&b=2", ""), "<>@&") {
			t.Errorf("%+v may mention somebody", got)
		}
		for _, want := range []string{"error_rate is 12 %", "Runbook: https://wiki.example/@slow?a=1&b=2"} {
			if !strings.Contains(got.Message, want) {
				t.Errorf("%q does not say %q", got.Message, want)
			}
		}
		if titled != (got.Title == "Critical: error_rate ‹＠U1›") || titled == strings.HasPrefix(got.Message, "Critical: error_rate ‹＠U1›\n\n") {
			t.Errorf("titled %t: %+v", titled, got)
		}
	}
}

func TestFailures(t *testing.T) {
	address, _ := receive(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, 500) })
	n := notifier(t, shoutrrr.Options{URL: address})
	for _, err := range []error{n.Notify(t.Context(), opened()), notifier(t, shoutrrr.Options{URL: "generic://127.0.0.1:1/" + secret + "?disabletls=yes"}).Notify(t.Context(), opened())} {
		if err == nil || strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "shoutrrr: generic: ") {
			t.Errorf("%v", err)
		}
	}
	if text := fmt.Sprintf("%+v", n); strings.Contains(text, secret) {
		t.Errorf("%s tells a secret", text)
	}
}

// A message that hangs is given up on and stops no other; four that hang do.
func TestHang(t *testing.T) {
	let := make(chan struct{})
	var calls atomic.Int32
	address, bodies := receive(t, func(http.ResponseWriter, *http.Request) {
		if calls.Add(1) != 2 {
			<-let
		}
	})
	n := notifier(t, shoutrrr.Options{URL: address})
	for i := range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-bodies
			if i != 1 {
				cancel()
			}
		}()
		var want error
		if i != 1 {
			want = context.Canceled
		}
		if err := n.Notify(ctx, opened()); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", i, err, want)
		}
		cancel()
	}
	if err := n.Notify(t.Context(), opened()); err == nil || !strings.Contains(err.Error(), "not through yet") {
		t.Errorf("%v", err)
	}
	close(let)
}

func TestRefused(t *testing.T) {
	for address, want := range map[string]string{
		"": "URL", secret: "URL", "nothing://" + secret: "nothing", "discord://" + secret: "discord", "teams+https://" + secret + "%zz": "teams",
	} {
		n, err := shoutrrr.New(shoutrrr.Options{URL: address})
		if err == nil || n != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, %v", address, n, err)
		}
	}
}
