package routers_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/felixge/httpsnoop"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// handlers are what routers and other middleware do with a response writer.
func handlers(t *testing.T) map[string]http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.GET("/", func(c *gin.Context) {
		n := 0
		c.Stream(func(w io.Writer) bool { n++; fmt.Fprintf(w, "part %d\n", n); return n < 5 })
	})
	e := echo.New()
	e.GET("/", func(c echo.Context) error {
		c.Response().WriteHeader(201)
		for i := range 3 {
			fmt.Fprintf(c.Response(), "part %d\n", i)
			c.Response().Flush()
		}
		return nil
	})
	r := chi.NewRouter()
	r.Use(chimiddleware.Compress(5, "text/plain"), chimiddleware.Recoverer)
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, strings.Repeat("chi ", 5000))
	})
	snooped := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := httpsnoop.CaptureMetrics(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, strings.NewReader(strings.Repeat("s", 100_000))) // by ReadFrom over HTTP/1.1
		}), w, r)
		if m.Written != 100_000 || m.Code != 200 {
			t.Errorf("httpsnoop saw %+v", m)
		}
	})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(203)
		for i := range 3 {
			fmt.Fprintf(w, "proxied %d\n", i)
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set("Sum", "3")
	}))
	t.Cleanup(backend.Close)
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]http.Handler{
		"gin streams": g, "echo flushes": e, "chi compresses": r, "httpsnoop measures": snooped, "a reverse proxy": httputil.NewSingleHostReverseProxy(target),
		"hijacks": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil { // HTTP/2
				w.WriteHeader(505)
				return
			}
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.1 299 Mine\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine")
			_ = rw.Flush()
		}),
		"deadlines": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			if err := c.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Error(err)
			}
			fmt.Fprint(w, c.EnableFullDuplex())
		}),
		"writes nothing": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		"writes to a 204": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(204)
			_, err := w.Write([]byte("x"))
			fmt.Fprint(io.Discard, err)
		}),
		"two headers": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202); w.WriteHeader(500) }),
		"serves a file part": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=2-5")
			http.ServeContent(w, r, "x.txt", time.Unix(1e9, 0), strings.NewReader("0123456789"))
		}),
		"which interfaces": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, flusher := w.(http.Flusher)
			_, hijacker := w.(http.Hijacker)
			_, pusher := w.(http.Pusher)
			//lint:ignore SA1019 gin asks for it
			_, closer := w.(http.CloseNotifier)
			_, reader := w.(io.ReaderFrom)
			fmt.Fprint(w, flusher, hijacker, pusher, closer, reader)
		}),
	}
}

// wire is what a client gets.
type wire struct {
	Proto           string
	Status          int
	Header, Trailer http.Header
	Encoding        []string
	Body            string
}

// The client gets the same response with the middleware and without it, over HTTP/1.1 and
// HTTP/2, whatever router or other middleware is within.
func TestResponsesAreTheSame(t *testing.T) {
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	all := handlers(t)
	maps.Copy(all, gateways(t))
	for name, h := range all {
		for _, two := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", HTTP/2 ", two), func(t *testing.T) {
				bare, watched := ask(t, h, two), ask(t, middleware.New(m)(h), two)
				if diff := cmp.Diff(bare, watched); diff != "" {
					t.Errorf("(-without +with the middleware):\n%s", diff)
				}
			})
		}
	}
}

func ask(t *testing.T, h http.Handler, two bool) (got wire) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = two
	s.Config.ErrorLog = nil
	s.StartTLS()
	defer s.Close()
	request, err := http.NewRequest("GET", s.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(bufio.NewReader(response.Body))
	if err != nil {
		t.Fatal(err)
	}
	if response.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	response.Header.Del("Date")
	return wire{response.Proto, response.StatusCode, response.Header, response.Trailer, response.TransferEncoding, string(body)}
}
