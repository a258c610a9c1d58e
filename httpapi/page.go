package httpapi

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/httpapi/page"
)

// dashboardPolicy lets the page use its own files and its own API, and nothing else: no
// script or style inside of HTML, nothing from elsewhere, no page around it.
const dashboardPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// WithPageFiles serves the dashboard page from these files instead of the embedded ones,
// to change the page without a rebuild: each is read anew whenever it is asked for. They
// need an index.html; the page names the others relative to the mount, as page/NAME.
func WithPageFiles(files fs.FS) Option {
	return func(a *API) error {
		if files == nil {
			return wrong("page files", "nil", "an fs.FS such as os.DirFS(\"httpapi/page/static\")")
		}
		if _, err := page.Read(files, page.Index); err != nil {
			return wrong("page files", quote(err.Error()), "files with an "+page.Index)
		}
		a.pageFiles = files
		return nil
	}
}

// index answers with the dashboard page. The URLs in it are relative, so its own has to end
// with a slash.
func (a *API) index(r *request) (answer, error) {
	if to, bare := withSlash(r.Request); bare {
		return redirect(to), nil
	}
	return a.pageAnswer(page.Index)
}

// pageFile answers with another file of the page.
func (a *API) pageFile(r *request) (answer, error) {
	if r.id == page.Index {
		return nil, notFound("file", r.id) // its URLs would be wrong there
	}
	return a.pageAnswer(r.id)
}

func (a *API) pageAnswer(name string) (answer, error) {
	if a.pageFiles == nil {
		if f := page.Embedded()[name]; f != nil {
			return pageAnswer{f}, nil
		}
		return nil, notFound("file", name)
	}
	f, err := page.Read(a.pageFiles, name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return nil, notFound("file", name)
	case err != nil && !hasFile(a.pageFiles, name): // a folder, or a name that no file can have
		return nil, notFound("file", name)
	case err != nil:
		return nil, err
	}
	return pageAnswer{f}, nil
}

// hasFile reports whether there is a file of that name. File systems give errors of their
// own for names that are too long or lead through a file.
func hasFile(files fs.FS, name string) bool {
	list, err := fs.ReadDir(files, path.Dir(name))
	return err == nil && slices.ContainsFunc(list, func(e fs.DirEntry) bool { return e.Name() == path.Base(name) && !e.IsDir() })
}

// withSlash returns where the mount is for a client that left out the slash at its end: a
// reference relative to what the client sent, which is right behind a proxy that takes the
// beginning of a path away.
func withSlash(r *http.Request) (to string, bare bool) {
	sent, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		sent = r.URL
	}
	whole := sent.EscapedPath()
	if whole == "" || strings.HasSuffix(whole, "/") {
		return "", false
	}
	to = "./" + path.Base(whole) + "/"
	if sent.RawQuery != "" {
		to += "?" + sent.RawQuery
	}
	return to, true
}

// redirect sends a client to a relative reference. http.Redirect would make it absolute by
// the path that a proxy has changed.
type redirect string

func (to redirect) write(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", string(to))
	w.WriteHeader(http.StatusPermanentRedirect)
}

// pageAnswer is a file of the page. Clients may keep it, and have to ask whether it is
// still the same.
type pageAnswer struct{ *page.File }

func (f pageAnswer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Security-Policy", dashboardPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	data, tag := f.Data, f.Hash
	if f.Gzip != nil && takesGzip(r.Header.Values("Accept-Encoding")) {
		data, tag = f.Gzip, f.Hash+"-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+tag+`"`)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}
