package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// fetch gets a file of the page as a stranger.
func fetch(h http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Anybody gets the page, under a policy that lets it do nothing but use its own files and
// the API.
func TestPage(t *testing.T) {
	s := serve(t)
	for path, kind := range map[string]string{
		"": "text/html; charset=utf-8", "page/app.js": "text/javascript; charset=utf-8", "page/app.css": "text/css; charset=utf-8",
	} {
		w := fetch(s.api, "GET", httpapi.DefaultPrefix+path, nil)
		want := map[string]string{
			"Content-Type":  kind,
			"Cache-Control": "no-cache",
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
				"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Vary":                         "Accept-Encoding",
		}
		got := map[string]string{}
		for name := range want {
			got[name] = w.Header().Get(name)
		}
		if diff := cmp.Diff(want, got); diff != "" || w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%q: %d, %d bytes (-want +got):\n%s", path, w.Code, w.Body.Len(), diff)
		}
		if policy := w.Header().Get("Permissions-Policy"); !strings.Contains(policy, "camera=()") {
			t.Errorf("%q: Permissions-Policy is %q", path, policy)
		}
		head := fetch(s.api, "HEAD", httpapi.DefaultPrefix+path, nil)
		if diff := cmp.Diff(w.Header(), head.Header()); diff != "" || head.Code != 200 || head.Body.Len() != 0 {
			t.Errorf("%q: HEAD answers %d with %d bytes (-GET +HEAD):\n%s", path, head.Code, head.Body.Len(), diff)
		}
	}
}

// The page needs no authorizer either: it says what the calls say.
func TestPageWithoutAuthorizer(t *testing.T) {
	s := serve(t)
	api, err := httpapi.New(s.Monitor)
	if err != nil {
		t.Fatal(err)
	}
	if w := fetch(api, "GET", httpapi.DefaultPrefix, nil); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A client that has a file already gets it again only when it is another one, and
// compressed where it takes that.
func TestPageIsRevalidated(t *testing.T) {
	files := fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>1</title>")}}
	s := serve(t)
	changed, err := httpapi.New(s.Monitor, httpapi.WithPageFiles(files))
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Handler{"embedded": s.api, "from elsewhere": changed} {
		tag := fetch(h, "GET", httpapi.DefaultPrefix, nil).Header().Get("ETag")
		for sent, want := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, `"x"`: 200, "": 200} {
			w := fetch(h, "GET", httpapi.DefaultPrefix, http.Header{"If-None-Match": {sent}})
			if w.Code != want || w.Header().Get("ETag") != tag || (w.Body.Len() == 0) != (want == 304) {
				t.Errorf("%s, If-None-Match %s: %d, %d bytes, %s, want %d", name, sent, w.Code, w.Body.Len(), w.Header().Get("ETag"), want)
			}
		}
	}
	before := fetch(changed, "GET", httpapi.DefaultPrefix, nil).Header().Get("ETag")
	files["index.html"] = &fstest.MapFile{Data: []byte("<!doctype html><title>2</title>")}
	w := fetch(changed, "GET", httpapi.DefaultPrefix, http.Header{"If-None-Match": {before}})
	if w.Code != 200 || !strings.Contains(w.Body.String(), "<title>2") {
		t.Errorf("after a change: %d %s", w.Code, w.Body)
	}
}

func TestPageIsCompressed(t *testing.T) {
	s := serve(t)
	plain := fetch(s.api, "GET", httpapi.DefaultPrefix, nil)
	for accepts, want := range map[string]string{
		"gzip": "gzip", "deflate, GZIP;q=0.5": "gzip", "*": "gzip", "br, *;q=0.1": "gzip", "": "", "br": "", "gzip;q=0": "", "gzip;q=0.000, *": "", "*;q=0": "", "gzip;q=x": "",
	} {
		w := fetch(s.api, "GET", httpapi.DefaultPrefix, http.Header{"Accept-Encoding": {accepts}})
		if w.Header().Get("Content-Encoding") != want {
			t.Errorf("Accept-Encoding %q is answered with %q, want %q", accepts, w.Header().Get("Content-Encoding"), want)
			continue
		}
		if want == "" {
			continue
		}
		if w.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Error("compressed and plain have the same ETag")
		}
		r, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(data, plain.Body.Bytes()) {
			t.Errorf("%v: it unpacks to %s", err, data)
		}
	}
}

// proxied is the API behind a proxy that takes a beginning of the path away and puts
// another one there.
func proxied(t *testing.T, h http.Handler, takes, puts string) http.Handler {
	t.Helper()
	backend := httptest.NewServer(h)
	t.Cleanup(backend.Close)
	to, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(to)
		p.Out.URL.Path = puts + strings.TrimPrefix(p.In.URL.Path, takes)
	}}
}

