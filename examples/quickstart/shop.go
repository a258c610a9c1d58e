package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the database driver "sqlite"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sqltime"
)

// shop is the service that is monitored.
type shop struct {
	m        *perfmon.Monitor
	db       *sql.DB
	dir      string // of the database's file
	jobs     *queue
	sessions sessions
	products cache
	payments string // URL of the provider
	client   *http.Client
}

const numProducts = 200

func openShop(m *perfmon.Monitor, jobs *queue, payments string) (*shop, error) {
	dir, err := os.MkdirTemp("", "perfmon-quickstart-")
	if err != nil {
		return nil, err
	}
	s := &shop{
		m: m, dir: dir, jobs: jobs, payments: payments,
		sessions: sessions{users: map[string]user{}},
		products: cache{m: m, entries: map[int]entry{}},
		client:   &http.Client{Timeout: 5 * time.Second},
	}
	dsn := "file:" + filepath.Join(dir, "shop.db") + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
	s.db, err = sqltime.Open(m, "sqlite", dsn)
	if err == nil {
		s.db.SetMaxOpenConns(8)
		err = errors.Join(s.createTables(), s.warmUp(), m.Metrics().AddCollector(perfmon.DatabasePool(s.db)))
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	jobs.start(s.sendInvoice)
	return s, nil
}

func (s *shop) createTables() error {
	_, err := s.db.Exec(`
		CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL);
		CREATE TABLE orders (id INTEGER PRIMARY KEY, user TEXT NOT NULL, product INTEGER NOT NULL, paid BOOLEAN NOT NULL DEFAULT FALSE);
		CREATE INDEX orders_user ON orders (user);
		CREATE TABLE invoices (order_id INTEGER NOT NULL);
	`)
	if err != nil {
		return err
	}
	for id := 1; id <= numProducts; id++ {
		if _, err := s.db.Exec(`INSERT INTO products VALUES (?, ?, ?)`, id, fmt.Sprintf("product %d", id), 100+37*id); err != nil {
			return err
		}
	}
	return nil
}

// warmUp fills the cache, so that the shop does not open with a cold one.
func (s *shop) warmUp() error {
	for id := 1; id <= numProducts; id++ {
		if _, err := s.products.get(id, func() (product, error) { return s.product(context.Background(), id) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *shop) product(ctx context.Context, id int) (p product, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT id, name, cents FROM products WHERE id = ?`, id).Scan(&p.ID, &p.Name, &p.Cents)
	return p, err
}

func (s *shop) close() error {
	s.jobs.close()
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *shop) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("GET /products", s.listProducts)
	mux.HandleFunc("GET /products/{id}", s.showProduct)
	mux.HandleFunc("GET /orders", s.listOrders)
	mux.HandleFunc("POST /orders", s.order)
	mux.HandleFunc("POST /orders/{id}/pay", s.pay)
	mux.HandleFunc("GET /reports/sales", s.salesReport)
	return mux
}

type product struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Cents int    `json:"cents"`
}

func (s *shop) listProducts(w http.ResponseWriter, r *http.Request) {
	rows, err := s.db.QueryContext(r.Context(), `SELECT id, name, cents FROM products ORDER BY id LIMIT 20`)
	if err != nil {
		fail(w, err)
		return
	}
	defer func() { _ = rows.Close() }()
	list := []product{}
	for rows.Next() {
		var p product
		if err := rows.Scan(&p.ID, &p.Name, &p.Cents); err != nil {
			fail(w, err)
			return
		}
		list = append(list, p)
	}
	reply(w, http.StatusOK, list)
}

func (s *shop) showProduct(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.Error(w, "no such product", http.StatusNotFound)
		return
	}
	p, err := s.products.get(id, func() (product, error) { return s.product(r.Context(), id) })
	switch {
	case errors.Is(err, sql.ErrNoRows):
		http.Error(w, "no such product", http.StatusNotFound)
	case err != nil:
		fail(w, err)
	default:
		reply(w, http.StatusOK, p)
	}
}

func (s *shop) listOrders(w http.ResponseWriter, r *http.Request) {
	u, ok := s.signedIn(w, r)
	if !ok {
		return
	}
	var orders, paid int
	err := s.db.QueryRowContext(r.Context(), `SELECT count(*), coalesce(sum(paid), 0) FROM orders WHERE user = ?`, u.name).Scan(&orders, &paid)
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]int{"orders": orders, "paid": paid})
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	u, ok := s.signedIn(w, r)
	if !ok {
		return
	}
	id, err := strconv.Atoi(r.FormValue("product"))
	if err != nil || id < 1 || id > numProducts {
		http.Error(w, "product: want the number of a product", http.StatusBadRequest)
		return
	}
	result, err := s.db.ExecContext(r.Context(), `INSERT INTO orders (user, product) VALUES (?, ?)`, u.name, id)
	if err != nil {
		fail(w, err)
		return
	}
	order, err := result.LastInsertId()
	if err != nil {
		fail(w, err)
		return
	}
	if !s.jobs.add(order) {
		http.Error(w, "too many orders at present", http.StatusServiceUnavailable)
		return
	}
	reply(w, http.StatusCreated, map[string]int64{"order": order})
}

// pay charges the customer at the provider: what goes wrong there goes wrong here.
func (s *shop) pay(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.signedIn(w, r); !ok {
		return
	}
	charge, err := http.NewRequestWithContext(r.Context(), http.MethodPost, s.payments, bytes.NewReader(nil))
	if err != nil {
		fail(w, err)
		return
	}
	answer, err := s.client.Do(charge)
	if err != nil {
		http.Error(w, "the payment provider does not answer", http.StatusBadGateway)
		return
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		http.Error(w, "the payment provider refused", http.StatusBadGateway)
		return
	}
	if _, err := s.db.ExecContext(r.Context(), `UPDATE orders SET paid = TRUE WHERE id = ?`, r.PathValue("id")); err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]bool{"paid": true})
}

// salesReport looks at every order, and so takes longer the longer the shop runs.
func (s *shop) salesReport(w http.ResponseWriter, r *http.Request) {
	var orders, cents int64
	err := s.db.QueryRowContext(r.Context(), `
		SELECT count(*), coalesce(sum(p.cents), 0) FROM orders o JOIN products p ON p.id = o.product WHERE o.paid`).Scan(&orders, &cents)
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]int64{"orders": orders, "cents": cents})
}

// sendInvoice is the work that the queue does in the background.
func (s *shop) sendInvoice(order int64) {
	_, _ = s.db.ExecContext(context.Background(), `INSERT INTO invoices VALUES (?)`, order)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func fail(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// cache keeps products for a while.
type cache struct {
	m       *perfmon.Monitor
	mu      sync.Mutex
	entries map[int]entry
}

type entry struct {
	p     product
	until time.Time
}

func (c *cache) get(id int, load func() (product, error)) (product, error) {
	c.mu.Lock()
	e, ok := c.entries[id]
	c.mu.Unlock()
	if ok && time.Now().Before(e.until) {
		c.m.RecordCacheHit()
		return e.p, nil
	}
	c.m.RecordCacheMiss()
	p, err := load()
	if err == nil {
		c.mu.Lock()
		c.entries[id] = entry{p, time.Now().Add(30*time.Second + rand.N(30*time.Second))} // not all at once
		c.mu.Unlock()
	}
	return p, err
}

// queue is a bounded queue of orders and the workers that work it off.
type queue struct {
	ch   chan int64
	work sync.WaitGroup
	once sync.Once
}

func newQueue(n int) *queue { return &queue{ch: make(chan int64, n)} }

func (q *queue) size() int { return len(q.ch) }

func (q *queue) add(order int64) bool {
	select {
	case q.ch <- order:
		return true
	default:
		return false
	}
}

func (q *queue) start(do func(int64)) {
	for range 2 {
		q.work.Go(func() {
			for order := range q.ch {
				do(order)
			}
		})
	}
}

func (q *queue) close() {
	q.once.Do(func() { close(q.ch) })
	q.work.Wait()
}
