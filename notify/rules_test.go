package notify_test

import (
	"encoding/json"
	"mime"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// rules hold a call against what its channel publishes.
var rules = map[string]func(t testing.TB, c call){
	"slack": slackRules, "teams": teamsRules, "pagerduty": pagerRules, "ntfy": ntfyRules, "alertmanager": alertmanagerRules, "webhook": webhookRules,
}

func length(s string) int { return len(utf16.Encode([]rune(s))) }

func within(t testing.TB, what, text string, low, high int) {
	t.Helper()
	if n := length(text); n < low || n > high {
		t.Errorf("%s has %d characters, want %d to %d: %.100q", what, n, low, high, text)
	}
	if !utf8.ValidString(text) {
		t.Errorf("%s is no valid UTF-8", what)
	}
	for _, r := range text {
		if r < ' ' && r != '\n' || r == 0x7f || r == 0x202e {
			t.Errorf("%s has the control character %U", what, r)
		}
	}
}

func jsonCall(t testing.TB, c call, method string) {
	t.Helper()
	if c.Method != method || c.Header.Get("Content-Type") != "application/json" || !json.Valid(c.Body) {
		t.Errorf("%s of %s: %.200s", c.Method, c.Header.Get("Content-Type"), c.Body)
	}
}

// Slack:
//   - at most 50 blocks in a message: https://docs.slack.dev/reference/block-kit/blocks
//   - header: plain_text of 1 to 150: …/blocks/header-block
//   - section: text of 1 to 3,000; 1 to 10 fields of at most 2,000: …/blocks/section-block
//   - context: 1 to 10 elements: …/blocks/context-block
//   - image: image_url of at most 3,000, alt_text, which is required, of at most 2,000: …/blocks/image-block
//   - text objects: …/composition-objects/text-object; verbatim is of mrkdwn alone
//   - about 13,200 characters in all blocks are refused: https://github.com/slackapi/bolt-js/issues/2509
//   - &, < and > are escaped unless they are a link of ours: https://docs.slack.dev/messaging/formatting-message-text
func slackRules(t testing.TB, c call) {
	t.Helper()
	jsonCall(t, c, "POST")
	type text struct {
		Type, Text string
		Verbatim   *bool
	}
	var m struct {
		Text   string
		Blocks []struct {
			Type     string
			Text     *text
			Fields   []text
			Elements []text
			ImageURL string `json:"image_url"`
			AltText  string `json:"alt_text"`
		}
	}
	decode(t, c.Body, &m)
	within(t, "text", m.Text, 1, 40_000)
	if n := len(m.Blocks); n < 1 || n > 50 {
		t.Errorf("%d blocks", n)
	}
	total := 0
	check := func(what string, o text, low, high int) {
		within(t, what, o.Text, low, high)
		total += length(o.Text)
		rest := o.Text
		if o.Type == "mrkdwn" {
			if o.Verbatim == nil || !*o.Verbatim {
				t.Errorf("%s makes links of names", what)
			}
			rest = slackLinkForm.ReplaceAllString(rest, "")
		} else if o.Type != "plain_text" || o.Verbatim != nil {
			t.Errorf("%s is of type %s, verbatim %v", what, o.Type, o.Verbatim)
		}
		slackEscaped(t, what, rest)
	}
	slackEscaped(t, "text", m.Text)
	for _, b := range m.Blocks {
		switch {
		case b.Type == "header" && b.Text != nil && b.Text.Type == "plain_text":
			check("header", *b.Text, 1, 150)
		case b.Type == "section" && b.Text != nil:
			check("section", *b.Text, 1, 3000)
		case b.Type == "section" && len(b.Fields) > 0 && len(b.Fields) <= 10:
			for _, f := range b.Fields {
				check("field", f, 1, 2000)
			}
		case b.Type == "context" && len(b.Elements) > 0 && len(b.Elements) <= 10:
			for _, e := range b.Elements {
				check("context", e, 1, 3000)
			}
		case b.Type == "image":
			within(t, "image_url", b.ImageURL, 1, 3000)
			within(t, "alt_text", b.AltText, 1, 2000)
		default:
			t.Errorf("a block %+v", b)
		}
	}
	if total > 13_000 {
		t.Errorf("%d characters in all blocks", total)
	}
}

var (
	slackLinkForm = regexp.MustCompile(`<https?://[^<>|\s]+\|(Open the alert|Runbook|Open the dashboard)>`)
	slackEntity   = regexp.MustCompile(`&(amp|lt|gt);`)
)

func slackEscaped(t testing.TB, what, text string) {
	t.Helper()
	if strings.ContainsAny(text, "<>") || strings.Contains(slackEntity.ReplaceAllString(text, ""), "&") {
		t.Errorf("%s is not escaped: %.300q", what, text)
	}
}

// Teams:
//   - {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": …}]}:
//     https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook
//   - about 28 KB: https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions
//   - Adaptive Cards up to 1.5: https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference
//   - the elements and their required properties: https://adaptivecards.io/explorer
//   - a TextRun knows no Markdown, a TextBlock does; a mention needs msteams.entities:
//     https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
func teamsRules(t testing.TB, c call) {
	t.Helper()
	jsonCall(t, c, "POST")
	if len(c.Body) > 28<<10 {
		t.Errorf("%d bytes", len(c.Body))
	}
	var m struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Type, Version string
				Body          []map[string]any
				Actions       []map[string]any
				MSTeams       map[string]any
			}
		}
	}
	decode(t, c.Body, &m)
	if m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
		t.Fatalf("%.300s", c.Body)
	}
	card := m.Attachments[0].Content
	if card.Type != "AdaptiveCard" || card.Version != "1.4" || len(card.Body) == 0 || card.MSTeams["entities"] != nil {
		t.Errorf("a card %.300s", c.Body)
	}
	for _, e := range card.Body {
		teamsElement(t, e)
	}
	for _, a := range card.Actions {
		teamsAction(t, a)
	}
}

