package middleware

import (
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

// countAfterHooks counts a response once the host's functions have said what they know.
// It counts even if one of them ends the goroutine.
func (h *handler) countAfterHooks(p *pooled, r *http.Request, state uint32, response *perfmon.Response) {
	took := p.recorder.Took()
	defer func() {
		if state&isStream != 0 {
			p.recorder.CloseStream()
		}
		p.recorder.EndAfter(took, response)
	}()
	if h.options.route != nil {
		start := h.startHook(p)
		response.Pattern = h.route(r)
		h.endHook(p, perfmon.HookRoute, start)
	}
	if h.options.identity != nil {
		start := h.startHook(p)
		h.identify(response, r)
		h.endHook(p, perfmon.HookIdentity, start)
	}
}

// startHook and endHook time the hooks of one request in slabSize.
func (h *handler) startHook(p *pooled) time.Duration {
	if !p.timesHooks() {
		return 0
	}
	return h.monitor.Elapsed()
}

func (h *handler) endHook(p *pooled, hook perfmon.Hook, start time.Duration) {
	if p.timesHooks() {
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

// identify fills in what the handler itself has not said.
func (h *handler) identify(response *perfmon.Response, r *http.Request) {
	defer h.contain(perfmon.HookIdentity)
	id := h.options.identity(r)
	if response.User == "" {
		response.User = id.User
	}
	if response.Session == "" {
		response.Session = id.Session
	}
	if response.Organization == "" {
		response.Organization = id.Organization
	}
}
