package middleware

import (
	"net/http"

	"github.com/backend-prs/perfmon/internal/mark"
)

// Ignore keeps the request that w answers from being counted, by any monitor around the
// handler. From now on it is not in flight either. Ignore finds the middleware through
// other writers that have an Unwrap method; without one, it does nothing. It is safe for
// concurrent use; after the handler has returned it does nothing.
func Ignore(w http.ResponseWriter) { mark.Ignore(w) }

// MarkStream says that w answers with a stream: it counts as an open stream from now on,
// and its duration is not a response time. Event streams, multipart streams and upgraded
// connections need no MarkStream. It finds the middleware as [Ignore] does. It is safe for
// concurrent use; after the handler has returned it does nothing.
func MarkStream(w http.ResponseWriter) { mark.Stream(w) }

// Identify says who made the request that w answers, from inside a handler. Empty parts
// change nothing. It finds the middleware as [Ignore] does. It is safe for concurrent use;
// after the handler has returned it does nothing.
func Identify(w http.ResponseWriter, id Identity) {
	mark.Identify(w, id.User, id.Session, id.Organization)
}
