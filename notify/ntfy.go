package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/backend-prs/perfmon"
)

// Limits of ntfy: https://docs.ntfy.sh/publish/#limitations. A message that is longer becomes a
// file that nobody reads on a phone.
const (
	ntfyMessage = 4000 // bytes; 4,096 by the limit
	ntfyTitle   = 250  // bytes
	ntfyActions = 3
	// A message beside a file is in a header; servers and proxies commonly take 8 KiB of
	// headers, and encoding makes it longer by a third.
	ntfyBeside = 2500
)

// NtfyOptions say which topic of ntfy is told.
type NtfyOptions struct {
	// Topic is 1 to 64 of letters, digits, - and _. Whoever knows it can read it, unless the
	// server protects it.
	Topic string
	// URL is the server; empty is https://ntfy.sh.
	URL string
	// Token is an access token, such as tk_…; User and Password are another way to sign in.
	Token          string
	User, Password string
	// Priorities say how loud a severity is, 1 to 5; those left out have 5 for critical and
	// 4 for warning. Messages about no open alert have 3, and reports 2.
	Priorities map[perfmon.Severity]int
	// WithoutCharts sends no picture. Without it the first chart is attached; where the
	// server takes no attachment, the message is sent without.
	WithoutCharts bool

	HTTP HTTP
}

// ntfy is a Notifier.
type ntfy struct {
	*caller
	url     *url.URL
	options NtfyOptions
}

var ntfyTopic = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// Ntfy tells phones and browsers by ntfy, of ntfy.sh or a server of one's own. A tap opens the
// alert, or the page; buttons open the runbook. The error is a *perfmon.FieldError.
func Ntfy(o NtfyOptions) (perfmon.Notifier, error) {
	if !ntfyTopic.MatchString(o.Topic) {
		return nil, fmt.Errorf("notify: %w", &perfmon.FieldError{Field: "Ntfy.Topic", Value: o.Topic, Want: "1 to 64 of a-z, A-Z, 0-9, - and _"})
	}
	for _, p := range o.Priorities {
		if p < 1 || p > 5 {
			return nil, fmt.Errorf("notify: %w", &perfmon.FieldError{Field: "Ntfy.Priorities", Value: p, Want: "1 to 5"})
		}
	}
	if o.URL == "" {
		o.URL = "https://ntfy.sh"
	}
	u, err := parseURL("Ntfy.URL", o.URL, true)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	authorization := ""
	switch {
	case o.Token != "" && o.User != "":
		err = &perfmon.FieldError{Field: "Ntfy.User", Value: o.User, Want: "empty, as there is a token"}
	case o.Token != "":
		authorization = "Bearer " + o.Token
	case o.User != "":
		authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(o.User+":"+o.Password))
	case o.Password != "":
		err = &perfmon.FieldError{Field: "Ntfy.User", Value: "", Want: "a name, as there is a password"}
	}
	if err == nil && !validHeader("Authorization", authorization) {
		err = &perfmon.FieldError{Field: "Ntfy.Token", Value: "(not shown)", Want: "no control characters"}
	}
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	c, err := newCaller("ntfy", o.HTTP, append(secretsOf(u), o.Topic, o.Token, o.Password, authorization)...)
	if err != nil {
		return nil, fmt.Errorf("notify: Ntfy: %w", err)
	}
	if authorization != "" {
		c.header["Authorization"] = authorization
	}
	return &ntfy{c, u, o}, nil
}

// String names the channel, without its secrets.
func (t *ntfy) String() string { return "ntfy at " + t.url.Host }

// ntfyJSON is a message: https://docs.ntfy.sh/publish/#publish-as-json
type ntfyJSON struct {
	Topic    string       `json:"topic"`
	Title    string       `json:"title"`
	Message  string       `json:"message"`
	Priority int          `json:"priority"`
	Tags     []string     `json:"tags,omitempty"`
	Click    string       `json:"click,omitempty"`
	Actions  []ntfyAction `json:"actions,omitempty"`
}

