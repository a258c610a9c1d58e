package main

import (
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// people has a URL posted a text about alerts; there is nobody to tell where it is empty. An
// ntfy topic takes such texts, and so does nc.
func people(url string) ([]perfmon.Option, error) {
	if url == "" {
		return nil, nil
	}
	hook, err := notify.Webhook(notify.WebhookOptions{URL: url, Unsigned: true, Body: text})
	if err != nil {
		return nil, err
	}
	return []perfmon.Option{
		perfmon.WithNotifier("webhook", hook),
		perfmon.WithNotificationGrouping(2 * time.Second), // short, as nobody wants to wait here
	}, nil
}

func text(n perfmon.Notification) (body []byte, contentType string, err error) {
	m := notify.Compose(n)
	return []byte(m.Title + "\n\n" + m.Plain() + "\n"), "text/plain; charset=utf-8", nil
}
