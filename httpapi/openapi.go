package httpapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// description describes every call, as OpenAPI 3.1 has it.
//
//go:embed openapi.json
var description []byte

// openapi answers with the description, for where the API is mounted.
func (a *API) openapi(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	standard, err := json.Marshal(strings.TrimSuffix(DefaultPrefix, "/"))
	if err != nil {
		return nil, err
	}
	here, err := json.Marshal(mount(r.RequestURI))
	if err != nil {
		return nil, err
	}
	return jsonAnswer{http.StatusOK, bytes.Replace(description, standard, here, 1)}, nil
}

// mount is what a client's path has before the name of the description.
func mount(requestURI string) string {
	sent, err := url.ParseRequestURI(requestURI)
	if err != nil {
		return strings.TrimSuffix(DefaultPrefix, "/")
	}
	return strings.TrimSuffix(strings.TrimSuffix(sent.EscapedPath(), "/"), "/openapi.json")
}
