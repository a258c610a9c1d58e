package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/backend-prs/perfmon/middleware"
)

// loopback measures the processor time of whole requests over loopback, client and server
// together: http.ServeMux with 50 routes, answers of 200 bytes.
func loopback(quick bool) string {
	rounds, requests := 60, 400
	if quick {
		rounds, requests = 2, 20
	}
	reply := []byte(strings.Repeat("x", 200))
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(reply) })
	each := func(wrap func(route string, h http.Handler) http.Handler) http.Handler {
		mux := http.NewServeMux()
		for i := range routes {
			mux.Handle(pattern(i), wrap(pattern(i), h))
		}
		return mux
	}
	same := func(_ string, h http.Handler) http.Handler { return h }
	old := answer
	answer = h // what the rivals are around
	defer func() { answer = old }()
	byRoute := func(list []http.Handler) http.Handler {
		at := -1
		return each(func(string, http.Handler) http.Handler { at++; return list[at] })
	}
	servers := []struct {
		name    string
		handler http.Handler
	}{
		{"nothing", each(same)},
		{"nothing, once more", each(same)},
		{"**perfmon**", middleware.New(newMonitor())(each(same))},
		{"VictoriaMetrics/metrics, wired by hand", byRoute(victoria())},
		{"slok/go-http-metrics", byRoute(slok())},
		{"promhttp, three instruments", byRoute(prometheusHTTP(classicOpts))},
		{"otelhttp, with its SDK", openTelemetryAround(each(same))},
	}
	clients := make([]*client, len(servers))
	for i, s := range servers {
		clients[i] = newClient(s.handler)
		defer clients[i].close()
		clients[i].run(requests)
	}
	used := make([][]float64, len(servers))
	for round := range rounds {
		for j := range servers {
			i := (j + round) % len(servers)
			before := processorTime()
			clients[i].run(requests)
			used[i] = append(used[i], float64((processorTime()-before).Nanoseconds())/1e3/float64(2*requests))
		}
	}
	var b strings.Builder
	b.WriteString("| around a handler | µs of processor time a request | × nothing |\n| --- | ---: | ---: |\n")
	for i, s := range servers {
		ratios := make([]float64, rounds)
		for r := range ratios {
			ratios[r] = used[i][r] / used[0][r]
		}
		fmt.Fprintf(&b, "| %s | %.1f | %.3f (%.3f to %.3f) |\n", s.name, median(used[i]), median(ratios), quantile(ratios, 0.25), quantile(ratios, 0.75))
	}
	return b.String()
}

// client has two connections to a server of its own.
type client struct {
	server *http.Server
	conns  [2]net.Conn
	in     [2]*bufio.Reader
}

func newClient(h http.Handler) *client {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	c := &client{server: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}}
	go func() { _ = c.server.Serve(l) }()
	for i := range c.conns {
		if c.conns[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			log.Fatal(err)
		}
		c.in[i] = bufio.NewReader(c.conns[i])
	}
	return c
}

// run sends n requests over each connection.
func (c *client) run(n int) {
	var wg sync.WaitGroup
	for i := range c.conns {
		wg.Go(func() {
			for j := range n {
				if _, err := fmt.Fprintf(c.conns[i], "GET /api/v1/resource%d/7 HTTP/1.1\r\nHost: x\r\n\r\n", (i+j)%routes); err != nil {
					log.Fatal(err)
				}
				resp, err := http.ReadResponse(c.in[i], nil)
				if err != nil {
					log.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
					log.Fatal(resp.Status, err)
				}
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
}

func (c *client) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	_ = c.server.Close()
}
