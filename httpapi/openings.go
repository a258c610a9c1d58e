package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/backend-prs/perfmon"
)

// Limits of streams.
const (
	maxStreams    = 256 // in all
	maxStreamsOwn = 4   // of a caller

	// How often streams may be opened: at once, and each second.
	openAtOnce, openRate       = 256, 50
	openAtOnceOwn, openRateOwn = 10, 1

	// retrySlot is when it is worth asking again for a stream while there are too many.
	retrySlot = 10 * time.Second
)

// openings counts the streams that are open and limits how often they are opened. It owns
// the counts; it is safe for concurrent use.
type openings struct {
	m   *perfmon.Monitor
	all *rate.Limiter

	mu                            sync.Mutex
	open                          int                    // mu
	refused, refusedOwn, tooOften uint64                 // mu
	own                           map[caller]*openingsOf // those that opened one lately; mu
}

// openingsOf is of one caller.
type openingsOf struct {
	open  int
	limit *rate.Limiter
}

func newOpenings(m *perfmon.Monitor) *openings {
	return &openings{m: m, all: rate.NewLimiter(openRate, openAtOnce), own: map[caller]*openingsOf{}}
}

// now is the time that limits go by. It never goes back.
func (o *openings) now() time.Time { return time.Unix(0, 0).Add(o.m.Elapsed()) }

// take makes room for a stream of a caller, or says why there is none. release gives the
// room back.
func (o *openings) take(by caller) (release func(), refused *problem) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	o.forget(now)
	own := o.own[by]
	if own == nil {
		own = &openingsOf{limit: rate.NewLimiter(openRateOwn, openAtOnceOwn)}
	}
	if own.open >= maxStreamsOwn {
		o.refusedOwn++
		return nil, tooMany(fmt.Sprintf("%d streams of this principal are open, which is the most there may be.", maxStreamsOwn), retrySlot)
	}
	if o.open >= maxStreams {
		o.refused++
		return nil, tooMany(fmt.Sprintf("%d streams are open, which is the most there may be.", maxStreams), retrySlot)
	}
	// The caller's own limit comes first, so that nobody uses up what is everybody's.
	for _, l := range []*rate.Limiter{own.limit, o.all} {
		r := l.ReserveN(now, 1)
		if wait := r.DelayFrom(now); wait > 0 {
			r.CancelAt(now)
			o.tooOften++
			return nil, tooMany("Streams are opened too often.", wait)
		}
	}
	o.own[by] = own
	o.open++
	own.open++
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.open--
		own.open--
	}, nil
}

// forget drops the callers that have no stream and may open as many at once as any;
// mu is held. What remains is bounded by how often all of them may open one.
func (o *openings) forget(now time.Time) {
	for by, own := range o.own {
		if own.open == 0 && own.limit.TokensAt(now) >= openAtOnceOwn {
			delete(o.own, by)
		}
	}
}

// tooMany is a 429.
func tooMany(why string, wait time.Duration) *problem {
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	return &problem{
		Status: http.StatusTooManyRequests, Detail: why + " Try again after " + seconds + " s.", header: http.Header{"Retry-After": {seconds}},
	}
}
