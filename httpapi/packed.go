package httpapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// minPacked is from how many bytes on a body is compressed: a smaller one fits a packet
// as it is.
const minPacked = 1400

// packs reports whether a body is to be compressed: the client takes it, and asks for more
// than the head.
func packs(r *http.Request, size int) bool {
	return size >= minPacked && r.Method != http.MethodHead && takesGzip(r.Header["Accept-Encoding"])
}

// takesGzip reads the header Accept-Encoding (RFC 9110, section 12.5.3).
func takesGzip(header []string) bool {
	others := false
	for _, item := range strings.Split(strings.Join(header, ","), ",") {
		coding, parameter, _ := strings.Cut(item, ";")
		name, weight, given := strings.Cut(strings.TrimSpace(parameter), "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		taken := !given || !strings.EqualFold(strings.TrimSpace(name), "q") || err == nil && q > 0
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip":
			return taken
		case "*":
			others = taken
		}
	}
	return others
}

// packers are compressors that were used before: each has half a megabyte of tables.
var packers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one there is
	return w
}}

// pack compresses a body.
func pack(body []byte) []byte {
	b := bytes.NewBuffer(make([]byte, 0, len(body)/4))
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(b)
	_, _ = w.Write(body) // to memory
	_ = w.Close()
	return b.Bytes()
}

func writePacked(w http.ResponseWriter, status int, contentType string, packed []byte) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Add("Vary", "Accept-Encoding")
	writeHead(w, status, contentType, len(packed))
	_, _ = w.Write(packed) // the client may be gone
}

// writePlain writes a body as it is, and not at all where only its head is asked for.
func writePlain(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	if len(body) >= minPacked {
		w.Header().Add("Vary", "Accept-Encoding")
	}
	writeHead(w, status, contentType, len(body))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone
	}
}

func writeHead(w http.ResponseWriter, status int, contentType string, length int) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
}
