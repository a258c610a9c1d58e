package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/backend-prs/perfmon"
)

// teamsTotal is how large a message may be: about 28 KB by
// https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions, less a
// reserve, as that counts what the workflow adds.
const teamsTotal = 21_000

// TeamsOptions say which channel of Microsoft Teams is told.
type TeamsOptions struct {
	// URL is that of a workflow "When a Teams webhook request is received" that posts the
	// card in a channel or chat. It is a secret.
	URL string
	// ImageURL returns where Teams can get a chart, or "": it has to be served by https, for
	// everybody to see. nil shows no charts, unless InlineCharts is set.
	ImageURL func(perfmon.Notification, perfmon.Image) string
	// InlineCharts puts charts that ImageURL has no address for into the card, where they
	// fit the 28 KB of a message. Not every client of Teams shows them.
	InlineCharts bool

	HTTP HTTP
}

// teams is a Notifier.
type teams struct {
	*caller
	url     *url.URL
	options TeamsOptions
}

// Teams tells a channel or chat of Microsoft Teams, by a workflow and an Adaptive Card. Texts
// from outside are shown as they are: they are in text runs, which know no Markdown, and a card
// without entities mentions nobody. The error is a *perfmon.FieldError.
func Teams(o TeamsOptions) (perfmon.Notifier, error) {
	u, err := parseURL("Teams.URL", o.URL, false)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	c, err := newCaller("Teams", o.HTTP, secretsOf(u)...)
	if err != nil {
		return nil, fmt.Errorf("notify: Teams: %w", err)
	}
	return &teams{c, u, o}, nil
}

// String names the channel, without its secrets.
func (t *teams) String() string { return "Teams" }

// Notify implements perfmon.Notifier.
func (t *teams) Notify(ctx context.Context, n perfmon.Notification) error {
	answer, err := t.postJSON(ctx, t.url.String(), teamsOf(n, t.options))
	if err == nil && strings.Contains(answer, "Microsoft Teams endpoint returned HTTP error") {
		// Connectors, which came before workflows, said so with 200.
		return errors.New("Teams: " + clip(t.redact(line(answer)), 200))
	}
	return err
}

// object is a JSON object.
type object map[string]any

var teamsColors = map[Tone]string{ToneCritical: "Attention", ToneWarning: "Warning", ToneGood: "Good", ToneInfo: "Accent"}

// teamsRun is a piece of text: https://adaptivecards.io/explorer/TextRun.html, which knows no
// Markdown, unlike a TextBlock.
func teamsRun(text string, more object) object {
	run := object{"type": "TextRun", "text": text}
	for k, v := range more {
		run[k] = v
	}
	return run
}

func teamsText(runs ...object) object { return object{"type": "RichTextBlock", "inlines": runs} }

// teamsOf lays a notification out. What does not fit is left out from the end, and said to be.
func teamsOf(n perfmon.Notification, o TeamsOptions) object {
	m := Compose(n)
	body := []any{teamsText(teamsRun(m.Title, object{"weight": "Bolder", "size": "Large", "color": teamsColors[m.Tone]}))}
	for _, text := range m.Lead {
		body = append(body, teamsText(teamsRun(text, nil)))
	}
	tail := []any{}
	if m.More != "" {
		tail = append(tail, teamsText(teamsRun(m.More, nil)))
	}
	if m.Footer != "" {
		tail = append(tail, teamsText(teamsRun(m.Footer, object{"isSubtle": true, "size": "Small"})))
	}
	used := jsonSize(body) + jsonSize(tail) + jsonSize(teamsActions(m.Links)) + 1000 // the frame
	left := 0
	for i, item := range m.Items {
		more := teamsItem(item, i > 0 || item.Title != m.Title)
		if used+jsonSize(more) > teamsTotal {
			left = len(m.Items) - i
			break
		}
		body, used = append(body, more), used+jsonSize(more)
	}
	if left > 0 {
		body = append(body, teamsText(teamsRun(fmt.Sprintf("%d more did not fit here", left), nil)))
	}
	for _, image := range teamsImages(n, o) {
		if used+jsonSize(image) <= teamsTotal {
			body, used = append(body, image), used+jsonSize(image)
		}
	}
	card := object{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
		"msteams": object{"width": "Full"}, "body": append(body, tail...),
	}
	if actions := teamsActions(m.Links); len(actions) > 0 {
		card["actions"] = actions
	}
	return object{"type": "message", "attachments": []object{{
		"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card,
	}}}
}

func teamsItem(item Item, titled bool) object {
	var list []any
	if titled {
		list = append(list, teamsText(teamsRun(item.Title, object{"weight": "Bolder", "color": teamsColors[item.Tone]})))
	}
	if item.Text != "" {
		list = append(list, teamsText(teamsRun(item.Text, nil)))
	}
	for _, f := range item.Facts {
		list = append(list, teamsText(teamsRun(f.Name+": ", object{"weight": "Bolder"}), teamsRun(f.Value, nil)))
	}
	if item.ListName != "" {
		list = append(list, teamsText(teamsRun(item.ListName, object{"weight": "Bolder"})))
	}
	for _, text := range item.List {
		list = append(list, teamsText(teamsRun("• "+text, nil)))
	}
	if actions := teamsActions(item.Links); len(actions) > 0 {
		list = append(list, object{"type": "ActionSet", "actions": actions})
	}
	return object{"type": "Container", "separator": true, "items": list}
}

func teamsActions(list []Link) (actions []object) {
	for _, l := range list {
		actions = append(actions, object{"type": "Action.OpenUrl", "title": l.Name, "url": l.URL})
	}
	return actions
}

func teamsImages(n perfmon.Notification, o TeamsOptions) (list []object) {
	image := func(address, alt string) {
		list = append(list, object{"type": "Image", "url": address, "altText": alt, "size": "Stretch"})
	}
	served := chartLinks(n, o.ImageURL, maxURL)
	for _, c := range served {
		image(c.URL, c.Name)
	}
	if len(served) == 0 && o.InlineCharts {
		for _, c := range n.Charts[:min(len(n.Charts), maxCharts)] {
			if c.ContentType == "image/png" {
				image("data:image/png;base64,"+base64.StdEncoding.EncodeToString(c.Data), clip(line(c.Alt), maxName))
			}
		}
	}
	return list
}

// jsonSize is how many bytes a value takes as JSON, with the comma behind it.
func jsonSize(v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		return 0 // cannot be: it is made of texts
	}
	return len(data) + 1
}
