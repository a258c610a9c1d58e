package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/exp/slices"
)

// params reads the parameters of a query strictly: each at most once, none that the call
// does not know. The first error is kept; reading goes on with defaults.
type params struct {
	values url.Values
	known  []string
	err    error
}

func readParams(r *request) *params {
	values, err := url.ParseQuery(r.URL.RawQuery)
	p := &params{values: values}
	if err != nil {
		p.err = bad("query", quote(r.URL.RawQuery), "name=value pairs, escaped as in a URL")
	}
	return p
}

func (p *params) fail(name, value, want string) {
	if p.err == nil {
		p.err = bad(name, quote(value), want)
	}
}

// text returns a parameter; ok is false when it is not given.
func (p *params) text(name string) (value string, ok bool) {
	p.known = append(p.known, name)
	values := p.values[name]
	if len(values) > 1 {
		p.fail(name, strings.Join(values, ", "), "one value")
	}
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// name returns a parameter of 1 to most bytes, "" when it is not given.
func (p *params) name(name string, most int, want string) string {
	value, ok := p.text(name)
	if ok && (value == "" || len(value) > most) {
		p.fail(name, value, want)
	}
	return value
}

// oneOf returns a parameter that has to be one of some values, "" when it is not given.
func (p *params) oneOf(name string, allowed ...string) string {
	value, ok := p.text(name)
	if ok && !slices.Contains(allowed, value) {
		p.fail(name, value, strings.Join(allowed, " or "))
		return ""
	}
	return value
}

func (p *params) bool(name string) bool { return p.oneOf(name, "true", "false") == "true" }

func (p *params) int(name string, standard, least, most int) int {
	value, ok := p.text(name)
	if !ok {
		return standard
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		p.fail(name, value, fmt.Sprintf("a whole number, %d to %d", least, most))
		return standard
	}
	return n
}

// parseDecimal reads a number as people write one: not hexadecimal, no underscores, no names.
func parseDecimal(s string) (float64, error) {
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// hours returns a length of time over 0, at most most.
func (p *params) hours(name string, standard, most time.Duration) time.Duration {
	value, ok := p.text(name)
	if !ok {
		return min(standard, most)
	}
	hours, err := parseDecimal(value)
	if err != nil || !(hours > 0 && hours <= most.Hours()) {
		p.fail(name, value, fmt.Sprintf("a number of hours, over 0, at most %g", most.Hours()))
		return most
	}
	return max(time.Duration(hours*float64(time.Hour)), 1) // 0 would be all there is
}

// until returns when a window ends, zero where that is not given: not later than now, and
// at most so long ago.
func (p *params) until(now time.Time, most time.Duration) time.Time {
	value, ok := p.text("until")
	if !ok {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil || at.After(now) || now.Sub(at) > most {
		p.fail("until", value, fmt.Sprintf("a time such as %s, now or at most %g hours ago", now.Truncate(time.Second).Format(time.RFC3339), most.Hours()))
		return time.Time{}
	}
	return at.UTC()
}

// finish refuses what the call does not know and returns the first error.
func (p *params) finish() error {
	if p.err != nil {
		return p.err
	}
	for _, name := range sortedKeys(p.values) {
		if !slices.Contains(p.known, name) {
			return unknown("parameter", name, "call", p.known)
		}
	}
	return nil
}

// unknown is a 400 about a parameter or a field that its owner does not have.
func unknown(kind, name, owner string, known []string) *problem {
	takes := "This " + owner + " takes none."
	if len(known) > 0 {
		takes = "This " + owner + " takes: " + strings.Join(known, ", ") + "."
	}
	name = cut(clean(name))
	return &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("%s: there is no such %s. %s", name, kind, takes), Parameter: name}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
