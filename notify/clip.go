package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// units is what a character counts against a limit: code units of UTF-16, by which Slack and
// Teams count; those who count characters count fewer.
func units(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

// clip cuts a text to n units and marks the cut.
func clip(s string, n int) string { return clipBy(s, n, units, 1) }

// clipBytes cuts a text to n bytes and marks the cut.
func clipBytes(s string, n int) string { return clipBy(s, n, utf8.RuneLen, len("…")) }

// clipBy cuts a text to n by what each of its characters costs. mark is what the mark costs.
func clipBy(s string, n int, cost func(rune) int, mark int) string {
	cut, used := 0, 0 // where the cut would be
	for i, r := range s {
		if used+mark <= n {
			cut = i
		}
		if used += cost(r); used > n {
			if n < mark {
				return ""
			}
			return s[:cut] + "…"
		}
	}
	return s
}

// clean makes a text harmless everywhere: valid, and without control characters and those
// that change the direction of what follows.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// line is a clean text on one line, without spaces around it.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// lines cleans a text, and keeps its line breaks.
func lines(s string) string {
	list := strings.Split(s, "\n")
	for i := range list {
		list[i] = strings.TrimRight(clean(list[i]), " ")
	}
	return strings.TrimSpace(strings.Join(list, "\n"))
}

// shortKey keeps a key that is clean and has at most n bytes. Another one gets a hash in place
// of its end, so that it stays the key of one thing.
func shortKey(key string, n int) string {
	plain := line(key)
	if plain == key && len(key) <= n {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	hash := hex.EncodeToString(sum[:16])
	return strings.ToValidUTF8(plain[:min(len(plain), n-len(hash))], "") + hash
}