// A client that leaves out the slash is sent to where it is, wherever that is for the
// client, and finds the files of the page from there.
func TestPageHasASlash(t *testing.T) {
	s := serve(t)
	at := func(prefix string) http.Handler {
		api, err := httpapi.New(s.Monitor, httpapi.WithPrefix(prefix))
		if err != nil {
			t.Fatal(err)
		}
		return api
	}
	mux := http.NewServeMux()
	mux.Handle("/ops/perf", at("/ops/perf"))
	mux.Handle("/ops/perf/", at("/ops/perf"))
	for name, test := range map[string]struct {
		h     http.Handler
		mount string // as the client sees it, without the slash
	}{
		"a mux":                    {mux, "/ops/perf"},
		"a proxy and a mux":        {proxied(t, mux, "/team", ""), "/team/ops/perf"},
		"default":                  {at(httpapi.DefaultPrefix), "/api/monitoring/performance"},
		"custom":                   {at("/ops/perf"), "/ops/perf"},
		"with a colon":             {at("/ops/a:b"), "/ops/a:b"},
		"escaped":                  {at("/ops/a b"), "/ops/a%20b"},
		"stripped":                 {http.StripPrefix("/deep/down", at("/")), "/deep/down"},
		"stripped in part":         {http.StripPrefix("/deep", at("/ops/perf")), "/deep/ops/perf"},
		"a proxy that strips":      {proxied(t, at("/ops/perf"), "/team", ""), "/team/ops/perf"},
		"a proxy with other paths": {proxied(t, at("/ops/perf"), "/team/a", "/ops"), "/team/a/perf"},
		"a proxy and StripPrefix":  {proxied(t, http.StripPrefix("/x", at("/ops/perf")), "/team", "/x"), "/team/ops/perf"},
	} {
		w := fetch(test.h, "GET", test.mount+"?a=b", nil)
		base, err := url.Parse("http://shop.example" + test.mount)
		if err != nil {
			t.Fatal(err)
		}
		to, err := base.Parse(w.Header().Get("Location"))
		if err != nil || w.Code != 308 || to.String() != base.String()+"/?a=b" {
			t.Errorf("%s: %d to %v, %v", name, w.Code, to, err)
			continue
		}
		for _, file := range []string{".", "page/app.js"} {
			path := to.ResolveReference(&url.URL{Path: file}).EscapedPath()
			if w := fetch(test.h, "GET", path, nil); w.Code != 200 || w.Header().Get("Content-Security-Policy") == "" {
				t.Errorf("%s: %s answers %d", name, path, w.Code)
			}
		}
	}
}

// The files of one who changes the page are read anew each time.
func TestPageFiles(t *testing.T) {
	s := serve(t)
	files := fstest.MapFS{"index.html": {Data: []byte("mine")}, "charts/line.js": {Data: []byte("1")}, "secret.key": {Data: []byte("k")}}
	api, err := httpapi.New(s.Monitor, httpapi.WithPageFiles(files))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"": 200, "page/charts/line.js": 200, "page/app.js": 404, "page/secret.key": 404, "page/charts": 404, "page/../x.js": 404} {
		if w := fetch(api, "GET", httpapi.DefaultPrefix+path, nil); w.Code != want {
			t.Errorf("%s: %d, want %d: %s", path, w.Code, want, w.Body)
		}
	}
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string]fstest.MapFS{"page files: nil": nil, "want files with an index.html": {}} {
		option := httpapi.WithPageFiles(files)
		if files == nil {
			option = httpapi.WithPageFiles(nil)
		}
		if _, err := httpapi.New(m, option); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Names that no file can have are not found, in a folder of the machine too, and nothing is
// logged of them. A file that cannot be read is a failure.
func TestPageFilesOfAFolder(t *testing.T) {
	s := serve(t)
	dir := t.TempDir()
	for _, name := range []string{"index.html", "a.js", "broken.js"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.js"), 0o700); err != nil {
		t.Fatal(err)
	}
	logged := make(chan string, 1)
	log := slog.New(slog.NewTextHandler(lines(logged), nil))
	api, err := httpapi.New(s.Monitor, httpapi.WithPageFiles(unreadable{os.DirFS(dir), "broken.js"}), httpapi.WithLogger(log))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{
		"a.js": 200, "b.js": 404, "folder.js": 404, "a.js/b.js": 404, "folder.js/b.js": 404, strings.Repeat("a", 300) + ".js": 404,
		strings.Repeat("a/", 3000) + "a.js": 404, "a%00.js": 404, "..%2fa.js": 404, "%ff.js": 404, "a.js%2f": 200, "%5ca.js": 404,
	} {
		r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"page/"+name, nil)
		w := httptest.NewRecorder()
		if api.ServeHTTP(w, r); w.Code != want {
			t.Errorf("page/%.20s: %d, want %d", name, w.Code, want)
		}
	}
	if len(logged) > 0 {
		t.Errorf("it is logged: %s", <-logged)
	}
	r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"page/broken.js", nil)
	w := httptest.NewRecorder()
	if api.ServeHTTP(w, r); w.Code != 500 {
		t.Errorf("a file that cannot be read: %d", w.Code)
	}
	receive(t, logged)
}

// unreadable is a file system with a file that cannot be read.
type unreadable struct {
	fs.FS
	name string
}

func (u unreadable) Open(name string) (fs.File, error) {
	if name == u.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("the disk is broken")}
	}
	return u.FS.Open(name)
}
