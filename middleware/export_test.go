package middleware

import (
	"net/http"

	"github.com/backend-prs/perfmon"
)

// Combination returns a writer around inner that implements one combination of the
// optional interfaces.
func Combination(m *perfmon.Monitor, inner http.ResponseWriter, kind int) http.ResponseWriter {
	p := &pooled{origin: &origin{recorder: m.NewRecorder()}}
	return p.newWriter(inner).wrapped(kind)
}
