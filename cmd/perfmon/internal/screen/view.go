package screen

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// View draws the screen.
func (m *Model) View() tea.View {
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "perfmon"
	if m.data != nil && m.data.Service.Name != "" {
		v.WindowTitle += ": " + text.Clean(m.data.Service.Name)
	}
	return v
}

// lines are as many as the terminal has at most, none of them wider than it is.
func (m *Model) lines() []string {
	lines := m.head()
	switch {
	case m.help:
		lines = append(lines, helpText...)
	case m.data == nil && m.failed == nil:
		lines = append(lines, "", m.style.Dim("asking "+m.c.URL()))
	case m.data == nil:
		lines = append(lines, text.Wrap(text.Clean(m.failed.Error()), m.width)...)
	default:
		lines = append(lines, m.body(m.height-len(lines)-1)...)
	}
	lines = lines[:min(len(lines), max(m.height-1, 0))]
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines, m.foot())
	for i := range lines {
		lines[i] = text.Cut(lines[i], m.width)
	}
	return lines
}

// head says which service it is, how it is, and how fresh all this is.
func (m *Model) head() []string {
	name := m.style.Bold("perfmon")
	if m.data != nil {
		s := m.data.Service
		name = m.style.Bold(text.Clean(s.Name))
		for _, part := range []string{s.Version, s.Environment} {
			if part != "" {
				name += "  " + text.Clean(part)
			}
		}
	}
	state := m.state()
	room := m.width - ansi.StringWidth(state)
	lines := []string{text.Pad(name, max(room-1, 1)) + " " + state}
	if m.data == nil {
		return lines
	}
	h := m.data.Health
	sentence := text.Clean(string(h.Status)) + ": " + text.Clean(h.Reason)
	if !h.Since.IsZero() {
		sentence += " (" + text.Duration(m.clock.Now().Sub(h.Since)) + ")"
	}
	wrapped := text.Wrap(sentence, m.width)
	if len(wrapped) > 2 {
		wrapped = []string{wrapped[0], text.Cut(wrapped[1]+" "+wrapped[2], m.width)}
	}
	for _, line := range wrapped {
		lines = append(lines, m.style.Severity(string(h.Status), line))
	}
	if m.failed != nil {
		lines = append(lines, m.style.Yellow("What is below is from "+m.data.GeneratedAt.In(m.zone).Format("15:04:05")+": "+text.Clean(m.failed.Error())))
	}
	return lines
}

// state says whether there is a stream. Without one the age of the figures is what counts.
func (m *Model) state() string {
	now := m.clock.Now()
	if m.lost == nil {
		if m.heard.IsZero() {
			return m.style.Dim("connecting")
		}
		return "live " + m.style.Dim(now.In(m.zone).Format("15:04:05"))
	}
	left := max(m.lostAt.Add(m.lost.Retry).Sub(now), 0)
	s := "no stream, reconnecting"
	if left > 0 {
		s = "no stream, next try in " + text.Duration(left)
	}
	if !m.heard.IsZero() {
		s += ", figures " + text.Duration(now.Sub(m.heard)) + " old"
	}
	return m.style.Yellow(s)
}

// body shares the lines that there are between metrics, endpoints and alerts.
func (m *Model) body(room int) []string {
	var lines []string
	add := func(block []string, most int) {
		if most < 2 || len(block) == 0 { // a head alone says nothing
			return
		}
		lines = append(append(lines, ""), block[:min(len(block), most)]...)
	}
	alerts := m.alertLines()
	forAlerts := min(len(alerts), max(room/4, 3))
	add(m.metricLines(), room-2-forAlerts)
	endpoints := m.endpointLines()
	add(endpoints, min(len(endpoints), room-len(lines)-2-forAlerts))
	add(alerts, room-len(lines)-1)
	return lines
}