func teamsElement(t testing.TB, e map[string]any) {
	t.Helper()
	children := func(name string) (list []map[string]any) {
		for _, v := range e[name].([]any) {
			list = append(list, v.(map[string]any))
		}
		if len(list) == 0 {
			t.Errorf("%v is empty", e)
		}
		return list
	}
	switch e["type"] {
	case "RichTextBlock":
		for _, run := range children("inlines") {
			if run["type"] != "TextRun" {
				t.Errorf("a run %v", run)
			}
			within(t, "a run", run["text"].(string), 1, 3000)
		}
	case "Container":
		for _, item := range children("items") {
			teamsElement(t, item)
		}
	case "ActionSet":
		for _, a := range children("actions") {
			teamsAction(t, a)
		}
	case "Image":
		address := e["url"].(string)
		if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "data:image/png;base64,") {
			t.Errorf("an image %s", address)
		}
	default:
		t.Errorf("an element %v", e)
	}
}

func teamsAction(t testing.TB, a map[string]any) {
	t.Helper()
	if a["type"] != "Action.OpenUrl" || a["title"] == "" {
		t.Errorf("an action %v", a)
	}
	webAddress(t, a["url"].(string))
}

// webAddress is one that a tap may open.
func webAddress(t testing.TB, address string) {
	t.Helper()
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		t.Errorf("the link %q", address)
	}
}

// PagerDuty:
//   - https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md: routing_key of
//     32; event_action trigger, acknowledge or resolve; dedup_key of at most 255, needed for the last two; summary
//     of at most 1,024, source and severity critical, error, warning or info, needed for the first; images by https
//   - …/03-Change-Events.md: a change event has no event_action; summary and source
//   - …/01-Overview.md: at most 512 KB
func pagerRules(t testing.TB, c call) {
	t.Helper()
	jsonCall(t, c, "POST")
	if len(c.Body) > 512_000 {
		t.Errorf("%d bytes", len(c.Body))
	}
	var e struct {
		RoutingKey string `json:"routing_key"`
		Action     string `json:"event_action"`
		DedupKey   string `json:"dedup_key"`
		Payload    *struct{ Summary, Source, Severity, Timestamp string }
		Links      []struct{ Href, Text string }
		Images     []struct{ Src string }
	}
	decode(t, c.Body, &e)
	if e.RoutingKey != key {
		t.Errorf("routing_key is %q", e.RoutingKey)
	}
	follows := e.Action == "acknowledge" || e.Action == "resolve"
	switch {
	case c.Path == "/v2/change/enqueue" && e.Action == "" && e.Payload != nil:
	case c.Path == "/v2/enqueue" && follows:
		within(t, "dedup_key", e.DedupKey, 1, 255)
	case c.Path == "/v2/enqueue" && e.Action == "trigger" && e.Payload != nil:
		within(t, "dedup_key", e.DedupKey, 1, 255)
		if !regexp.MustCompile(`^(critical|error|warning|info)$`).MatchString(e.Payload.Severity) {
			t.Errorf("severity is %q", e.Payload.Severity)
		}
	default:
		t.Errorf("%s: %.300s", c.Path, c.Body)
	}
	if e.Payload != nil {
		within(t, "summary", e.Payload.Summary, 1, 1024)
		within(t, "source", e.Payload.Source, 1, 1024)
		if _, err := time.Parse(time.RFC3339Nano, e.Payload.Timestamp); err != nil {
			t.Error(err)
		}
	}
	for _, l := range e.Links {
		webAddress(t, l.Href)
	}
	for _, i := range e.Images {
		if !strings.HasPrefix(i.Src, "https://") {
			t.Errorf("an image at %q", i.Src)
		}
	}
}

