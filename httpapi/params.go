package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/exp/slices"
)

// params reads the parameters of a query strictly: each at most once, none that nobody
// asks for. The first error is kept; reading goes on with defaults.
type params struct {
	values url.Values
	known  []string
	err    error
}

func readParams(r *http.Request) *params {
	values, err := url.ParseQuery(r.URL.RawQuery)
	p := &params{values: values}
	if err != nil {
		p.err = &problem{Status: http.StatusBadRequest, Detail: "query: " + err.Error(), Parameter: "query"}
	}
	return p
}

func (p *params) fail(name string, value any, want string) {
	if p.err == nil {
		p.err = bad(name, value, want)
	}
}

// text returns a parameter, ok is false when it is not given.
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

// hours returns a length of time, a day or what is retained where it is not given.
func (p *params) hours(name string, retention time.Duration) time.Duration {
	value, ok := p.text(name)
	if !ok {
		return min(24*time.Hour, retention)
	}
	hours, err := strconv.ParseFloat(value, 64)
	if err != nil || !(hours > 0 && hours <= retention.Hours()) || math.IsNaN(hours) {
		p.fail(name, value, fmt.Sprintf("a number of hours, over 0, at most %g", retention.Hours()))
		return retention
	}
	return max(time.Duration(hours*float64(time.Hour)), 1) // 0 would be all there is
}

// finish refuses what was not asked for and returns the first error.
func (p *params) finish() error {
	if p.err != nil {
		return p.err
	}
	for _, name := range sortedKeys(p.values) {
		if !slices.Contains(p.known, name) {
			takes := "This call takes none."
			if len(p.known) > 0 {
				takes = "This call takes: " + strings.Join(p.known, ", ") + "."
			}
			return &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("%s: there is no such parameter. %s", name, takes), Parameter: name}
		}
	}
	return nil
}
