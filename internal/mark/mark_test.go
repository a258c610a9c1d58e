package mark_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/mark"
)

// layer notes what reaches it.
type layer struct {
	http.ResponseWriter
	monitor string
	calls   []string
}

func (l *layer) Unwrap() http.ResponseWriter { return l.ResponseWriter }
func (l *layer) PerfmonIgnore()              { l.calls = append(l.calls, "ignore") }
func (l *layer) PerfmonStream()              { l.calls = append(l.calls, "stream") }
func (l *layer) PerfmonMonitor() any         { return l.monitor }
func (l *layer) PerfmonIdentify(user, session, organization string) {
	l.calls = append(l.calls, user+" "+session+" "+organization)
}

type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type loop struct{ http.ResponseWriter }

func (l loop) Unwrap() http.ResponseWriter { return l }

// Everything reaches every layer, however many other writers lie between.
func TestEveryLayer(t *testing.T) {
	outer := &layer{ResponseWriter: wrapper{httptest.NewRecorder()}, monitor: "a"}
	inner := &layer{ResponseWriter: wrapper{wrapper{outer}}, monitor: "b"}
	w := wrapper{inner}
	mark.Ignore(w)
	mark.Stream(w)
	mark.Identify(w, "ann", "s", "acme")
	want := []string{"ignore", "stream", "ann s acme"}
	for _, l := range []*layer{outer, inner} {
		if diff := cmp.Diff(want, l.calls); diff != "" {
			t.Errorf("layer %s (-want +got):\n%s", l.monitor, diff)
		}
	}
	for monitor, want := range map[string]bool{"a": true, "b": true, "c": false} {
		if got := mark.CountedBy(w, monitor); got != want {
			t.Errorf("counted by %s: %v, want %v", monitor, got, want)
		}
	}
}

// Without a layer nothing happens, not even with a writer that unwraps to itself or to nil.
func TestNoLayer(t *testing.T) {
	for name, w := range map[string]http.ResponseWriter{
		"plain": httptest.NewRecorder(), "loop": loop{httptest.NewRecorder()}, "nil below": wrapper{nil}, "nil": nil,
	} {
		t.Run(name, func(t *testing.T) {
			mark.Ignore(w)
			mark.Stream(w)
			mark.Identify(w, "ann", "", "")
			if mark.CountedBy(w, "a") {
				t.Error("counted")
			}
		})
	}
}
