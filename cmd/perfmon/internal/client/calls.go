package client

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// Dashboard calls GET dashboard/.
func (c *Client) Dashboard(ctx context.Context, q Query) (Answer[perfmon.Dashboard], error) {
	return ask[perfmon.Dashboard](ctx, c, http.MethodGet, "dashboard/", q, nil)
}

// Health calls GET health/.
func (c *Client) Health(ctx context.Context, q Query) (Answer[Health], error) {
	return ask[Health](ctx, c, http.MethodGet, "health/", q, nil)
}

// Diagnostics calls GET diagnostics/.
func (c *Client) Diagnostics(ctx context.Context) (Answer[perfmon.Diagnostics], error) {
	return ask[perfmon.Diagnostics](ctx, c, http.MethodGet, "diagnostics/", nil, nil)
}

// Alerts calls GET alerts/.
func (c *Client) Alerts(ctx context.Context, q Query) (Answer[Alerts], error) {
	return ask[Alerts](ctx, c, http.MethodGet, "alerts/", q, nil)
}

// Alert calls GET alerts/{id}/.
func (c *Client) Alert(ctx context.Context, id string) (Answer[Alert], error) {
	return ask[Alert](ctx, c, http.MethodGet, "alerts/"+url.PathEscape(id)+"/", nil, nil)
}

// Act calls POST alerts/ with an action: acknowledge, dismiss or escalate.
func (c *Client) Act(ctx context.Context, action string, ids ...string) (Answer[Acted], error) {
	return ask[Acted](ctx, c, http.MethodPost, "alerts/", nil, map[string]any{"action": action, "alert_ids": ids})
}

// Thresholds calls GET thresholds/.
func (c *Client) Thresholds(ctx context.Context) (Answer[Thresholds], error) {
	return ask[Thresholds](ctx, c, http.MethodGet, "thresholds/", nil, nil)
}

// SetThreshold calls PUT thresholds/.
func (c *Client) SetThreshold(ctx context.Context, change ThresholdChange) (Answer[ThresholdSet], error) {
	return ask[ThresholdSet](ctx, c, http.MethodPut, "thresholds/", nil, change)
}

// RemoveThreshold calls DELETE thresholds/.
func (c *Client) RemoveThreshold(ctx context.Context, q Query) error {
	_, err := c.Do(ctx, http.MethodDelete, "thresholds/", q, nil)
	return err
}

// BackTest calls POST thresholds/backtest/.
func (c *Client) BackTest(ctx context.Context, change ThresholdChange) (Answer[BackTest], error) {
	return ask[BackTest](ctx, c, http.MethodPost, "thresholds/backtest/", nil, change)
}

// Metrics calls GET metrics/.
func (c *Client) Metrics(ctx context.Context) (Answer[Metrics], error) {
	return ask[Metrics](ctx, c, http.MethodGet, "metrics/", nil, nil)
}

// Endpoints calls GET endpoints/.
func (c *Client) Endpoints(ctx context.Context, q Query) (Answer[Endpoints], error) {
	return ask[Endpoints](ctx, c, http.MethodGet, "endpoints/", q, nil)
}

// Trends calls GET trends/.
func (c *Client) Trends(ctx context.Context, q Query) (Answer[Trends], error) {
	return ask[Trends](ctx, c, http.MethodGet, "trends/", q, nil)
}

// Series calls GET series/.
func (c *Client) Series(ctx context.Context, q Query) (Answer[Series], error) {
	return ask[Series](ctx, c, http.MethodGet, "series/", q, nil)
}

// Baselines calls GET baseline/.
func (c *Client) Baselines(ctx context.Context, q Query) (Answer[Baselines], error) {
	return ask[Baselines](ctx, c, http.MethodGet, "baseline/", q, nil)
}

// Anomalies calls GET anomalies/.
func (c *Client) Anomalies(ctx context.Context, q Query) (Answer[Anomalies], error) {
	return ask[Anomalies](ctx, c, http.MethodGet, "anomalies/", q, nil)
}

// SetBaseline calls POST baseline/. Without minutes, the server's default holds; without a
// name, it is the one in force.
func (c *Client) SetBaseline(ctx context.Context, name string, minutes *float64) (Answer[BaselineSet], error) {
	body := map[string]any{}
	if name != "" {
		body["name"] = name
	}
	if minutes != nil {
		body["duration_minutes"] = *minutes
	}
	return ask[BaselineSet](ctx, c, http.MethodPost, "baseline/", nil, body)
}

