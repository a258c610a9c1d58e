package notify

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/backend-prs/perfmon"
)

// Slack's limits: https://docs.slack.dev/reference/block-kit/blocks and, for a message as a
// whole, https://docs.slack.dev/messaging. One with more than about 13,000 characters in its
// blocks is refused though it keeps them: https://github.com/slackapi/bolt-js/issues/2509.
const (
	slackHeader  = 150  // of a header block
	slackSection = 3000 // of a section's text
	slackField   = 2000
	slackFields  = 10
	slackBlocks  = 50
	slackAlt     = 2000
	slackText    = 3000 // of the text for a notification's preview: 40,000 by the limit
	slackTotal   = 9000 // characters in all blocks
)

// SlackOptions say which channel of Slack is told.
type SlackOptions struct {
	// URL is that of an incoming webhook: https://hooks.slack.com/services/… It is a secret.
	URL string
	// ImageURL returns where Slack can get a chart, or "": an incoming webhook takes no
	// upload, so the host has to serve it, for everybody to see. nil shows no charts.
	ImageURL func(perfmon.Notification, perfmon.Image) string

	HTTP HTTP
}

// slack is a Notifier.
type slack struct {
	*caller
	url     *url.URL
	options SlackOptions
}

// Slack tells a channel of Slack, by an incoming webhook and blocks of Block Kit. Texts from
// outside are shown as they are: no mention (@channel), link or markup in them has an effect.
// The error is a *perfmon.FieldError.
func Slack(o SlackOptions) (perfmon.Notifier, error) {
	u, err := parseURL("Slack.URL", o.URL, false)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	c, err := newCaller("Slack", o.HTTP, secretsOf(u)...)
	if err != nil {
		return nil, fmt.Errorf("notify: Slack: %w", err)
	}
	return &slack{c, u, o}, nil
}

// String names the channel, without its secrets.
func (s *slack) String() string { return "Slack" }

// Notify implements perfmon.Notifier.
func (s *slack) Notify(ctx context.Context, n perfmon.Notification) error {
	_, err := s.postJSON(ctx, s.url.String(), slackOf(n, s.options.ImageURL))
	return err
}

type slackMessage struct {
	Text        string       `json:"text"` // for previews and screen readers
	Blocks      []slackBlock `json:"blocks"`
	UnfurlLinks bool         `json:"unfurl_links"`
	UnfurlMedia bool         `json:"unfurl_media"`
}

type slackBlock struct {
	Type     string          `json:"type"`
	Text     *slackTextObj   `json:"text,omitempty"`
	Fields   []*slackTextObj `json:"fields,omitempty"`
	Elements []*slackTextObj `json:"elements,omitempty"`
	ImageURL string          `json:"image_url,omitempty"`
	AltText  string          `json:"alt_text,omitempty"`
}

type slackTextObj struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim,omitempty"` // of mrkdwn: no name becomes a link
}

// slackEscape escapes the three characters by which Slack knows links and mentions:
// https://docs.slack.dev/messaging/formatting-message-text#escaping
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackClip escapes a text and cuts it to n characters as sent.
func slackClip(s string, n int) string {
	return slackEscape.Replace(clipBy(s, n, slackCost, 1))
}

func slackCost(r rune) int {
	switch r {
	case '&':
		return len("&amp;")
	case '<', '>':
		return len("&lt;")
	}
	return units(r)
}

func slackPlain(s string, n int) *slackTextObj {
	return &slackTextObj{Type: "plain_text", Text: slackClip(s, n)}
}

func slackMarkdown(s string) *slackTextObj { return &slackTextObj{"mrkdwn", s, true} }

// slackLink is a link; its address has nothing left that could end it.
func slackLink(l Link) string {
	address := strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C").Replace(l.URL)
	return "<" + address + "|" + slackEscape.Replace(l.Name) + ">"
}

var slackSigns = map[Tone]string{ToneCritical: "🔴", ToneWarning: "🟠", ToneGood: "🟢", ToneInfo: "🔵"}

