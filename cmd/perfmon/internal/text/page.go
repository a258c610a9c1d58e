package text

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Page gathers the lines of an answer for people.
type Page struct {
	Style
	Width int  // 0: no limit
	Wide  bool // all columns, nothing cut
	Now   time.Time
	Zone  *time.Location

	b strings.Builder
}

// String returns what was written.
func (p *Page) String() string {
	if !p.Color {
		return CleanLines(p.b.String())
	}
	// Colours stay. What a server sent where a word of ours was to be gets through nowhere else.
	var b strings.Builder
	text, from := p.b.String(), 0
	for _, at := range colours.FindAllStringIndex(text, -1) {
		b.WriteString(CleanLines(text[from:at[0]]) + text[at[0]:at[1]])
		from = at[1]
	}
	return b.String() + CleanLines(text[from:])
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Line writes a line, which is cut at the width.
func (p *Page) Line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(Cut(fmt.Sprintf(format, args...), p.limit()), " ") + "\n")
}

// Text writes a text that may take more than one line. Lines after the first are indented
// as far as indent.
func (p *Page) Text(indent int, text string) { p.Hang("", indent, text) }

// Hang writes a text behind a prefix. Lines after the first are indented as far as indent,
// and where the prefix is longer than that, so is the first, on a line of its own.
func (p *Page) Hang(prefix string, indent int, text string) {
	width, margin := p.limit(), strings.Repeat(" ", indent)
	if width > 0 {
		width = max(width-indent, 20)
	}
	first := Pad(prefix, indent)
	if wide := ansi.StringWidth(prefix); wide > max(indent-gap, 0) {
		p.Line("%s", prefix)
		first = margin
	} else if wide == 0 {
		first = ""
	}
	for i, line := range Wrap(text, width) {
		lead := margin
		if i == 0 {
			lead = first
		}
		p.b.WriteString(strings.TrimRight(lead+line, " ") + "\n")
	}
}

// Head begins a section.
func (p *Page) Head(format string, args ...any) {
	if p.b.Len() > 0 {
		p.b.WriteString("\n")
	}
	p.b.WriteString(p.Bold(fmt.Sprintf(format, args...)) + "\n")
}

// Table writes a table.
func (p *Page) Table(t *Table) {
	for _, line := range t.Lines(p.Style, p.limit(), p.Wide) {
		p.b.WriteString(line + "\n")
	}
}

// Chart writes a chart.
func (p *Page) Chart(c Chart) {
	c.Width, c.Label = p.Width, p.Time
	for _, line := range c.Lines() {
		p.b.WriteString(line + "\n")
	}
}

func (p *Page) limit() int {
	if p.Wide {
		return 0
	}
	return p.Width
}

// Time writes a time: of today its hour, of this year without the year.
func (p *Page) Time(t time.Time) string {
	if t.IsZero() {
		return Absent
	}
	t, now := t.In(p.Zone), p.Now.In(p.Zone)
	switch {
	case t.Year() != now.Year():
		return t.Format("2006-01-02 15:04")
	case t.YearDay() != now.YearDay():
		return t.Format("Jan _2 15:04")
	}
	return t.Format("15:04:05")
}

// Ago writes how long ago a time was.
func (p *Page) Ago(t time.Time) string {
	if t.IsZero() {
		return Absent
	}
	return Duration(p.Now.Sub(t)) + " ago"
}

// Stamp writes a time for programs.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
