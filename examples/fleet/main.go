// Command fleet shows several replicas that one Redis makes one monitor:
//
//	go -C examples/fleet run .
//
// It starts a redis-server, three replicas of a small shop, and a load that is spread over
// them. The dashboard of any replica shows all of them. With -redis it starts no server, and
// with -name one replica alone, as compose.yaml does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/fleet"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

func main() {
	at := flag.String("redis", "", "addresses of a Redis, with commas between; empty starts a redis-server")
	name := flag.String("name", "", "the instance of the one replica to start; empty starts three and a load")
	listen := flag.String("listen", "127.0.0.1:8080", "where the first replica listens; the others take the next ports")
	step := flag.Duration("step", 2*time.Second, "how often figures are exchanged")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *at, *name, *listen, *step); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, at, name, listen string, step time.Duration) error {
	if at == "" {
		at = "127.0.0.1:6390"
		server := exec.CommandContext(ctx, "redis-server", "--port", "6390", "--save", "", "--appendonly", "no")
		if err := server.Start(); err != nil {
			return fmt.Errorf("redis-server is needed (on Debian: apt-get install redis-server): %w", err)
		}
		defer func() { _ = server.Wait() }()
	}
	if name != "" {
		return serve(ctx, at, name, listen, step)
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("-listen %q: %w", listen, err)
	}
	first, err := net.LookupPort("tcp", port)
	if err != nil {
		return fmt.Errorf("-listen %q: %w", listen, err)
	}
	var urls []string
	failed := make(chan error, 3)
	for i := range 3 {
		address := net.JoinHostPort(host, fmt.Sprint(first+i))
		urls = append(urls, "http://"+address)
		go func() { failed <- serve(ctx, at, fmt.Sprint("shop-", i+1), address, step) }()
	}
	fmt.Printf("Dashboards of all three: %s%s\n", strings.Join(urls, httpapi.DefaultPrefix+" "), httpapi.DefaultPrefix)
	go load(ctx, urls)
	for range 3 {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// serve runs one replica until ctx ends.
func serve(ctx context.Context, at, name, listen string, step time.Duration) error {
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: strings.Split(at, ",")})
	defer client.Close()
	m, err := perfmon.New(
		perfmon.WithService(perfmon.Service{Name: "shop", Environment: "example", Instance: name}),
		perfmon.WithInterval(5*step), perfmon.WithStep(step), perfmon.WithFleet(fleet.Redis(client, "shop")),
	)
	if err != nil {
		return err
	}
	if err := m.Start(ctx); err != nil {
		return err
	}
	defer m.Close()
	api, err := httpapi.New(m, httpapi.WithAuthorizer(func(*http.Request) (httpapi.Principal, error) {
		return httpapi.Principal{Name: "you", SuperAdmin: true}, nil // an example on this machine; yours asks who it is
	}))
	if err != nil {
		return err
	}
	defer api.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { answer(w, name, 20*time.Millisecond) })
	mux.HandleFunc("GET /search", func(w http.ResponseWriter, r *http.Request) { answer(w, name, 80*time.Millisecond) })
	mux.Handle(httpapi.DefaultPrefix, api)
	server := &http.Server{Addr: listen, Handler: middleware.New(m)(mux), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// answer takes about so long, and at the third replica three times that.
func answer(w http.ResponseWriter, name string, about time.Duration) {
	if name == "shop-3" {
		about *= 3
	}
	time.Sleep(time.Duration(float64(about) * rand.ExpFloat64()))
	fmt.Fprintln(w, "served by", name)
}

// load spreads requests over the replicas until ctx ends.
func load(ctx context.Context, urls []string) {
	for ctx.Err() == nil {
		path := "/search"
		if rand.IntN(3) > 0 {
			path = fmt.Sprint("/orders/", rand.IntN(1000))
		}
		go func() {
			r, err := http.Get(urls[rand.IntN(len(urls))] + path)
			if err == nil {
				_ = r.Body.Close()
			}
		}()
		time.Sleep(10 * time.Millisecond)
	}
}