// slackOf lays a notification out. What does not fit is left out from the end, and said to be.
func slackOf(n perfmon.Notification, imageURL func(perfmon.Notification, perfmon.Image) string) slackMessage {
	m := Compose(n)
	title := slackSigns[m.Tone] + " " + m.Title
	head := []slackBlock{{Type: "header", Text: slackPlain(title, slackHeader)}}
	for _, text := range m.Lead {
		head = append(head, slackBlock{Type: "section", Text: slackPlain(text, slackSection)})
	}
	tail := slackTail(n, m, imageURL)
	blocks, used, left := head, slackSize(head)+slackSize(tail), 0
	for i, item := range m.Items {
		more := slackItem(item, i > 0 || item.Title != m.Title)
		// One more block is for how many are left out.
		if len(blocks)+len(more)+len(tail)+1 > slackBlocks || used+slackSize(more) > slackTotal {
			left = len(m.Items) - i
			break
		}
		blocks, used = append(blocks, more...), used+slackSize(more)
	}
	if left > 0 {
		blocks = append(blocks, slackBlock{Type: "section", Text: slackPlain(fmt.Sprintf("%d more did not fit here", left), slackSection)})
	}
	return slackMessage{Text: slackClip(title, slackText), Blocks: append(blocks, tail...)}
}

func slackItem(item Item, titled bool) (blocks []slackBlock) {
	text := item.Text
	if titled {
		text = strings.TrimSpace(slackSigns[item.Tone] + " " + item.Title + "\n" + text)
	}
	if text != "" {
		blocks = append(blocks, slackBlock{Type: "section", Text: slackPlain(text, slackSection)})
	}
	var fields []*slackTextObj
	for _, f := range item.Facts[:min(len(item.Facts), slackFields)] {
		fields = append(fields, slackMarkdown("*"+slackEscape.Replace(f.Name)+"*\n"+slackClip(f.Value, slackField-100)))
	}
	if len(fields) > 0 {
		blocks = append(blocks, slackBlock{Type: "section", Fields: fields})
	}
	if len(item.List) > 0 {
		list := "• " + strings.Join(item.List, "\n• ")
		if item.ListName != "" {
			list = item.ListName + "\n" + list
		}
		blocks = append(blocks, slackBlock{Type: "section", Text: slackPlain(list, slackSection)})
	}
	return append(blocks, slackLinks(item.Links)...)
}

// slackLinks puts links on a line; one that does not fit beside the others is left out.
func slackLinks(list []Link) []slackBlock {
	text := ""
	for _, l := range list {
		next := slackLink(l)
		if text != "" {
			next = text + "  ·  " + next
		}
		if len(next) <= slackSection {
			text = next
		}
	}
	if text == "" {
		return nil
	}
	return []slackBlock{{Type: "section", Text: slackMarkdown(text)}}
}

func slackTail(n perfmon.Notification, m Message, imageURL func(perfmon.Notification, perfmon.Image) string) (tail []slackBlock) {
	if m.More != "" {
		tail = append(tail, slackBlock{Type: "section", Text: slackPlain(m.More, slackSection)})
	}
	for _, c := range chartLinks(n, imageURL, 3000) {
		tail = append(tail, slackBlock{Type: "image", ImageURL: c.URL, AltText: clip(c.Name, slackAlt)})
	}
	tail = append(tail, slackLinks(m.Links)...)
	if m.Footer != "" {
		tail = append(tail, slackBlock{Type: "context", Elements: []*slackTextObj{slackPlain(m.Footer, slackSection)}})
	}
	return tail
}

// slackSize is how many characters blocks have.
func slackSize(blocks []slackBlock) (n int) {
	count := func(t *slackTextObj) {
		if t != nil {
			n += utf8.RuneCountInString(t.Text)
		}
	}
	for _, b := range blocks {
		count(b.Text)
		for _, t := range append(b.Fields, b.Elements...) {
			count(t)
		}
		n += len(b.AltText) + len(b.ImageURL)
	}
	return n
}

// maxCharts is how many pictures a message shows.
const maxCharts = 3

// chartLinks are the pictures that the host serves by https: what each shows, and where.
func chartLinks(n perfmon.Notification, imageURL func(perfmon.Notification, perfmon.Image) string, limit int) (list []Link) {
	if imageURL == nil {
		return nil
	}
	for _, c := range n.Charts[:min(len(n.Charts), maxCharts)] {
		if u, err := url.Parse(imageURL(n, c)); err == nil && u.Scheme == "https" && u.Host != "" && len(u.String()) <= limit {
			alt := clip(line(c.Alt), maxName)
			if alt == "" {
				alt = "Chart"
			}
			list = append(list, Link{alt, u.String()})
		}
	}
	return list
}
