package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/httpapi"
)

// Whoever starts it with -webhook gets texts.
func TestWebhook(t *testing.T) {
	texts := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		texts <- string(body)
	}))
	t.Cleanup(receiver.Close)
	q := launch(t, config{step: time.Second, interval: 10 * time.Second, webhook: receiver.URL})
	r, err := http.NewRequest("POST", q.base+httpapi.DefaultPrefix+"notifiers/test/", strings.NewReader(`{"notifier":"webhook"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(answer), `"delivered":true`) {
		t.Fatalf("%s, %v", answer, err)
	}
	if got := <-texts; !strings.HasPrefix(got, "Test message of shop\n\nThis is a test") {
		t.Errorf("it gets %q", got)
	}
}
