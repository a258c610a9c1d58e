package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/backend-prs/perfmon"
)

// Headers of a webhook's calls.
const (
	HeaderTimestamp    = "Perfmon-Timestamp"    // when the call was made: seconds since 1970
	HeaderSignature    = "Perfmon-Signature"    // see VerifySignature
	HeaderNotification = "Perfmon-Notification" // Notification.ID, the same each time it is tried
)

// minSecret is how long a secret is at least, in bytes.
const minSecret = 16

// WebhookOptions say where a webhook is, and what it is sent.
type WebhookOptions struct {
	// URL is posted to: http or https. It may hold a secret.
	URL string
	// Secret signs the calls: at least 16 bytes that the receiver knows, too.
	Secret []byte
	// Unsigned leaves the signature out; Secret is empty then.
	Unsigned bool
	// Body makes the body, and its content type; nil is the notification as JSON. Package
	// notifytext makes one from a text/template. An error of it is an
	// *perfmon.UndeliverableError.
	Body func(perfmon.Notification) (body []byte, contentType string, err error)
	// WithoutCharts leaves the pictures out of the notification, which JSON holds as base64.
	WithoutCharts bool

	HTTP HTTP
}

// webhook is a Notifier.
type webhook struct {
	*caller
	url     *url.URL
	options WebhookOptions
}

// Webhook posts notifications to an HTTP server of the user's own. An answer of 200 to 299 says
// that it has arrived. The receiver may get a notification more than once, and knows it by its
// ID. The error is a *perfmon.FieldError.
func Webhook(o WebhookOptions) (perfmon.Notifier, error) {
	u, err := parseURL("Webhook.URL", o.URL, true)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	switch {
	case o.Unsigned && len(o.Secret) > 0:
		err = &perfmon.FieldError{Field: "Webhook.Unsigned", Value: true, Want: "false, as there is a secret"}
	case !o.Unsigned && len(o.Secret) < minSecret:
		err = &perfmon.FieldError{Field: "Webhook.Secret", Value: fmt.Sprintf("(%d bytes)", len(o.Secret)), Want: "at least 16 bytes, or Unsigned"}
	}
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	o.Secret = append([]byte(nil), o.Secret...) // the caller may wipe its own
	c, err := newCaller("webhook", o.HTTP, append(secretsOf(u), string(o.Secret))...)
	if err != nil {
		return nil, fmt.Errorf("notify: Webhook: %w", err)
	}
	return &webhook{c, u, o}, nil
}

// String names the channel, without its secrets.
func (w *webhook) String() string { return "webhook at " + w.url.Host }

// Notify implements perfmon.Notifier.
func (w *webhook) Notify(ctx context.Context, n perfmon.Notification) error {
	if w.options.WithoutCharts {
		n.Charts = nil
	}
	make := w.options.Body
	if make == nil {
		make = jsonBody
	}
	body, contentType, err := make(n)
	if err == nil && !validHeader("Content-Type", contentType) {
		err = fmt.Errorf("the content type %q is not valid", contentType)
	}
	if err != nil {
		return &perfmon.UndeliverableError{Err: fmt.Errorf("webhook: body: %w", err)}
	}
	header := map[string]string{"Content-Type": contentType, HeaderNotification: line(n.ID)}
	if !w.options.Unsigned {
		at := timestamp(w.now())
		header[HeaderTimestamp], header[HeaderSignature] = at, Sign(w.options.Secret, at, body)
	}
	_, err = w.send(ctx, http.MethodPost, w.url.String(), header, body)
	return err
}

func jsonBody(n perfmon.Notification) ([]byte, string, error) {
	body, err := json.Marshal(n)
	return body, "application/json", err
}
