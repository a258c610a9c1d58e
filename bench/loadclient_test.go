package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/sketch"
)

// The load is made by other processes, so that what they take is not in the figures of the
// service: this program again, with a role.
const (
	roleVariable = "PERFMON_BENCH_ROLE"
	watchRole    = "watch"
	trafficRole  = "traffic"
	twinRole     = "twin"
)

// order says what a client is to do.
type order struct {
	URL     string
	Streams int // four for each principal
	Rate    int // calls or requests a second
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	in := bufio.NewReader(os.Stdin)
	var o order
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &o)
	}
	if err == nil {
		http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 100
		out := json.NewEncoder(os.Stdout)
		switch role {
		case watchRole:
			err = watch(o, in, out)
		case trafficRole:
			err = out.Encode(traffic(o, in))
		case twinRole:
			err = twin(in, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// watched is what those saw who watched.
type watched struct {
	Streams int      // that were open
	Live    int      // live events of all
	Refused []string // how streams past the limits were answered
	Wrong   []string // streams and calls that were not as they should be
	Calls   int
	P50     float64 // s, of the calls, from when they were due
	P99     float64
}

// watch opens streams and calls the API until it is told, on a line, the numbers of the
// alert events that each stream has to have. It says when the streams are open.
func watch(o order, in *bufio.Reader, out *json.Encoder) error {
	w := &watched{}
	var mu sync.Mutex // guards w
	wrong := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if w.Wrong = append(w.Wrong, fmt.Sprintf(format, args...)); len(w.Wrong) > 20 {
			w.Wrong = w.Wrong[:20]
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var streams []*stream
	var opening sync.WaitGroup
	for i := range o.Streams {
		s := &stream{as: fmt.Sprint("p", i/4), grown: make(chan struct{}, 1)}
		streams = append(streams, s)
		opening.Go(func() {
			if err := s.open(ctx, o.URL); err != nil {
				wrong("%v", err)
			}
		})
	}
	opening.Wait()
	for _, as := range []string{"p0", "another"} { // a fifth one, and one more than all
		w.Refused = append(w.Refused, refusal(o.URL, as))
	}
	if err := out.Encode("open"); err != nil {
		return err
	}
	stop, called := make(chan struct{}), make(chan struct{})
	var times sketch.Atomic
	go func() {
		defer close(called)
		w.Calls = paced(o.Rate, stop, func(n int, due time.Time) {
			path := calls[n%len(calls)]
			if err := get(o.URL+httpapi.DefaultPrefix+path, "root"); err != nil {
				wrong("%s: %v", path, err)
			}
			times.Add(uint64(time.Since(due)))
		})
	}()
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var want []uint64
	if err := json.Unmarshal(line, &want); err != nil {
		return err
	}
	close(stop)
	<-called
	for i, s := range streams {
		got, live := s.wait(len(want))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			wrong("stream %d has the events %v, want %v", i, got, want)
			continue
		}
		w.Streams++
		w.Live += live
	}
	var all sketch.Sketch
	times.Drain(&sketch.Cursor{}, &all)
	if all.Count() > 0 {
		w.P50, w.P99 = all.Quantile(0.5)/1e9, all.Quantile(0.99)/1e9
	}
	return out.Encode(w)
}

// calls are the API calls in turn: what pages, scripts and people read.
var calls = []string{
	"health/", "alerts/", "dashboard/", "thresholds/", "series/?metric=response_time_p95&hours=1", "diagnostics/", "events/", "config/",
	"baseline/", "trends/?metric=response_time_p95",
}

// stream is one that is open.
type stream struct {
	as    string
	grown chan struct{} // something came

	mu      sync.Mutex
	numbers []uint64 // of alert events; mu
	live    int      // mu
}

func (s *stream) open(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, "GET", url+httpapi.DefaultPrefix+"realtime/", nil)
	if err != nil {
		return err
	}
	r.Header.Set("As", s.as)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("a stream of %s is answered by %s", s.as, resp.Status)
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() && !strings.HasPrefix(in.Text(), "id: ") { // from here on it misses nothing
	}
	go func() {
		defer func() { _ = resp.Body.Close() }()
		for in.Scan() {
			s.line(in.Text())
		}
		s.line("")
	}()
	return in.Err()
}

func (s *stream) line(text string) {
	s.mu.Lock()
	if text == "event: live" {
		s.live++
	}
	if data, ok := strings.CutPrefix(text, `data: {"number":`); ok {
		var n uint64
		_, _ = fmt.Sscan(strings.TrimSuffix(strings.SplitN(data, ",", 2)[0], ","), &n)
		s.numbers = append(s.numbers, n)
	}
	s.mu.Unlock()
	select {
	case s.grown <- struct{}{}:
	default:
	}
}

// wait returns the numbers of the alert events, when there are n, and how many live events
// came.
func (s *stream) wait(n int) (numbers []uint64, live int) {
	late := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		numbers, live = append([]uint64(nil), s.numbers...), s.live
		s.mu.Unlock()
		if len(numbers) >= n {
			return numbers, live
		}
		select {
		case <-s.grown:
		case <-late:
			return numbers, live
		}
	}
}

// refusal says how a stream too many is answered.
func refusal(url, as string) string {
	r, err := http.NewRequest("GET", url+httpapi.DefaultPrefix+"realtime/", nil)
	if err != nil {
		return err.Error()
	}
	r.Header.Set("As", as)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	return fmt.Sprintf("%d, Retry-After: %s", resp.StatusCode, resp.Header.Get("Retry-After"))
}

// sent is what became of the host's own requests.
type sent struct {
	Requests int
	Failed   []string
}

// traffic sends requests to the host's own handler until its input ends.
func traffic(o order, in io.Reader) sent {
	var s sent
	var mu sync.Mutex
	stop := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in)
		close(stop)
	}()
	s.Requests = paced(o.Rate, stop, func(n int, _ time.Time) {
		if err := get(fmt.Sprint(o.URL, "/orders/", n), ""); err != nil {
			mu.Lock()
			s.Failed = append(s.Failed, err.Error())
			mu.Unlock()
		}
	})
	return s
}

// paced calls f so many times a second, however long each takes, and returns how often.
func paced(rate int, stop <-chan struct{}, f func(n int, due time.Time)) int {
	if rate == 0 {
		<-stop
		return 0
	}
	began := time.Now()
	var all sync.WaitGroup
	defer all.Wait()
	for n := 0; ; n++ {
		due := began.Add(time.Duration(n) * time.Second / time.Duration(rate))
		select {
		case <-stop:
			return n
		case <-time.After(time.Until(due)):
			all.Go(func() { f(n, due) })
		}
	}
}

func get(url, as string) error {
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("As", as)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}