// Events calls GET events/.
func (c *Client) Events(ctx context.Context, q Query) (Answer[Events], error) {
	return ask[Events](ctx, c, http.MethodGet, "events/", q, nil)
}

// AddEvent calls POST events/.
func (c *Client) AddEvent(ctx context.Context, e NewEvent) (Answer[EventAdded], error) {
	return ask[EventAdded](ctx, c, http.MethodPost, "events/", nil, e)
}

// Silences calls GET silences/.
func (c *Client) Silences(ctx context.Context, q Query) (Answer[Silences], error) {
	return ask[Silences](ctx, c, http.MethodGet, "silences/", q, nil)
}

// AddSilence calls POST silences/.
func (c *Client) AddSilence(ctx context.Context, n NewSilence) (Answer[SilenceChanged], error) {
	return ask[SilenceChanged](ctx, c, http.MethodPost, "silences/", nil, n)
}

// EndSilence calls DELETE silences/{id}/.
func (c *Client) EndSilence(ctx context.Context, id string) (Answer[SilenceChanged], error) {
	return ask[SilenceChanged](ctx, c, http.MethodDelete, "silences/"+url.PathEscape(id)+"/", nil, nil)
}

// Notifiers calls GET notifiers/.
func (c *Client) Notifiers(ctx context.Context) (Answer[Notifiers], error) {
	return ask[Notifiers](ctx, c, http.MethodGet, "notifiers/", nil, nil)
}

// TestNotifier calls POST notifiers/test/.
func (c *Client) TestNotifier(ctx context.Context, name string) (Answer[NotifierTest], error) {
	return ask[NotifierTest](ctx, c, http.MethodPost, "notifiers/test/", nil, map[string]string{"notifier": name})
}

// Resend calls POST notifiers/resend/.
func (c *Client) Resend(ctx context.Context, name, id string) (Answer[Resent], error) {
	return ask[Resent](ctx, c, http.MethodPost, "notifiers/resend/", nil, map[string]string{"notifier": name, "id": id})
}

// WhoIsTold calls GET notifiers/who/.
func (c *Client) WhoIsTold(ctx context.Context, q Query) (Answer[WhoIsTold], error) {
	return ask[WhoIsTold](ctx, c, http.MethodGet, "notifiers/who/", q, nil)
}

// Config calls GET config/.
func (c *Client) Config(ctx context.Context) (Answer[Config], error) {
	return ask[Config](ctx, c, http.MethodGet, "config/", nil, nil)
}

// SetConfig calls PUT config/.
func (c *Client) SetConfig(ctx context.Context, updates map[string]json.RawMessage) (Answer[Config], error) {
	return ask[Config](ctx, c, http.MethodPut, "config/", nil, map[string]any{"updates": updates})
}

// Session calls GET session.
func (c *Client) Session(ctx context.Context) (Answer[Session], error) {
	return ask[Session](ctx, c, http.MethodGet, "session", nil, nil)
}

// Description calls GET openapi.json.
func (c *Client) Description(ctx context.Context) (Answer[Description], error) {
	return ask[Description](ctx, c, http.MethodGet, "openapi.json", nil, nil)
}

// Probe calls GET livez/ or GET readyz/. An error says that the answer is no 200.
func (c *Client) Probe(ctx context.Context, name string) error {
	_, err := c.Do(ctx, http.MethodGet, name+"/", nil, nil)
	return err
}

// Report calls GET reports/, and writes the report to the writer that to returns for the
// name that the server gives it. It takes as long as there is something to read. What
// breaks off is an error.
func (c *Client) Report(ctx context.Context, q Query, to func(name string) (io.Writer, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := time.AfterFunc(c.timeout, cancel)
	resp, err := c.open(ctx, http.MethodGet, "reports/", q, nil, nil)
	first.Stop()
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	w, err := to(fileName(resp.Header.Get("Content-Disposition")))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, resp.Body)
	return err
}

// fileName returns the name of a download, without any folder.
func fileName(disposition string) string {
	_, params, err := mime.ParseMediaType(disposition)
	name := path.Base(strings.ReplaceAll(params["filename"], `\`, "/"))
	if err != nil || strings.Trim(name, "./") == "" {
		return "perfmon-report"
	}
	return name
}
