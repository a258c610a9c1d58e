package httpapi

import (
	"errors"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// field says what a field of the Go API is in JSON.
type field struct {
	name string
	want string        // what it may be
	unit time.Duration // of a duration in JSON
	// own says that want stands for what the Go API says of the field, which has other
	// names or units.
	own bool
}

// wire names the fields of a type of the Go API in JSON.
type wire map[string]field

// translate turns an error about a field of the Go API into a problem about the field in
// JSON. Other errors stay what they are.
func (w wire) translate(err error) error {
	var e *perfmon.FieldError
	if !errors.As(err, &e) {
		return err
	}
	goName, of, _ := strings.Cut(e.Field, " of ")
	f, ok := w[goName]
	if !ok {
		return err
	}
	value, want := valueText(e.Value), e.Want
	if d, ok := e.Value.(time.Duration); ok && f.unit > 0 {
		value = valueText(float64(d) / float64(f.unit))
	}
	if f.own {
		want = f.want
	}
	p := bad(f.name, value, want)
	if of != "" {
		p.Detail = cut(clean(of)) + " in " + p.Detail
	}
	return p
}
