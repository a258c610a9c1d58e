package traffic

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a name's length in bytes; a longer one is folded.
const maxName = 256

// Reserved reports whether a name is one that no pattern and no organization can have:
// one that begins with a parenthesis, as [Unmatched] and [Other] do. Requests that come
// with such a name are counted as [Other].
func Reserved(name string) bool { return strings.HasPrefix(name, "(") }

// key is a name in the two parts that a request has at hand, so that finding it joins
// no strings.
type key struct {
	method  uint8 // index of methods; 0 where the pattern names the method or needs none
	pattern string
}

func (k key) String() string {
	if k.method == 0 {
		return k.pattern
	}
	return methods[k.method] + " " + k.pattern
}

// endpointKey returns the key of a request's endpoint. A pattern that names its method,
// such as "GET /orders/{id}", needs no other.
func endpointKey(method uint8, pattern string) key {
	for i := 0; i < len(pattern) && i < maxName; i++ {
		switch pattern[i] {
		case '/':
			return key{method, pattern}
		case ' ', '\t':
			return key{0, pattern}
		}
	}
	return key{method, pattern}
}

// methods are the ones a request is told apart by; the last stands for all others.
var methods = [...]string{"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "OTHER"}

const otherMethod = uint8(len(methods) - 1)

func methodNumber(m string) uint8 {
	switch m {
	case "GET", "": // net/http takes an empty method for GET
		return 1
	case "HEAD":
		return 2
	case "POST":
		return 3
	case "PUT":
		return 4
	case "PATCH":
		return 5
	case "DELETE":
		return 6
	case "CONNECT":
		return 7
	case "OPTIONS":
		return 8
	case "TRACE":
		return 9
	}
	return otherMethod
}

// clean makes a name safe to print: what is no UTF-8 and what steers a terminal, a log
// or the direction of text becomes U+FFFD, a tab a space. A name that is clean comes
// back as it is, without an allocation.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unsafeRune(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// isClean looks at eight bytes at a time as long as they are printable ASCII.
func isClean(s string) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if (x|(x-' '*each)|(x+each))&high != 0 { // a byte of 0x80 or more, below a space, or DEL
			break
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return utf8.ValidString(s) && strings.IndexFunc(s, unsafeRune) < 0
		}
	}
	return true
}

// unsafeRune reports control characters, line separators and marks of the direction of
// text (Unicode Standard Annex 9).
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || r == '\ufeff'
}