// ntfy:
//   - as JSON: topic, title, message, priority 1 to 5, tags, click, actions: https://docs.ntfy.sh/publish/#publish-as-json
//   - at most 3 actions; view has label and url: https://docs.ntfy.sh/publish/#action-buttons
//   - a message of at most 4,096 bytes: https://docs.ntfy.sh/publish/#limitations
//   - a file by PUT, the rest in headers, in words of RFC 2047 where it is not ASCII: https://docs.ntfy.sh/publish/#attach-local-file
func ntfyRules(t testing.TB, c call) {
	t.Helper()
	type action struct{ Action, Label, URL string }
	var m struct {
		Topic, Title, Message, Click string
		Priority                     int
		Actions                      []action
	}
	if c.Method == "PUT" {
		size := 0
		for name, values := range c.Header {
			size += len(name) + len(values[0])
			for _, r := range values[0] {
				if r < ' ' || r > '~' {
					t.Errorf("the header %s has %U", name, r)
				}
			}
		}
		if size > 8<<10 {
			t.Errorf("%d bytes of headers", size)
		}
		words := func(name string) string {
			text, err := new(mime.WordDecoder).DecodeHeader(c.Header.Get(name))
			if err != nil {
				t.Error(err)
			}
			return text
		}
		m.Topic, m.Title, m.Click = strings.TrimPrefix(c.Path, "/"), words("Title"), words("Click")
		m.Message = strings.ReplaceAll(words("Message"), `\n`, "\n")
		decode(t, []byte(c.Header.Get("Priority")), &m.Priority)
		if a := words("Actions"); a != "" {
			decode(t, []byte(a), &m.Actions)
		}
		if len(c.Body) == 0 || c.Header.Get("Filename") == "" {
			t.Error("there is no file")
		}
	} else {
		jsonCall(t, c, "POST")
		decode(t, c.Body, &m)
		if c.Path != "/" && c.Path != "" {
			t.Errorf("JSON goes to %s", c.Path)
		}
	}
	within(t, "title", m.Title, 1, 250)
	within(t, "message", m.Message, 1, 4096)
	if m.Topic != "shop" || len(m.Message) > 4096 || m.Priority < 1 || m.Priority > 5 || len(m.Actions) > 3 {
		t.Errorf("%+v", m)
	}
	for _, a := range m.Actions {
		if a.Action != "view" || a.Label == "" {
			t.Errorf("the action %+v", a)
		}
		webAddress(t, a.URL)
	}
	if m.Click != "" {
		webAddress(t, m.Click)
	}
	if c.Header.Get("Authorization") != "Bearer tk_"+secret {
		t.Error("it is not signed in")
	}
}

// Alertmanager: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml; notify/notifytest has
// the real one.
//   - label names are [a-zA-Z_][a-zA-Z0-9_]*, label values are not empty, and an alert ends after it begins
func alertmanagerRules(t testing.TB, c call) {
	t.Helper()
	jsonCall(t, c, "POST")
	var list []struct {
		Labels, Annotations map[string]string
		StartsAt, EndsAt    time.Time
		GeneratorURL        string
	}
	decode(t, c.Body, &list)
	if len(list) == 0 || c.Path != "/api/v2/alerts" {
		t.Errorf("%s: %.300s", c.Path, c.Body)
	}
	name := regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	for _, a := range list {
		if a.Labels["alertname"] == "" || a.StartsAt.IsZero() || a.EndsAt.Before(a.StartsAt) {
			t.Errorf("an alert %+v", a)
		}
		for _, texts := range []map[string]string{a.Labels, a.Annotations} {
			for n, v := range texts {
				if !name.MatchString(n) {
					t.Errorf("the label %q", n)
				}
				within(t, n, v, 1, 5000)
			}
		}
		if a.GeneratorURL != "" {
			webAddress(t, a.GeneratorURL)
		}
	}
}

func webhookRules(t testing.TB, c call) {
	t.Helper()
	jsonCall(t, c, "POST")
}
