// Package shoutrrr tells people by any of the services of github.com/nicholas-fedor/shoutrrr:
// Discord, Telegram, Matrix, Mattermost, Google Chat, Gotify, Pushover and dozens of others.
//
//	discord, err := shoutrrr.New(shoutrrr.Options{URL: os.Getenv("DISCORD_URL")}) // discord://token@id
//	if err != nil {
//		log.Fatal(err)
//	}
//
// Those that package notify has a function for are told more by that: their links, colours,
// charts and limits are known there.
package shoutrrr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// maxMessage bounds a message, in bytes. Services that take less cut it, or send it in parts.
const maxMessage = 4000

// maxSending bounds the messages that a service has not taken or refused: one that hangs for
// good does not stop those after it, and a service that always hangs costs no more than these.
const maxSending = 4

// Options say which service is told.
type Options struct {
	// URL is the service's, as https://shoutrrr.nickfedor.com describes it. It holds secrets.
	URL string
	// Title gives the title to the service apart from the message, as push services want it.
	// It is for services that have one: others refuse the message.
	Title bool
	// Params are given to the service with each message, over those of the URL.
	Params map[string]string
}

// adapter is a Notifier.
type adapter struct {
	options Options
	scheme  string
	service types.Service
	secrets []string
	sending atomic.Int32 // messages that are not through
}

// New returns a notifier for one service. Some services sign in here. Services know no context:
// a message that is not sent when the context ends may still arrive, also when it has been sent
// again; there are at most four on their way at once. They do not say why they fail either, so
// every failure is tried again. The error names the service, and no more of the URL.
func New(o Options) (perfmon.Notifier, error) {
	scheme, _, found := strings.Cut(o.URL, ":")
	if !found || !schemeForm.MatchString(scheme) {
		return nil, fmt.Errorf("shoutrrr: %w", &perfmon.FieldError{Field: "URL", Value: fmt.Sprintf("(%d bytes, not shown)", len(o.URL)), Want: "the URL of a service, such as discord://token@id"})
	}
	a := &adapter{options: o, scheme: scheme, secrets: secretsOf(o.URL)}
	a.options.Params = maps.Clone(o.Params)
	for _, v := range o.Params {
		a.secrets = append(a.secrets, v)
	}
	var err error
	if a.service, err = new(router.ServiceRouter).Locate(o.URL); err != nil {
		return nil, fmt.Errorf("shoutrrr: %s: %s", scheme, a.redact(err.Error()))
	}
	return a, nil
}

var (
	schemeForm = regexp.MustCompile(`^[a-z][a-z0-9]*(\+[a-z]+)?$`)
	addresses  = regexp.MustCompile(`[a-z+]+://\S+`)
)

// secretsOf are all parts of a URL that may be secret: of some services the host is.
func secretsOf(address string) []string {
	_, rest, _ := strings.Cut(address, "://")
	list := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("/@:?&=", r) })
	for _, part := range list {
		if plain, err := url.QueryUnescape(part); err == nil {
			list = append(list, plain)
		}
	}
	return append([]string{address, rest}, list...)
}

// redact takes the secrets out of a text, and bounds it.
func (a *adapter) redact(text string) string {
	text = addresses.ReplaceAllString(text, "…")
	for _, s := range a.secrets {
		if len(s) >= 6 {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// String names the service, without its secrets.
func (a *adapter) String() string { return "shoutrrr: " + a.scheme }

// Notify implements perfmon.Notifier.
func (a *adapter) Notify(ctx context.Context, n perfmon.Notification) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.sending.Add(1) > maxSending {
		a.sending.Add(-1)
		return fmt.Errorf("shoutrrr: %s: %d earlier messages are not through yet", a.scheme, maxSending)
	}
	message, params := a.message(n)
	done := make(chan error, 1)
	go func() {
		err := errors.New("it ended without an answer")
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("a panic: %v", p)
			}
			a.sending.Add(-1)
			done <- err
		}()
		err = a.service.Send(message, &params)
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("shoutrrr: %s: %w", a.scheme, ctx.Err())
	case err := <-done:
		if err != nil {
			return fmt.Errorf("shoutrrr: %s: %s", a.scheme, a.redact(err.Error()))
		}
		return nil
	}
}

// message is a notification as a text, and its parameters, which a service may change.
func (a *adapter) message(n perfmon.Notification) (string, types.Params) {
	m := notify.Compose(n)
	plain(&m)
	params := types.Params(maps.Clone(a.options.Params))
	if params == nil {
		params = types.Params{}
	}
	text := m.Plain()
	if a.options.Title {
		params.SetTitle(m.Title)
	} else {
		text = m.Title + "\n\n" + text
	}
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage-len("…")], "") + "…"
	}
	return text, params
}

// quiet replaces the characters by which services know mentions, links and tags. What markup a
// service has depends on it and on its URL, so they cannot be escaped; these look alike.
var quiet = strings.NewReplacer("<", "‹", ">", "›", "@", "＠", "&", "＆")

// plain quiets all texts; links stay.
func plain(m *notify.Message) {
	all := func(list []string) {
		for i := range list {
			list[i] = quiet.Replace(list[i])
		}
	}
	m.Title, m.Footer = quiet.Replace(m.Title), quiet.Replace(m.Footer)
	all(m.Lead)
	for i := range m.Items {
		item := &m.Items[i]
		item.Title, item.Text = quiet.Replace(item.Title), quiet.Replace(item.Text)
		all(item.List)
		for j := range item.Facts {
			item.Facts[j].Value = quiet.Replace(item.Facts[j].Value)
		}
	}
}
