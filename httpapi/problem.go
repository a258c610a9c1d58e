package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/backend-prs/perfmon"
)

// problem is an error as RFC 9457 has it, with the parameter at fault.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Parameter string `json:"parameter,omitempty"`
}

func (p *problem) Error() string { return p.Detail }

func (p *problem) write(w http.ResponseWriter) {
	out := *p
	out.Type = "about:blank"
	out.Title = http.StatusText(p.Status)
	data, err := json.Marshal(out)
	if err != nil { // of strings and a number: cannot be
		data = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(data, '\n'))
}

// bad is a 400 about a parameter or a field of the body.
func bad(parameter string, value any, want string) *problem {
	e := &perfmon.FieldError{Field: parameter, Value: value, Want: want}
	return &problem{Status: http.StatusBadRequest, Detail: e.Error(), Parameter: parameter}
}

// fromField makes a 400 of an error that names a field; others stay what they are.
func fromField(err error) error {
	var f *perfmon.FieldError
	if errors.As(err, &f) {
		return &problem{Status: http.StatusBadRequest, Detail: f.Error(), Parameter: f.Field}
	}
	return err
}

// maxBody bounds a request's body.
const maxBody = 64 << 10

// readJSON reads a body that holds one JSON object, with no field that v does not have.
func readJSON(r *http.Request, v any) error {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return &problem{Status: http.StatusUnsupportedMediaType, Detail: fmt.Sprintf("The body has to be application/json, not %q.", kind), Parameter: "Content-Type"}
	}
	body := http.MaxBytesReader(nil, r.Body, maxBody)
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil && d.More() {
		return &problem{Status: http.StatusBadRequest, Detail: "body: there is more behind the JSON object", Parameter: "body"}
	}
	var (
		tooLarge *http.MaxBytesError
		kindErr  *json.UnmarshalTypeError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return &problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("body: larger than %d bytes", maxBody), Parameter: "body"}
	case errors.As(err, &kindErr):
		field := kindErr.Field
		if field == "" {
			field = "body"
		}
		return &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("%s: a JSON %s is not valid: want %s", field, kindErr.Value, jsonKind(kindErr.Type.Kind().String())), Parameter: field}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("%s: there is no such field", name), Parameter: name}
	}
	return &problem{Status: http.StatusBadRequest, Detail: "body: not a JSON object: " + err.Error(), Parameter: "body"}
}

// jsonKind names a Go kind as JSON does.
func jsonKind(kind string) string {
	switch {
	case kind == "string":
		return "a string"
	case kind == "bool":
		return "true or false"
	case kind == "slice":
		return "a list"
	case kind == "struct" || kind == "map":
		return "an object"
	}
	return "a number"
}
