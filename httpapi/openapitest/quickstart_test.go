package openapitest

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/httpapi"
)

// quickstart is the example, running. It prints where its API is.
func quickstart(t *testing.T, token string) (api string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "quickstart")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "../../examples/quickstart"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	cmd := exec.Command(program, "-addr", "127.0.0.1:0", "-token", token, "-step", "200ms", "-interval", "400ms")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	in := bufio.NewScanner(out)
	for in.Scan() {
		if name, link, _ := strings.Cut(in.Text(), " "); name == "dashboard" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			url, _, _ := strings.Cut(strings.TrimSpace(link), "#")
			return url
		}
	}
	t.Fatal("the quickstart does not say where its API is")
	return ""
}

// Every answer of the quickstart, with its live traffic, is as it is described.
func TestQuickstartIsAsDescribed(t *testing.T) {
	const token = "0123456789abcdef"
	api := strings.TrimSuffix(quickstart(t, token), "/")
	if !strings.HasSuffix(api+"/", httpapi.DefaultPrefix) {
		t.Fatal(api)
	}
	do := func(method, path string) *httptest.ResponseRecorder {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, api+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		w := httptest.NewRecorder()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		if _, err := io.Copy(w, resp.Body); err != nil {
			t.Fatal(err)
		}
		return w
	}
	d := described{raw: do("GET", "/openapi.json").Body.Bytes()}
	if err := json.Unmarshal(d.raw, &d); err != nil {
		t.Fatal(err)
	}
	c := newChecker(t, d)
	for waited := 0; ; waited++ { // until there is something to look at
		var body struct {
			Endpoints []any `json:"endpoints"`
			Series    struct {
				Times []any `json:"times"`
			} `json:"series"`
		}
		if err := json.Unmarshal(do("GET", "/dashboard/").Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if len(body.Endpoints) > 3 && len(body.Series.Times) > 10 {
			break
		}
		if waited == 300 {
			t.Fatalf("%d endpoints, %d points in 30 s", len(body.Endpoints), len(body.Series.Times))
		}
		time.Sleep(100 * time.Millisecond) // another process goes by its own clock
	}
	asked := 0
	for call, op := range c.calls {
		method, path, _ := strings.Cut(call, " ")
		required := false // it needs to be told what
		for _, p := range op.Parameters {
			required = required || p.Required
		}
		if method != "GET" || strings.Contains(path, "{id}") || required {
			continue
		}
		if call == stream {
			method = "HEAD" // GET would go on
		}
		w := do(method, path)
		if w.Code != http.StatusOK {
			t.Errorf("%s answers %d: %s", call, w.Code, w.Body)
		}
		c.check(call, w)
		asked++
	}
	for _, query := range []string{"/dashboard/?alerts=true&trends=true", "/reports/?type=detailed", "/reports/?format=csv", "/reports/?format=html"} {
		path, _, _ := strings.Cut(query, "?")
		c.check("GET "+path, do("GET", query))
	}
	if asked < 12 {
		t.Errorf("%d calls were asked", asked)
	}
}
