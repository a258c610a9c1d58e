// Quickstart is a small shop, monitored by perfmon from end to end: several routes, a
// database, a cache, a worker queue and sign-in, with customers that send it real
// requests and a payment provider that has bad days.
//
//	go -C examples/quickstart run .
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

type config struct {
	addr     string
	traffic  bool
	step     time.Duration
	interval time.Duration
	token    string
	data     string                          // file that keeps what the monitor knows, "" for none
	page     string                          // folder with the files of the dashboard page, "" for those that are embedded
	webhook  string                          // URL that is posted a text about alerts, "" for none
	around   func(http.Handler) http.Handler // what tests put around all of it, may be nil
}

// minToken is how many bytes package httpapi wants of a bearer token.
const minToken = 16

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	flag.BoolVar(&c.traffic, "traffic", true, "send the shop requests")
	flag.DurationVar(&c.step, "step", time.Second, "how often metrics are read and thresholds evaluated")
	flag.DurationVar(&c.interval, "interval", 10*time.Second, "how much time a point of history stands for")
	flag.StringVar(&c.token, "token", "", "bearer `token` that opens the API, at least 16 bytes (default: a random one, which is printed)")
	flag.StringVar(&c.data, "data", defaultData(), "`file` that keeps history, alerts and settings from one run to the next; \"\" for none")
	flag.StringVar(&c.page, "page", "", "serve the dashboard page from the files in this `folder`, such as ../../httpapi/page/static, to change it without a rebuild")
	flag.StringVar(&c.webhook, "webhook", "", "`URL` that gets a text about alerts, such as that of an ntfy topic, or http://127.0.0.1:9000/ with \"nc -lk 9000\" behind it")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "quickstart: unknown argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// run serves the shop until ctx ends.
func run(ctx context.Context, c config, out io.Writer) (err error) {
	if c.token == "" {
		c.token = rand.Text()
	}
	if len(c.token) < minToken {
		return fmt.Errorf("-token: want at least %d bytes, it has %d; without -token a random one is made and printed", minToken, len(c.token))
	}
	payments, err := startPayments()
	if err != nil {
		return err
	}
	defer payments.close()

	jobs := newQueue(100)
	store, err := keepIn(c.data)
	if err != nil {
		return err
	}
	told, err := people(c.webhook)
	if err != nil {
		return fmt.Errorf("-webhook: %w", err)
	}
	m, err := perfmon.New(append(append(store, told...),
		perfmon.WithService(perfmon.Service{Name: "shop", Environment: "example", Version: "v1.4.0"}),
		perfmon.WithEnvironment(),
		perfmon.WithStep(c.step),
		perfmon.WithInterval(c.interval),
		perfmon.WithAlertCooldown(time.Minute), // short, so that every bad day shows
		perfmon.WithQueueSize(jobs.size),
		perfmon.WithThreshold(perfmon.Threshold{
			Metric: perfmon.ResponseTimeP95, Warning: perfmon.ValueOf(0.3), Critical: perfmon.ValueOf(1),
		}),
		// A single endpoint of this shop gets a few requests a second. With the default of
		// 100 requests for each value, its bad days would be over before they count.
		perfmon.WithThreshold(perfmon.Threshold{
			Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint,
			Warning: perfmon.ValueOf(30), Critical: perfmon.ValueOf(80), MinRequests: 20,
		}),
		// Three steps of a second are soon full when a compiler runs beside the shop.
		perfmon.WithThreshold(perfmon.Threshold{
			Metric: perfmon.CPUUsagePercent, Warning: perfmon.ValueOf(80), Critical: perfmon.ValueOf(95), ConsecutiveViolations: 30,
		}),
		perfmon.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
	)...)
	if err != nil {
		return fmt.Errorf("%w (-data chooses another file, -data \"\" none)", err)
	}
	m.OnAlert(func(e perfmon.AlertEvent) {
		fmt.Fprintf(out, "%s  %v\n", e.At.Local().Format(time.TimeOnly), e)
	})

	s, err := openShop(m, jobs, payments.url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	options := []httpapi.Option{httpapi.WithBearerToken(c.token)}
	if c.page != "" {
		options = append(options, httpapi.WithPageFiles(os.DirFS(c.page)))
	}
	api, err := httpapi.New(m, options...)
	if err != nil {
		return fmt.Errorf("-token, -page: %w", err)
	}
	defer func() { err = errors.Join(err, api.Close()) }()
	mux := s.routes()
	mux.Handle(httpapi.DefaultPrefix, api)
	handler := middleware.New(m, middleware.WithIdentity(s.identity))(mux)
	if c.around != nil {
		handler = c.around(handler)
	}

	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	if err := m.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	base := "http://" + listener.Addr().String()
	greet(out, base, c)
	var customers *traffic
	if c.traffic {
		if customers, err = startTraffic(base); err != nil {
			return errors.Join(err, server.Close())
		}
		payments.startBadDays()
	}

	select {
	case <-ctx.Done():
	case err = <-served:
	}
	fmt.Fprintln(out, "shutting down")
	if customers != nil {
		customers.close()
	}
	stopping, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(stopping))
}

func greet(out io.Writer, base string, c config) {
	api := base + httpapi.DefaultPrefix
	next := "Nobody sends it requests but you. Alerts appear here:"
	data := "Nothing is kept for the next run."
	if c.data != "" {
		data = "What the monitor knows is kept for the next run in " + c.data
	}
	if c.traffic {
		next = "The payment provider has a bad day now and then. Its alerts appear here:"
	}
	// A browser keeps the fragment of a link to itself: the token reaches no log.
	fmt.Fprintf(out, `dashboard  %[2]s#token=%[4]s

That link signs in. The shop itself is at %[1]s/products.

How the shop is, for programs; docs/api.md describes all calls:

curl -s -H 'Authorization: Bearer %[3]s' %[2]shealth/

%[6]s

%[5]s
`, base, api, c.token, url.QueryEscape(c.token), next, data)
}
