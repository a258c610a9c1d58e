package middleware

import (
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

// countAfterHooks counts a response once the host's functions have said what they know.
// It counts even if one of them ends the goroutine.
func (h *handler) countAfterHooks(w *writer, r *http.Request, took time.Duration, state uint32, status int, stream bool) {
	o := w.origin()
	pattern, who, traceID := r.Pattern, o.identity, ""
	defer func() {
		if state&isStream != 0 {
			o.recorder.CloseStream()
		}
		if h.options.route != nil { // may make the string anew for each request
			o.recorder.EndAfter(took, &perfmon.Response{
				Method: r.Method, Pattern: pattern, Status: status, Stream: stream,
				User: who.User, Session: who.Session, Organization: who.Organization,
			})
		} else {
			o.recorder.EndRoute(took, r.Method, pattern, status, stream)
			o.recorder.EndIdentity(took, status, stream, who.User, who.Session, who.Organization)
		}
		if traceID != "" && !stream {
			o.recorder.Exemplar(took, r.Method, pattern, status, traceID)
		}
	}()
	timed := state&timesHooks != 0
	if h.options.route != nil {
		start := h.startHook(timed)
		pattern = h.route(r)
		h.endHook(timed, perfmon.HookRoute, start)
	}
	if h.options.identity != nil {
		start := h.startHook(timed)
		h.identify(&who, r)
		h.endHook(timed, perfmon.HookIdentity, start)
	}
	if h.options.traceID != nil {
		start := h.startHook(timed)
		traceID = h.traceID(r)
		h.endHook(timed, perfmon.HookTraceID, start)
	}
}

// startHook and endHook time the hooks of one request in slabSize.
func (h *handler) startHook(timed bool) time.Duration {
	if !timed {
		return 0
	}
	return h.monitor.Elapsed()
}

func (h *handler) endHook(timed bool, hook perfmon.Hook, start time.Duration) {
	if timed {
		h.monitor.RecordHookTime(hook, h.monitor.Elapsed()-start)
	}
}

// contain is deferred around a hook.
func (h *handler) contain(hook perfmon.Hook) {
	if recover() != nil {
		h.monitor.RecordHookPanic(hook)
	}
}

func (h *handler) skips(r *http.Request) bool {
	defer h.contain(perfmon.HookSkip)
	return h.options.skip(r)
}

func (h *handler) route(r *http.Request) string {
	defer h.contain(perfmon.HookRoute)
	return h.options.route(r)
}

func (h *handler) traceID(r *http.Request) string {
	defer h.contain(perfmon.HookTraceID)
	return h.options.traceID(r)
}

// identify fills in what the handler itself has not said.
func (h *handler) identify(who *Identity, r *http.Request) {
	defer h.contain(perfmon.HookIdentity)
	id := h.options.identity(r)
	if who.User == "" {
		who.User = id.User
	}
	if who.Session == "" {
		who.Session = id.Session
	}
	if who.Organization == "" {
		who.Organization = id.Organization
	}
}
