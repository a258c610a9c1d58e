package httpapi

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxEcho bounds what an answer repeats of a request, in bytes.
const maxEcho = 100

// clean replaces what is no UTF-8 and what steers a terminal, a log or the direction of
// text by U+FFFD.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// limit cuts s to at most n bytes, between characters, and marks the cut.
func limit(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

// cut is limit for what an answer repeats.
func cut(s string) string { return limit(s, maxEcho) }

// quote repeats a value in quotes.
func quote(s string) string { return strconv.QuoteToGraphic(cut(clean(limit(s, 2*maxEcho)))) }
