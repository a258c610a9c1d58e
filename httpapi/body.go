package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"unicode/utf8"

	"golang.org/x/exp/slices"
)

// maxBody bounds the body of a request.
const maxBody = 64 << 10

// object reads the fields of a JSON object strictly: each at most once, spelt exactly,
// none that the call does not know. The first error is kept; reading goes on with
// defaults.
type object struct {
	name   string // for errors: "body", or the field that holds the object
	values map[string]json.RawMessage
	known  []string
	err    error
}

// readBody reads a body that is one JSON object.
func readBody(r *request) (*object, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, &problem{
			Status: http.StatusUnsupportedMediaType, Parameter: "Content-Type",
			Detail: "Content-Type: " + quote(r.Header.Get("Content-Type")) + " is not valid: want application/json",
		}
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("body: it has more than %d bytes", maxBody), Parameter: "body"}
	case err != nil:
		return nil, &problem{Status: http.StatusBadRequest, Detail: "body: it could not be read to its end", Parameter: "body"}
	case !utf8.Valid(data):
		return nil, &problem{Status: http.StatusBadRequest, Detail: "body: it is not UTF-8", Parameter: "body"}
	}
	return readObject("body", data)
}

// readObject reads JSON that is one object.
func readObject(name string, data []byte) (*object, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, &problem{Status: http.StatusBadRequest, Detail: name + ": want exactly one JSON object: " + cut(clean(err.Error())), Parameter: name}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, bad(name, rawText(whole), "a JSON object")
	}
	o := &object{name: name, values: map[string]json.RawMessage{}}
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, bad(name, rawText(whole), "a JSON object")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, bad(name, rawText(whole), "a JSON object")
		}
		if _, twice := o.values[key]; twice {
			key = cut(clean(key))
			return nil, &problem{Status: http.StatusBadRequest, Detail: key + ": it is given twice: want it once", Parameter: key}
		}
		o.values[key] = value
	}
	return o, nil
}

// read returns a field as what parse makes of it, nil when it is not given.
func read[T any](o *object, f field, parse func(json.RawMessage) (T, bool)) *T {
	o.known = append(o.known, f.name)
	raw, given := o.values[f.name]
	if !given || o.err != nil {
		return nil
	}
	v, ok := parse(raw)
	if !ok {
		o.err = bad(f.name, rawText(raw), f.want)
		return nil
	}
	return &v
}

// object returns a field that is an object itself, nil when it is not given or wrong.
func (o *object) object(name string) *object {
	raw := read(o, field{name: name}, func(raw json.RawMessage) (json.RawMessage, bool) { return raw, true })
	if raw == nil {
		return nil
	}
	inner, err := readObject(name, *raw)
	if err != nil {
		o.err = err
		return nil
	}
	return inner
}

// finish refuses what the call does not know and returns the first error.
func (o *object) finish() error {
	if o.err != nil {
		return o.err
	}
	for _, key := range sortedKeys(o.values) {
		if !slices.Contains(o.known, key) {
			return unknown("field", key, o.name, o.known)
		}
	}
	return nil
}

// rawText repeats JSON in an error.
func rawText(raw json.RawMessage) string { return cut(clean(string(raw))) }

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func parseText(raw json.RawMessage) (s string, ok bool) {
	return s, !isNull(raw) && json.Unmarshal(raw, &s) == nil
}

func parseTexts(raw json.RawMessage) (list []string, ok bool) {
	var raws []json.RawMessage
	if isNull(raw) || json.Unmarshal(raw, &raws) != nil {
		return nil, false
	}
	for _, raw := range raws {
		s, ok := parseText(raw)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

func parseBool(raw json.RawMessage) (b, ok bool) {
	return b, !isNull(raw) && json.Unmarshal(raw, &b) == nil
}

func parseInt(raw json.RawMessage) (int, bool) {
	n, err := strconv.Atoi(string(raw))
	return n, err == nil
}

func parseNumber(raw json.RawMessage) (v float64, ok bool) {
	return v, !isNull(raw) && json.Unmarshal(raw, &v) == nil
}
