package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// Options that are wrong are refused by the name of the field, and tell no secret.
func TestOptionsThatAreRefused(t *testing.T) {
	const address = "https://example.org/" + secret
	for name, c := range map[string]struct {
		make  func() (perfmon.Notifier, error)
		field string
	}{
		"no webhook": {func() (perfmon.Notifier, error) { return notify.Webhook(notify.WebhookOptions{}) }, "Webhook.URL"},
		"a webhook without a secret": {func() (perfmon.Notifier, error) {
			return notify.Webhook(notify.WebhookOptions{URL: address})
		}, "Webhook.Secret"},
		"a short secret": {func() (perfmon.Notifier, error) {
			return notify.Webhook(notify.WebhookOptions{URL: address, Secret: []byte("s3cret-part")})
		}, "Webhook.Secret"},
		"a secret for nothing": {func() (perfmon.Notifier, error) {
			return notify.Webhook(notify.WebhookOptions{URL: address, Secret: []byte(key), Unsigned: true})
		}, "Webhook.Unsigned"},
		"a webhook by FTP": {func() (perfmon.Notifier, error) {
			return notify.Webhook(notify.WebhookOptions{URL: "ftp://example.org/" + secret, Unsigned: true})
		}, "Webhook.URL"},
		"no Slack": {func() (perfmon.Notifier, error) { return notify.Slack(notify.SlackOptions{}) }, "Slack.URL"},
		"Slack in clear": {func() (perfmon.Notifier, error) {
			return notify.Slack(notify.SlackOptions{URL: "http://hooks.slack.com/" + secret})
		}, "Slack.URL"},
		"no URL": {func() (perfmon.Notifier, error) {
			return notify.Slack(notify.SlackOptions{URL: "https://%zz/" + secret})
		}, "Slack.URL"},
		"no Teams":        {func() (perfmon.Notifier, error) { return notify.Teams(notify.TeamsOptions{}) }, "Teams.URL"},
		"no PagerDuty":    {func() (perfmon.Notifier, error) { return notify.PagerDuty(notify.PagerDutyOptions{}) }, "PagerDuty.RoutingKey"},
		"a shortened key": {func() (perfmon.Notifier, error) { return notify.PagerDuty(notify.PagerDutyOptions{RoutingKey: secret}) }, "PagerDuty.RoutingKey"},
		"a severity of no": {func() (perfmon.Notifier, error) {
			return notify.PagerDuty(notify.PagerDutyOptions{RoutingKey: key, Severities: map[perfmon.Severity]string{perfmon.Warning: "low"}})
		}, "PagerDuty.Severities"},
		"no ntfy":        {func() (perfmon.Notifier, error) { return notify.Ntfy(notify.NtfyOptions{}) }, "Ntfy.Topic"},
		"a topic of two": {func() (perfmon.Notifier, error) { return notify.Ntfy(notify.NtfyOptions{Topic: "a/b"}) }, "Ntfy.Topic"},
		"two ways in": {func() (perfmon.Notifier, error) {
			return notify.Ntfy(notify.NtfyOptions{Topic: "a", Token: secret, User: "u"})
		}, "Ntfy.User"},
		"no user": {func() (perfmon.Notifier, error) { return notify.Ntfy(notify.NtfyOptions{Topic: "a", Password: secret}) }, "Ntfy.User"},
		"a token of lines": {func() (perfmon.Notifier, error) {
			return notify.Ntfy(notify.NtfyOptions{Topic: "a", Token: secret + "\n"})
		}, "Ntfy.Token"},
		"priority 6": {func() (perfmon.Notifier, error) {
			return notify.Ntfy(notify.NtfyOptions{Topic: "a", Priorities: map[perfmon.Severity]int{perfmon.Warning: 6}})
		}, "Ntfy.Priorities"},
		"no Alertmanager": {func() (perfmon.Notifier, error) { return notify.Alertmanager(notify.AlertmanagerOptions{}) }, "Alertmanager.URL"},
		"a short hold": {func() (perfmon.Notifier, error) {
			return notify.Alertmanager(notify.AlertmanagerOptions{URL: address, Hold: time.Second})
		}, "Alertmanager.Hold"},
		"a label with a dot": {func() (perfmon.Notifier, error) {
			return notify.Alertmanager(notify.AlertmanagerOptions{URL: address, Labels: map[string]string{"a.b": "c"}})
		}, "Alertmanager.Labels"},
		"no name": {func() (perfmon.Notifier, error) {
			return notify.Alertmanager(notify.AlertmanagerOptions{URL: address, Labels: map[string]string{"alertname": ""}})
		}, "Alertmanager.Labels"},
		"a long timeout": {func() (perfmon.Notifier, error) {
			return notify.Teams(notify.TeamsOptions{URL: address, HTTP: notify.HTTP{Timeout: time.Hour}})
		}, "HTTP.Timeout"},
		"a header of lines": {func() (perfmon.Notifier, error) {
			return notify.Teams(notify.TeamsOptions{URL: address, HTTP: notify.HTTP{Header: map[string]string{"X": secret + "\r\nY: z"}}})
		}, "HTTP.Header"},
	} {
		n, err := c.make()
		if err == nil || n != nil {
			t.Errorf("%s: it makes %v, and %v", name, n, err)
			continue
		}
		if e, ok := errors.AsType[*perfmon.FieldError](err); !ok || e.Field != c.field {
			t.Errorf("%s: %v, want the field %s", name, err, c.field)
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v tells a secret", name, err)
		}
	}
}

// A notifier that is logged tells no secret.
func TestNotifiersPrintNoSecret(t *testing.T) {
	for name := range channels {
		n := channel(t, name, "http://127.0.0.1:1")
		for _, format := range []string{"%v", "%+v", "%s"} {
			if text := fmt.Sprintf(format, n); strings.Contains(text, secret) || strings.Contains(text, key) {
				t.Errorf("%s by %s is %s", name, format, text)
			}
		}
	}
}
