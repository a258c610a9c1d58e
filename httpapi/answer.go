package httpapi

import (
	"encoding/json"
	"net/http"
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
	data, err := encode(body)
	if err != nil {
		return nil, err
	}
	return jsonAnswer{status, data}, nil
}

func encode(body any) ([]byte, error) {
	data, err := json.Marshal(body)
	return append(data, '\n'), err
}

func (a jsonAnswer) write(w http.ResponseWriter, r *http.Request) {
	writeBody(w, r, a.status, jsonType, a.data)
}

const jsonType = "application/json; charset=utf-8"

// statusAnswer is a status without a body.
type statusAnswer int

func (s statusAnswer) write(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(s)) }

// writeBody writes a response, compressed where the client takes that, and without the body
// where only its head is asked for.
func writeBody(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	if packs(r, len(body)) {
		writePacked(w, status, contentType, pack(body))
		return
	}
	writePlain(w, r, status, contentType, body)
}
