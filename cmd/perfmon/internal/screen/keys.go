package screen

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// actions are the keys that act on the selected alert. What cannot be taken back is asked
// for twice.
var actions = map[string]struct {
	name  string
	twice bool
}{
	"a": {"acknowledge", false},
	"d": {"dismiss", true},
	"e": {"escalate", true},
}

// key takes a key.
func (m *Model) key(key string) tea.Cmd {
	asked := m.asked
	m.asked, m.notice = "", ""
	if m.help && key != "ctrl+c" && key != "q" {
		m.help = false
		return nil
	}
	switch key {
	case "q", "ctrl+c":
		return tea.Quit
	case "?":
		m.help = true
	case "r":
		return m.load()
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	}
	if act, ok := actions[key]; ok {
		return m.act(act.name, act.twice && asked != act.name)
	}
	return nil
}

// move moves the selection.
func (m *Model) move(by int) {
	if len(m.alerts) > 0 {
		m.moved = true
		m.selected = m.alerts[min(max(m.index()+by, 0), len(m.alerts)-1)].ID
	}
}

// act acts on the selected alert, or asks whether it should.
func (m *Model) act(action string, ask bool) tea.Cmd {
	at := m.index()
	switch {
	case at < 0:
		m.notice = "There is no alert to " + action + "."
		return nil
	case ask:
		m.asked, m.moved = action, true
		m.notice = fmt.Sprintf("%s? Press %s again.", capital(action), action[:1])
		return nil
	}
	id := m.selected
	m.notice = "…"
	return func() tea.Msg {
		acted, err := m.c.Act(m.ctx, action, id)
		if err != nil {
			return Acted{Err: err}
		}
		notice := "Nothing came back."
		for _, r := range acted.Body.Results {
			notice = capital(text.Clean(r.Result)) + "."
			switch {
			case r.Result == "unchanged":
				notice = "It was that already."
			case r.Detail != "":
				notice = text.Clean(r.Detail)
			}
		}
		return Acted{Notice: notice}
	}
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
