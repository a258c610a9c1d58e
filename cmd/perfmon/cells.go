package main

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// same is a cell that people and programs read alike.
func same(s string) text.Cell { return text.Cell{Text: text.Clean(s), Raw: s} }

// number is a cell with a value in a unit.
func number(v perfmon.Value, unit string) text.Cell {
	return text.Cell{Text: text.Value(v, unit), Raw: text.Plain(v)}
}

// count is a cell with a whole number.
func count(n uint64) text.Cell {
	return text.Cell{Text: text.Count(n), Raw: strconv.FormatUint(n, 10)}
}

// percent is a cell with a change.
func percent(v perfmon.Value) text.Cell {
	return text.Cell{Text: text.Percent(v), Raw: text.Plain(v)}
}

// yes is a cell with a boolean.
func yes(b bool, ifTrue, ifFalse string) text.Cell {
	if b {
		return text.Cell{Text: ifTrue, Raw: "true"}
	}
	return text.Cell{Text: ifFalse, Raw: "false"}
}

// moment is a cell with a time, which has to be written by the page that it is for.
func (a *app) moment(now, t time.Time) text.Cell {
	return text.Cell{Text: a.page(now).Time(t), Raw: text.Stamp(t)}
}

// graded is a cell coloured by a severity or a direction, which it names.
func graded(s text.Style, word string) text.Cell {
	return text.Cell{Text: s.Severity(word, text.Clean(word)), Raw: word}
}

func plain(v float64) string { return text.Plain(perfmon.ValueOf(v)) }

// scope names what something is about.
func scopeCell(s perfmon.Scope) text.Cell { return same(s.String()) }

// units are the units of metrics, by name.
type units map[string]string

// builtinUnits has those of the built-in metrics, which every monitor has.
var builtinUnits = sync.OnceValue(func() units {
	u := units{}
	m, err := perfmon.New()
	if err != nil { // without options there is nothing that could be wrong
		panic(err)
	}
	for _, metric := range m.Metrics().All() {
		u[metric.Name] = metric.Unit
	}
	return u
})

// units asks the server for the units of its metrics. Where it does not say, there are
// those of the built-in ones.
func (a *app) units(ctx context.Context, c *client.Client) units {
	u := maps.Clone(builtinUnits())
	if a.format != "text" {
		return u
	}
	if list, err := c.Metrics(ctx); err == nil {
		for _, m := range list.Body.Metrics {
			u[m.Name] = m.Unit
		}
	}
	return u
}

// join writes a list for people.
func join(list []string) string { return strings.Join(list, ", ") }
