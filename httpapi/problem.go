package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// problem is an error as RFC 9457 has it.
type problem struct {
	Type      string   `json:"type"`
	Title     string   `json:"title"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail"`
	Parameter string   `json:"parameter,omitempty"` // at fault
	Missing   []string `json:"missing,omitempty"`   // for a baseline
	Reference string   `json:"reference,omitempty"` // to the log
	SignIn    string   `json:"sign_in,omitempty"`   // "token": POST session takes it

	header http.Header
}

func (p *problem) Error() string { return p.Detail }

func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	out := *p
	out.Type, out.Title = "about:blank", http.StatusText(p.Status)
	data, err := json.Marshal(out)
	if err != nil { // of strings and a number: cannot be
		data = []byte("{}")
	}
	for name, values := range p.header {
		w.Header()[name] = values
	}
	writeBody(w, r, p.Status, "application/problem+json", append(data, '\n'))
}

// bad is a 400 about a parameter, or a field of the body, with its value as text.
func bad(parameter, value, want string) *problem {
	parameter = cut(clean(parameter))
	return &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("%s: %s is not valid: want %s", parameter, value, want), Parameter: parameter}
}

// notFound is a 404 about a parameter. It says nothing of why.
func notFound(parameter, value string) *problem {
	return &problem{Status: http.StatusNotFound, Detail: parameter + ": nothing is known of " + quote(value) + ".", Parameter: parameter}
}

// valueText is a value of an error of the Go API as text.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return quote(v)
	case time.Duration:
		return v.String()
	case fmt.Stringer:
		return cut(clean(v.String()))
	}
	return cut(clean(fmt.Sprintf("%#v", v)))
}
