package notify_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// A webhook, and the receiver that checks its signature.
func ExampleWebhook() {
	secret := []byte("a secret of 16 bytes or more")
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = notify.VerifySignature(secret, r.Header, body, time.Now(), 5*time.Minute)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		fmt.Println("signed:", r.Header.Get(notify.HeaderNotification))
	}))
	defer receiver.Close()

	hook, err := notify.Webhook(notify.WebhookOptions{URL: receiver.URL, Secret: secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.Notify(context.Background(), perfmon.Notification{ID: "01K9", Kind: perfmon.NotifyTest}))
	// Output:
	// signed: 01K9
	// <nil>
}

// A key that was cut off is found when the program starts, and not in the night.
func ExamplePagerDuty() {
	_, err := notify.PagerDuty(notify.PagerDutyOptions{RoutingKey: "R0123"})
	fmt.Println(err)
	// Output:
	// notify: PagerDuty.RoutingKey: "(5 bytes, not shown)" is not valid: want the 32 characters of an integration key
}

// Compose is for a channel of one's own.
func ExampleCompose() {
	n := perfmon.Notification{Kind: perfmon.NotifyTest, Title: "Test of shop", Service: perfmon.Service{Name: "shop", Environment: "staging"}}
	m := notify.Compose(n)
	fmt.Println(m.Title)
	fmt.Println(m.Plain())
	// Output:
	// Test of shop
	// This is a test: somebody asked whether this channel works. Nothing is wrong.
	//
	// shop · staging
}
