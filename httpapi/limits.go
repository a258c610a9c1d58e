package httpapi

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/backend-prs/perfmon"
)

// hits counts what was refused for its size.
type hits struct{ bodies, queries, heavy atomic.Uint64 }

// Answers that cost much, such as dashboards and reports, are made so many at a time. Others
// wait their turn for a while.
const (
	maxHeavy  = 8
	heavyWait = 5 * time.Second
)

// room waits for room to make an answer that costs much, or says that there is none. release
// gives it back.
func (a *API) room(ctx context.Context) (release func(), err error) {
	select {
	case a.heavy <- struct{}{}:
	default:
		// The limit protects the host, so it goes by real time.
		late := time.NewTimer(heavyWait)
		defer late.Stop()
		select {
		case a.heavy <- struct{}{}:
		case <-ctx.Done():
			return nil, a.noRoom()
		case <-late.C:
			return nil, a.noRoom()
		}
	}
	return func() { <-a.heavy }, nil
}

func (a *API) noRoom() error {
	a.hits.heavy.Add(1)
	return tooMany(fmt.Sprintf("%d answers that cost much are being made, which is the most there may be.", maxHeavy), time.Second)
}

// limits lists what the API bounds.
func (a *API) limits() []perfmon.LimitStatus {
	const count, bytes = "count", "bytes"
	o, k, b := a.openings, a.kept, &a.backTests
	o.mu.Lock()
	open, own, refused, refusedOwn, tooOften := o.open, 0, o.refused, o.refusedOwn, o.tooOften
	for _, c := range o.own {
		own = max(own, c.open)
	}
	o.mu.Unlock()
	k.mu.Lock()
	answers, answerBytes, dropped := len(k.order), k.bytes, k.dropped
	k.mu.Unlock()
	b.mu.Lock()
	tests, testsRefused := len(b.running), b.refused
	b.mu.Unlock()
	list := []perfmon.LimitStatus{
		{Limit: "streams", Unit: count, Most: maxStreams, Used: open, Hit: refused},
		{Limit: "streams_of_a_caller", Unit: count, Most: maxStreamsOwn, Used: own, Hit: refusedOwn},
		{Limit: "stream_openings", Unit: "1/s", Most: openRate, Hit: tooOften},
		{Limit: "answers_kept", Unit: count, Most: maxKept, Used: answers, Hit: dropped},
		{Limit: "answer_bytes", Unit: bytes, Most: maxKeptBytes, Used: answerBytes, Hit: dropped},
		{Limit: "heavy_queries", Unit: count, Most: maxHeavy, Used: len(a.heavy), Hit: a.hits.heavy.Load()},
		{Limit: "back_tests", Unit: count, Most: maxBackTests, Used: tests, Hit: testsRefused},
		{Limit: "body_bytes", Unit: bytes, Most: maxBody, Hit: a.hits.bodies.Load()},
		{Limit: "query_bytes", Unit: bytes, Most: maxQuery, Hit: a.hits.queries.Load()},
		{Limit: "api_log_messages", Unit: count, Most: logSlots, Used: len(a.log.slots), Hit: a.log.dropped.Load()},
	}
	if a.signIn != nil {
		g := a.signIn.guesses
		g.mu.Lock()
		list = append(list, perfmon.LimitStatus{Limit: "wrong_tokens", Unit: "1/s", Most: guessRate, Used: 0, Hit: g.refused})
		g.mu.Unlock()
	}
	return list
}
