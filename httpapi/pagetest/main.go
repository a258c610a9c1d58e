// Pagetest serves the dashboard page of a made-up shop with two days behind it, to look at
// and to work on, and its tests drive the page in a real Chromium:
//
//	go -C httpapi/pagetest run . -page ../page/static
//	go -C httpapi/pagetest test .
//
// With -page the files are read anew for each request, so a change shows on reload.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8092", "`address` to listen on")
	page := flag.String("page", "", "read the page from this `folder` instead of the program")
	var s shop
	flag.IntVar(&s.endpoints, "endpoints", 100, "how many endpoints the shop has")
	flag.IntVar(&s.custom, "metrics", 3, "how many metrics of its own the shop has")
	flag.DurationVar(&s.past, "past", 48*time.Hour, "how much time is behind it")
	flag.BoolVar(&s.failing, "failing", false, "let everything fail")
	flag.BoolVar(&s.incident, "incident", false, "let the payment provider have a bad day now")
	flag.BoolVar(&s.quiet, "quiet", false, "send no requests")
	flag.BoolVar(&s.longNames, "long", false, "use names of 200 characters")
	replicas := flag.Int("replicas", 1, "how many replicas of the shop meet in a fleet, the last of them slow")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, s, *replicas, *addr, *page); err != nil {
		fmt.Fprintln(os.Stderr, "pagetest:", err)
		os.Exit(1)
	}
}

const token = "a-token-for-the-demo"

func serve(ctx context.Context, s shop, replicas int, addr, page string) error {
	m, end, err := s.start(ctx, replicas)
	defer end()
	if err != nil {
		return err
	}
	options := []httpapi.Option{httpapi.WithBearerToken(token)}
	if page != "" {
		var files fs.FS = os.DirFS(page)
		options = append(options, httpapi.WithPageFiles(files))
	}
	api, err := httpapi.New(m, options...)
	if err != nil {
		return err
	}
	defer func() { _ = api.Close() }()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(httpapi.DefaultPrefix, api)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	fmt.Printf("http://%s%s#token=%s\n", listener.Addr(), httpapi.DefaultPrefix, token)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// start starts one shop, or several replicas of it of which it returns the first.
func (s *shop) start(ctx context.Context, replicas int) (m *perfmon.Monitor, end func(), err error) {
	if replicas < 2 {
		m, err := s.open(ctx)
		return m, func() {
			if m != nil {
				_ = m.Close()
			}
		}, err
	}
	all, err := openFleet(ctx, replicas, *s)
	end = func() {
		for _, m := range all {
			_ = m.Close()
		}
	}
	if err != nil {
		return nil, end, err
	}
	return all[0], end, nil
}

// live sends the shop requests until ctx ends.
func (s *shop) live(ctx context.Context, m *perfmon.Monitor) {
	rec := m.NewRecorder()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-tick.C:
			s.tick(m, rec, at)
		}
	}
}