type ntfyAction struct {
	Action string `json:"action"`
	Label  string `json:"label"`
	URL    string `json:"url"`
}

// Notify implements perfmon.Notifier.
func (t *ntfy) Notify(ctx context.Context, n perfmon.Notification) error {
	message := t.message(n)
	if len(n.Charts) > 0 && !t.options.WithoutCharts {
		err := t.attach(ctx, message, n.Charts[0])
		refused, ok := errors.AsType[*answerError](err)
		if !ok || refused.code != http.StatusBadRequest && refused.code != http.StatusRequestEntityTooLarge {
			return err
		}
		// It takes no attachments, or no more of them today.
	}
	_, err := t.postJSON(ctx, t.url.String(), message)
	return err
}

func (t *ntfy) message(n perfmon.Notification) ntfyJSON {
	m := Compose(n)
	message := ntfyJSON{Topic: t.options.Topic, Title: clipBytes(m.Title, ntfyTitle), Priority: t.priority(n)}
	list := m.Links
	if len(m.Items) > 0 {
		list = append(append([]Link{}, m.Items[0].Links...), m.Links...)
	}
	for i := range m.Items {
		m.Items[i].Links = nil // they are buttons, and long addresses in a text on a phone
	}
	m.Links = nil
	message.Message = clipBytes(m.Plain(), ntfyMessage)
	switch m.Tone {
	case ToneCritical:
		message.Tags = []string{"rotating_light"}
	case ToneWarning:
		message.Tags = []string{"warning"}
	case ToneGood:
		message.Tags = []string{"white_check_mark"}
	}
	if len(list) > 0 {
		message.Click = list[0].URL
	}
	for _, l := range list[:min(len(list), ntfyActions)] {
		message.Actions = append(message.Actions, ntfyAction{"view", l.Name, l.URL})
	}
	return message
}

// priority is 1 to 5: https://docs.ntfy.sh/publish/#message-priority. An alert that somebody is at
// makes no noise.
func (t *ntfy) priority(n perfmon.Notification) (loudest int) {
	if loudest = 3; n.Kind == perfmon.NotifyReport {
		loudest = 2
	}
	usual := map[perfmon.Severity]int{perfmon.Critical: 5, perfmon.Warning: 4}
	first := true
	for _, a := range n.Alerts {
		if a.Alert.State != perfmon.AlertOpen {
			continue
		}
		p := t.options.Priorities[a.Alert.Severity]
		if p == 0 {
			p = usual[a.Alert.Severity]
		}
		if first || p > loudest {
			loudest, first = max(p, 1), false
		}
	}
	return loudest
}

// attach sends a picture, with the message in headers: there is no other way to send both at
// once. https://docs.ntfy.sh/publish/#attach-local-file
func (t *ntfy) attach(ctx context.Context, m ntfyJSON, image perfmon.Image) error {
	// ntfy decodes words of RFC 2047, and takes \n for a line break.
	encode := func(s string) string { return mime.BEncoding.Encode("utf-8", s) }
	name := clipBytes(line(image.Name), 100)
	if name == "" {
		name = "chart.png"
	}
	header := map[string]string{
		"Title": encode(m.Title), "Message": encode(strings.ReplaceAll(clipBytes(m.Message, ntfyBeside), "\n", `\n`)),
		"Priority": strconv.Itoa(m.Priority), "Tags": strings.Join(m.Tags, ","), "Filename": encode(name),
		"Click": encode(m.Click),
	}
	if len(m.Actions) > 0 {
		actions, err := json.Marshal(m.Actions)
		if err != nil {
			return err
		}
		header["Actions"] = encode(string(actions))
	}
	_, err := t.send(ctx, http.MethodPut, t.url.JoinPath(m.Topic).String(), header, image.Data)
	return err
}
