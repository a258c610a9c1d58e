// Package screen is the live dashboard in a terminal: a Bubble Tea program that is fed by
// the stream of events of a server.
package screen

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

const (
	kept        = 60              // live values of each metric
	reloadAfter = 5 * time.Second // at most one load in so long, but for alerts
)

// Model is the state of the screen. It is made by New, and belongs to the program.
type Model struct {
	ctx   context.Context
	c     *client.Client
	clock clock.Clock
	zone  *time.Location
	style text.Style
	keys  []string // metrics that are shown
	unit  func(metric string) string

	width, height int
	data          *perfmon.Dashboard // nil before the first load
	alerts        []perfmon.Alert    // active ones first
	failed        error              // of the latest load
	loading       bool
	again         bool // load once more when the load that goes on has ended
	loadedAt      time.Time

	step     perfmon.Sample
	live     perfmon.Sample
	seen     map[string]bool      // metrics that are in live samples
	recent   map[string][]float64 // the latest live values by metric
	heard    time.Time            // when the latest sample came
	lost     *client.Lost         // nil while there is a stream
	lostAt   time.Time
	selected string // ID of an alert
	moved    bool   // the selection was, so it stays where it is
	asked    string // action that a second press of its key confirms
	notice   string // about the latest action
	help     bool
}

// New returns the model. keys are the metrics to show, and unit returns the unit of one.
func New(ctx context.Context, c *client.Client, clk clock.Clock, zone *time.Location, s text.Style, keys []string, unit func(string) string) *Model {
	return &Model{
		ctx: ctx, c: c, clock: clk, zone: zone, style: s, keys: keys, unit: unit,
		width: 80, height: 24, seen: map[string]bool{}, recent: map[string][]float64{},
	}
}

// Loaded, Acted and Tick are what the commands of the model report.
type (
	Loaded struct {
		Dashboard *perfmon.Dashboard
		Err       error
	}
	Acted struct {
		Notice string
		Err    error
	}
	Tick struct{}
)

// Init loads for the first time.
func (m *Model) Init() tea.Cmd { return tea.Batch(m.load(), m.tick()) }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.key(msg.String())
	case client.Event:
		return m, m.event(msg)
	case Loaded:
		return m, m.loaded(msg)
	case Acted:
		m.notice = msg.Notice
		if msg.Err != nil {
			m.notice = msg.Err.Error()
		}
		return m, m.load()
	case Tick:
		return m, m.tick()
	}
	return m, nil
}

// tick redraws each second, as ages grow.
func (m *Model) tick() tea.Cmd {
	return func() tea.Msg {
		select {
		case <-m.clock.After(time.Second):
			return Tick{}
		case <-m.ctx.Done():
			return nil
		}
	}
}

// load asks for the dashboard, one at a time.
func (m *Model) load() tea.Cmd {
	if m.loading {
		m.again = true
		return nil
	}
	m.loading, m.again, m.loadedAt = true, false, m.clock.Now()
	return func() tea.Msg {
		d, err := m.c.Dashboard(m.ctx, client.Query{"hours": "1", "points": "60", "alerts": "true"})
		if err != nil {
			return Loaded{Err: err}
		}
		return Loaded{Dashboard: &d.Body}
	}
}

func (m *Model) loaded(msg Loaded) tea.Cmd {
	m.loading, m.failed = false, msg.Err
	if msg.Err == nil {
		m.data = msg.Dashboard
		m.sortAlerts()
	}
	if m.again {
		return m.load()
	}
	return nil
}

// sortAlerts puts active alerts first, critical ones before warnings, and keeps the
// selection on the alert that somebody moved it to.
func (m *Model) sortAlerts() {
	m.alerts = slices.Clone(m.data.Alerts)
	rank := func(a perfmon.Alert) int {
		switch {
		case a.Active() && a.Severity == perfmon.Critical:
			return 0
		case a.Active():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(m.alerts, func(a, b perfmon.Alert) int { return rank(a) - rank(b) })
	if m.index() < 0 || !m.moved && m.asked == "" {
		m.selected, m.moved, m.asked = "", false, ""
		if len(m.alerts) > 0 {
			m.selected = m.alerts[0].ID
		}
	}
}

// index is where the selected alert is, -1 where it is not.
func (m *Model) index() int {
	return slices.IndexFunc(m.alerts, func(a perfmon.Alert) bool { return a.ID == m.selected })
}

// event takes what the stream says.
func (m *Model) event(e client.Event) tea.Cmd {
	switch {
	case e.Connected:
		m.lost = nil
		return m.load()
	case e.Lost != nil:
		m.lost, m.lostAt = e.Lost, m.clock.Now()
	case e.Alert != nil, e.Reset:
		return m.load()
	case e.Live != nil:
		m.heard, m.live = m.clock.Now(), *e.Live
		for _, name := range m.keys {
			v, ok := m.live.Value(name)
			if m.seen[name] = m.seen[name] || ok; m.seen[name] {
				m.remember(name, v, ok)
			}
		}
	case e.Step != nil:
		m.heard, m.step = m.clock.Now(), *e.Step
		for _, name := range m.keys {
			if !m.seen[name] {
				v, ok := m.step.Value(name)
				m.remember(name, v, ok)
			}
		}
		if m.clock.Now().Sub(m.loadedAt) >= reloadAfter {
			return m.load()
		}
	}
	return nil
}

// remember keeps a live value.
func (m *Model) remember(name string, v float64, ok bool) {
	if !ok {
		v = perfmon.Value{}.Float()
	}
	list := append(m.recent[name], v)
	m.recent[name] = list[max(len(list)-kept, 0):]
}

// now is the latest value of a metric: of the last second where there is one.
func (m *Model) now(name string) perfmon.Value {
	for _, s := range []perfmon.Sample{m.live, m.step} {
		if v, ok := s.Value(name); ok {
			return perfmon.ValueOf(v)
		}
	}
	if m.data != nil && m.data.Current != nil {
		if v, ok := m.data.Current.Value(name); ok {
			return perfmon.ValueOf(v)
		}
	}
	return perfmon.Value{}
}
