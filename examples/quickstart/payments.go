package main

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// payments is another company's service, on a port of its own.
type payments struct {
	url    string
	server *http.Server
	began  atomic.Int64 // Unix nanoseconds of the first bad day; 0: none is to come
	calls  atomic.Int64
}

// days is what happens to the provider, again and again.
var days = []struct {
	length   time.Duration
	delay    time.Duration
	failEach int64 // one in so many calls; 0: none
}{
	{12 * time.Second, 5 * time.Millisecond, 0},
	{12 * time.Second, 5 * time.Millisecond, 2},    // half of all charges fail
	{15 * time.Second, 5 * time.Millisecond, 1},    // all of them do
	{30 * time.Second, 5 * time.Millisecond, 0},    // mended
	{10 * time.Second, 500 * time.Millisecond, 0},  // slow
	{12 * time.Second, 1500 * time.Millisecond, 0}, // very slow
	{29 * time.Second, 5 * time.Millisecond, 0},
}

func startPayments() (*payments, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &payments{url: "http://" + listener.Addr().String() + "/charges"}
	p.server = &http.Server{Handler: http.HandlerFunc(p.charge), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

func (p *payments) startBadDays() { p.began.Store(time.Now().UnixNano()) }

func (p *payments) charge(w http.ResponseWriter, r *http.Request) {
	day := days[0]
	if began := p.began.Load(); began != 0 {
		day = days[today(time.Since(time.Unix(0, began)))]
	}
	select {
	case <-time.After(day.delay):
	case <-r.Context().Done():
		return
	}
	if day.failEach > 0 && p.calls.Add(1)%day.failEach == 0 {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
	}
}

// today returns the place in days of the time after the first began.
func today(elapsed time.Duration) int {
	var all time.Duration
	for _, d := range days {
		all += d.length
	}
	elapsed %= all
	for i, d := range days {
		if elapsed -= d.length; elapsed < 0 {
			return i
		}
	}
	return 0
}

func (p *payments) close() { _ = p.server.Close() }
