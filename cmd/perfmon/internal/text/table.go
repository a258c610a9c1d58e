package text

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Column is one of a Table.
type Column struct {
	Head  string // for people
	Field string // in CSV; "" leaves the column out there
	Right bool   // aligned to the right
	Least int    // the column may be cut to so many characters; 0 never
	// Wide is a column for --wide alone; in CSV it is always there.
	Wide bool
}

// Cell is one of a Table.
type Cell struct {
	Text string // for people, may be coloured
	Raw  string // for programs
}

// Table has rows for people and for programs.
type Table struct {
	Columns []Column
	rows    [][]Cell
}

// Add adds a row, which has a cell for each column.
func (t *Table) Add(cells ...Cell) { t.rows = append(t.rows, cells) }

// Len is how many rows there are.
func (t *Table) Len() int { return len(t.rows) }

// Lines lays the table out, at most width wide; 0 is no limit, for which all columns are
// shown that wide asks for.
func (t *Table) Lines(s Style, width int, wide bool) []string {
	var shown []int
	for i, c := range t.Columns {
		if !c.Wide || wide {
			shown = append(shown, i)
		}
	}
	widths := t.fit(shown, width)
	lines := []string{t.line(shown, widths, func(i int) string { return s.Dim(t.Columns[i].Head) })}
	for _, row := range t.rows {
		lines = append(lines, t.line(shown, widths, func(i int) string { return row[i].Text }))
	}
	return lines
}

// fit returns the width of each column that is shown. What is too wide in all is taken
// from the columns that may be cut, the widest first.
func (t *Table) fit(shown []int, width int) []int {
	widths := make([]int, len(shown))
	total := gap * (len(shown) - 1)
	for k, i := range shown {
		widths[k] = ansi.StringWidth(t.Columns[i].Head)
		for _, row := range t.rows {
			widths[k] = max(widths[k], ansi.StringWidth(row[i].Text))
		}
		total += widths[k]
	}
	for width > 0 && total > width {
		widest := -1
		for k, i := range shown {
			least := t.Columns[i].Least
			if least > 0 && widths[k] > least && (widest < 0 || widths[k] > widths[widest]) {
				widest = k
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// gap is how far columns are apart.
const gap = 2

func (t *Table) line(shown, widths []int, text func(i int) string) string {
	var b strings.Builder
	for k, i := range shown {
		if k > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		b.WriteString(pad(Cut(text(i), widths[k]), widths[k], t.Columns[i].Right))
	}
	return strings.TrimRight(b.String(), " ")
}

// pad fills a text up to a width.
func pad(text string, width int, right bool) string {
	fill := strings.Repeat(" ", max(width-ansi.StringWidth(text), 0))
	if right {
		return fill + text
	}
	return text + fill
}

// Pad fills a text up to a width at its right, and cuts it there.
func Pad(text string, width int) string { return pad(Cut(text, width), width, false) }

// Cut shortens a text to a width, with an ellipsis at its end.
func Cut(text string, width int) string {
	if width <= 0 || ansi.StringWidth(text) <= width {
		return text
	}
	return ansi.Truncate(text, width, "…")
}

// Wrap breaks a text into lines of at most width, 0 for one line.
func Wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	return strings.Split(ansi.Wrap(text, width, ""), "\n")
}

// CSV writes the table with a first line of names. Lines end with CR LF, as RFC 4180
// wants. A text that a spreadsheet would run as a formula begins with an apostrophe.
func (t *Table) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	var line []string
	for _, c := range t.Columns {
		if c.Field != "" {
			line = append(line, c.Field)
		}
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for _, row := range t.rows {
		line = line[:0]
		for i, c := range t.Columns {
			if c.Field != "" {
				line = append(line, harmless(row[i].Raw))
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from taking a text for a formula. Numbers stay what they
// are.
func harmless(text string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " ")) // which a spreadsheet skips
	if text == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}
