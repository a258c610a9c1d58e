// Package text lays text out for a terminal: colours, numbers with their units, times,
// tables, sparklines and charts.
package text

import "strings"

// Style colours text, or leaves it as it is: the zero Style.
type Style struct{ Color bool }

func (s Style) in(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is for what to read first.
func (s Style) Bold(text string) string { return s.in("1", text) }

// Dim is for what may be passed over.
func (s Style) Dim(text string) string { return s.in("2", text) }

// Red is for critical things alone, and Yellow for warnings.
func (s Style) Red(text string) string    { return s.in("1;31", text) }
func (s Style) Yellow(text string) string { return s.in("33", text) }

// Green is for what has got better.
func (s Style) Green(text string) string { return s.in("32", text) }

// Reverse is for what is selected.
func (s Style) Reverse(text string) string { return s.in("7", text) }

// Severity colours a text by a status or a severity, which it names besides.
func (s Style) Severity(severity, text string) string {
	switch severity {
	case "critical", "degrading", "fail", "regression":
		return s.Red(text)
	case "warning", "warn", "unsure":
		return s.Yellow(text)
	case "improving", "improvement":
		return s.Green(text)
	case "resolved", "dismissed", "unknown":
		return s.Dim(text)
	}
	return text
}

// CleanLines is Clean for a text of several lines.
func CleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// Clean makes text of others safe to print: characters that would move the cursor or
// colour the screen become spaces.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}