func (m *Model) metricLines() []string {
	name := 0
	for _, k := range m.keys {
		name = max(name, len(k))
	}
	spark := max((m.width-name-2-10-4)/2, 4)
	lines := []string{m.style.Dim(text.Pad("", name) + "  " + fmt.Sprintf("%10s", "now") + "  " + text.Pad("last hour", spark) + "  " + text.Pad("latest", spark))}
	for _, k := range m.keys {
		column := m.data.Series.Metrics[k]
		unit := column.Unit
		if unit == "" {
			unit = m.unit(k)
		}
		value := text.Value(m.now(k), unit)
		value = strings.Repeat(" ", max(10-ansi.StringWidth(value), 0)) + value
		latest := m.recent[k]
		lines = append(lines, text.Pad(text.Clean(k), name)+"  "+m.style.Bold(value)+"  "+text.Pad(text.Spark(column.Values, spark), spark)+"  "+text.Spark(latest[max(len(latest)-spark, 0):], spark))
	}
	return lines
}

func (m *Model) endpointLines() []string {
	if len(m.data.Endpoints) == 0 {
		return nil
	}
	t := &text.Table{Columns: []text.Column{
		{Head: "endpoints", Least: 12}, {Head: "requests", Right: true}, {Head: "rate", Right: true}, {Head: "errors", Right: true}, {Head: "p50", Right: true}, {Head: "p95", Right: true},
	}}
	cell := func(v perfmon.Value, unit string) text.Cell { return text.Cell{Text: text.Value(v, unit)} }
	for _, e := range perfmon.WorstEndpoints(m.data.Endpoints, 20) {
		t.Add(text.Cell{Text: text.Clean(e.Scope.String())}, text.Cell{Text: text.Count(e.Requests)}, cell(e.Throughput, "1/s"), cell(e.ErrorRate, "%"), cell(e.P50, "s"), cell(e.P95, "s"))
	}
	return t.Lines(m.style, m.width, false)
}

// alertLines lists alerts from where the selected one can be seen. Its message is shown
// whole.
func (m *Model) alertLines() []string {
	if len(m.alerts) == 0 {
		return []string{m.style.Dim("alerts"), "none in the last hour"}
	}
	active := 0
	for _, a := range m.alerts {
		if a.Active() {
			active++
		}
	}
	lines := []string{m.style.Dim(fmt.Sprintf("alerts: %d active, %d in the last hour", active, len(m.alerts)))}
	at := max(m.index(), 0)
	for i := max(at-1, 0); i < len(m.alerts); i++ {
		lines = append(lines, m.alert(m.alerts[i], i == at)...)
	}
	return lines
}

// alert is one alert.
func (m *Model) alert(a perfmon.Alert, selected bool) []string {
	severity := text.Pad(string(a.Severity), 8)
	if a.Active() {
		severity = m.style.Severity(string(a.Severity), severity)
	}
	mark := "  "
	if selected {
		mark = m.style.Bold("▸ ")
	}
	start := mark + a.OpenedAt.In(m.zone).Format("15:04:05") + "  " + severity + "  " + text.Pad(string(a.State), 12) + "  "
	indent := ansi.StringWidth(start)
	message := text.Clean(a.Message)
	if !selected {
		return []string{start + text.Cut(message, m.width-indent)}
	}
	var lines []string
	for i, line := range text.Wrap(message, max(m.width-indent, 20)) {
		if i > 0 {
			start = strings.Repeat(" ", indent)
		}
		lines = append(lines, start+line)
	}
	return lines
}

// foot is the notice of the latest action, else the keys.
func (m *Model) foot() string {
	if m.notice != "" {
		return m.style.Bold(text.Cut(text.Clean(m.notice), m.width))
	}
	return m.style.Dim("↑↓ select  a acknowledge  d dismiss  e escalate  r reload  ? help  q quit")
}

var helpText = []string{
	"",
	"↑ ↓ k j   select an alert",
	"a         acknowledge it: somebody is at it, it stays active",
	"d d       dismiss it: it comes back only after its value has recovered",
	"e e       escalate it: the warning becomes critical, people are notified",
	"r         load everything anew",
	"q         quit",
	"",
	"now       of the last second where the service measures that, else of the last step",
	"last hour points of history; each is the worst of those that it stands for",
	"latest    as it comes: a value each second or each step",
	"endpoints the worst first: slow, or failing",
	"",
	"any key goes back",
}
