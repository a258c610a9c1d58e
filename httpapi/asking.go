package httpapi

import "net/http"

// asking asks the authorizer again whether a stream may go on. The authorizer is code of
// the host: it runs in a goroutine of its own, and the stream does not wait for it.
type asking struct {
	a  *API
	by Principal
	r  *http.Request

	running chan struct{} // closed when the last call has returned; nil before the first
	refused chan struct{} // closed when the stream has to end
}

func newAsking(a *API, by Principal, r *http.Request) *asking {
	return &asking{a: a, by: by, r: r, refused: make(chan struct{})}
}

// again begins a call. It returns false when the one before has not returned: an
// authorizer that hangs admits nobody.
func (q *asking) again() bool {
	select {
	case <-q.refused:
		return false
	default:
	}
	if q.running != nil {
		select {
		case <-q.running:
		default:
			return false
		}
	}
	running := make(chan struct{})
	q.running = running
	go func() {
		admitted := false
		defer func() {
			if p := recover(); p != nil {
				q.a.failure(q.r, p) // logs it
			}
			if !admitted { // also after runtime.Goexit
				close(q.refused)
			}
			close(running)
		}()
		by, refused := q.a.principal(q.r)
		admitted = refused == nil && by == q.by // one that has other rights now starts over
	}()
	return true
}
