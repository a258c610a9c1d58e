package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// answer writes a whole response, or a stream until it ends.
type answer interface {
	write(w http.ResponseWriter, r *http.Request)
}

// jsonAnswer is a body of JSON.
type jsonAnswer struct {
	status int
	data   []byte
}

// reply answers with a value as JSON.
func reply(status int, body any) (answer, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return jsonAnswer{status, append(data, '\n')}, nil
}

func (a jsonAnswer) write(w http.ResponseWriter, r *http.Request) {
	writeBody(w, r, a.status, "application/json; charset=utf-8", a.data)
}

// statusAnswer is a status without a body.
type statusAnswer int

func (s statusAnswer) write(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(s)) }

// writeBody writes a response, without the body where only its head is asked for.
func writeBody(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone
	}
}
