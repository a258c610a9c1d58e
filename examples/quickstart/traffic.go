package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"time"
)

// traffic is a crowd of customers: the rate at which they come follows a day of four
// minutes, busy at noon and quiet at night.
type traffic struct {
	base   string
	cancel context.CancelFunc
	done   sync.WaitGroup
}

const (
	numCustomers = 64
	dayLength    = 4 * time.Minute
	meanRate     = 80.0 // requests a second
	dayNight     = 0.35 // how much more by day and less by night
)

func startTraffic(base string) (*traffic, error) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &traffic{base: base, cancel: cancel}
	transport := &http.Transport{MaxIdleConnsPerHost: numCustomers}
	wanted := make(chan int, numCustomers)
	for i := range numCustomers {
		jar, err := cookiejar.New(nil)
		if err != nil {
			cancel()
			return nil, err
		}
		c := &customer{
			base:   base,
			client: &http.Client{Transport: transport, Jar: jar, Timeout: 10 * time.Second},
			name:   fmt.Sprintf("customer-%d", i),
			org:    []string{"acme", "globex", "initech"}[i%3],
			order:  1,
		}
		t.done.Go(func() {
			c.login(ctx)
			for n := range wanted {
				c.visit(ctx, n)
			}
		})
	}
	t.done.Go(func() {
		defer close(wanted)
		defer transport.CloseIdleConnections()
		t.pace(ctx, wanted)
	})
	return t, nil
}

// pace asks for requests at the day's rate; what no customer is free for is not made.
func (t *traffic) pace(ctx context.Context, wanted chan<- int) {
	const tick = 20 * time.Millisecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	start, due := time.Now(), 0.0
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		day := 2 * math.Pi * time.Since(start).Seconds() / dayLength.Seconds()
		for due += meanRate * (1 + dayNight*math.Sin(day)) * tick.Seconds(); due >= 1; due-- {
			select {
			case wanted <- n:
				n++
			default:
			}
		}
	}
}

func (t *traffic) close() {
	t.cancel()
	t.done.Wait()
}

// customer is one of them, with a session of its own.
type customer struct {
	base, name, org string
	client          *http.Client
	order           int
}

func (c *customer) login(ctx context.Context) {
	c.send(ctx, http.MethodPost, "/login", url.Values{"user": {c.name}, "organization": {c.org}})
}

// visit makes the n-th request of the crowd: of twenty, three pay.
func (c *customer) visit(ctx context.Context, n int) {
	switch n % 20 {
	case 3, 10, 17:
		c.send(ctx, http.MethodPost, fmt.Sprintf("/orders/%d/pay", c.order), nil)
	case 1, 8, 14:
		c.order = n + 1
		c.send(ctx, http.MethodPost, "/orders", url.Values{"product": {fmt.Sprint(1 + rand.IntN(numProducts))}})
	case 5:
		c.send(ctx, http.MethodGet, "/reports/sales", nil)
	case 2, 12:
		c.send(ctx, http.MethodGet, "/orders", nil)
	case 0, 6, 9, 16:
		c.send(ctx, http.MethodGet, "/products", nil)
	default:
		// A few products are looked at much more than others.
		c.send(ctx, http.MethodGet, fmt.Sprintf("/products/%d", 1+int(rand.ExpFloat64()*20)%numProducts), nil)
	}
}

func (c *customer) send(ctx context.Context, method, path string, form url.Values) {
	var request *http.Request
	var err error
	if form != nil {
		path += "?" + form.Encode()
	}
	if request, err = http.NewRequestWithContext(ctx, method, c.base+path, nil); err != nil {
		return
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return // the shop is closing, or too slow for this customer
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
}
