package httpapi_test

import (
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/httpapi"
)

const tokenBody = `{"token":"` + token + `"}`

// ask makes a request with a body of JSON and some headers, and reads the answer.
func ask(t testing.TB, h http.Handler, method, path, body string, header http.Header) answer {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			t.Fatalf("%s %s answers %d with no JSON: %s", method, path, w.Code, w.Body)
		}
	}
	return a
}

// signIn returns the header with the cookie that a token is taken for.
func signIn(t testing.TB, h http.Handler) http.Header {
	t.Helper()
	a := ask(t, h, "POST", httpapi.DefaultPrefix+"session", tokenBody, nil)
	if a.status != 201 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	pair, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return http.Header{"Cookie": {pair}}
}

// A principal learns who it is, and what the page may offer it.
func TestSession(t *testing.T) {
	s := serve(t)
	for as, want := range map[string]map[string]any{
		"root": {"name": "root", "super_admin": true, "can_change": true, "signs_in": false},
		"acme": {"name": "admin of acme", "super_admin": false, "organization_id": "acme", "can_change": false, "signs_in": false},
	} {
		a := s.do(as, "GET", "session/", "")
		if diff := cmp.Diff(want, a.body); diff != "" || a.status != 200 {
			t.Errorf("%s: %d (-want +got):\n%s", as, a.status, diff)
		}
	}
	if a := s.do("", "GET", "session/", ""); a.status != 401 || strings.Contains(a.raw, "sign_in") {
		t.Errorf("%d %s", a.status, a.raw)
	}
	for _, method := range []string{"POST", "DELETE"} { // the service has sessions of its own
		body := ""
		if method == "POST" {
			body = tokenBody
		}
		if a := s.do("root", method, "session", body); a.status != 404 || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s %v", method, a.status, a.raw, a.header)
		}
	}
}

// The token is taken for a cookie that signs in for 12 h.
func TestSignIn(t *testing.T) {
	_, mock, api := still(t, httpapi.WithBearerToken(token))
	at := httpapi.DefaultPrefix
	if a := ask(t, api, "GET", at+"session/", "", nil); a.status != 401 || a.body["sign_in"] != "token" {
		t.Errorf("a stranger is not told how to sign in: %d %s", a.status, a.raw)
	}
	a := ask(t, api, "POST", at+"session", tokenBody, nil)
	want := map[string]any{
		"name": "token", "super_admin": true, "can_change": true, "signs_in": true,
		"expires_at": mock.Now().Add(12 * time.Hour).UTC().Format(time.RFC3339),
	}
	if diff := cmp.Diff(want, a.body); diff != "" || a.status != 201 {
		t.Fatalf("%d (-want +got):\n%s", a.status, diff)
	}
	pair, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	signed := http.Header{"Cookie": {"other=1; " + pair}}
	if a := ask(t, api, "GET", at+"session/", "", signed); a.status != 200 || cmp.Diff(want, a.body) != "" {
		t.Errorf("%d %s", a.status, a.raw)
	}
	delete(want, "expires_at")
	if a := ask(t, api, "GET", at+"session/", "", http.Header{"Authorization": {"Bearer " + token}, "Cookie": {pair}}); cmp.Diff(want, a.body) != "" {
		t.Errorf("with the token as a header: %d %s", a.status, a.raw)
	}
	for name, test := range map[string]struct {
		header http.Header
		want   int
	}{
		"the cookie":                     {signed, 200},
		"of a proxy, and the cookie":     {http.Header{"Authorization": {"Basic eDp5"}, "Cookie": {pair}}, 200},
		"a wrong token beside it":        {http.Header{"Authorization": {"Bearer x" + token}, "Cookie": {pair}}, 401},
		"an older one before it":         {http.Header{"Cookie": {strings.Replace(pair, "=", "=x", 1) + "; " + pair}}, 200},
		"a cookie that was cut":          {http.Header{"Cookie": {pair[:len(pair)-1]}}, 401},
		"a cookie that was added to":     {http.Header{"Cookie": {pair + "A"}}, 401},
		"a cookie that was altered":      {http.Header{"Cookie": {altered(pair)}}, 401},
		"a cookie of another name":       {http.Header{"Cookie": {"x" + pair}}, 401},
		"the token as the cookie":        {http.Header{"Cookie": {pair[:strings.Index(pair, "=")+1] + token}}, 401},
		"nothing":                        {nil, 401},
		"an empty cookie of that name":   {http.Header{"Cookie": {pair[:strings.Index(pair, "=")+1]}}, 401},
		"the cookie's value as a bearer": {http.Header{"Authorization": {"Bearer " + pair[strings.Index(pair, "=")+1:]}}, 401},
	} {
		if a := ask(t, api, "GET", at+"health/", "", test.header); a.status != test.want {
			t.Errorf("%s: %d, want %d", name, a.status, test.want)
		}
	}
	mock.Add(12*time.Hour - time.Second)
	if a := ask(t, api, "GET", at+"health/", "", signed); a.status != 200 {
		t.Errorf("after 11:59:59 h: %d", a.status)
	}
	mock.Add(time.Second)
	if a := ask(t, api, "GET", at+"health/", "", signed); a.status != 401 {
		t.Errorf("after 12 h: %d", a.status)
	}
}

// altered changes the first character of a cookie's value, which is part of its end.
func altered(pair string) string {
	at := strings.Index(pair, "=") + 1
	return pair[:at] + "B" + pair[at+1:]
}

// A cookie outlives a restart with the same token, and dies with the token. A clock that
// is set back makes it live no longer.
func TestCookiesFollowTheToken(t *testing.T) {
	_, mock, api := still(t, httpapi.WithBearerToken(token))
	signed := signIn(t, api)
	_, restarted, again := still(t, httpapi.WithBearerToken(token))
	restarted.Set(mock.Now())
	if a := ask(t, again, "GET", httpapi.DefaultPrefix+"health/", "", signed); a.status != 200 {
		t.Errorf("after a restart: %d", a.status)
	}
	_, _, other := still(t, httpapi.WithBearerToken(token+"x"))
	named := http.Header{"Cookie": {renamed(signed, cookieName(t, other, token+"x"))}}
	for name, header := range map[string]http.Header{"its name": signed, "the other name": named} {
		if a := ask(t, other, "GET", httpapi.DefaultPrefix+"health/", "", header); a.status != 401 {
			t.Errorf("with another token, %s: %d", name, a.status)
		}
	}
	for behind, want := range map[time.Duration]int{
		time.Second / 2: 200, 5 * time.Minute: 200, // a replica whose clock is behind
		5*time.Minute + time.Second: 401, 24 * time.Hour: 401, // one that was set back
	} {
		restarted.Set(mock.Now().Add(-behind))
		if a := ask(t, again, "GET", httpapi.DefaultPrefix+"health/", "", signed); a.status != want {
			t.Errorf("with a clock that is %v behind: %d, want %d", behind, a.status, want)
		}
	}
}

// cookieName returns the name of the cookie that an API with another token gives.
func cookieName(t *testing.T, h http.Handler, token string) string {
	t.Helper()
	a := ask(t, h, "POST", httpapi.DefaultPrefix+"session", `{"token":"`+token+`"}`, nil)
	name, _, ok := strings.Cut(a.header.Get("Set-Cookie"), "=")
	if !ok {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	return name
}

func renamed(signed http.Header, name string) string {
	_, value, _ := strings.Cut(signed.Get("Cookie"), "=")
	return name + "=" + value
}

// No script can read the cookie, no other site can use it, and where the request came over
// TLS it goes over TLS alone. It has no path: the browser's own is the mount.
func TestCookieAttributes(t *testing.T) {
	_, _, api := still(t, httpapi.WithBearerToken(token))
	for name, test := range map[string]struct {
		tls       bool
		forwarded string
		want      string
	}{
		"plain":                    {false, "", "Max-Age=43200; HttpOnly; SameSite=Strict"},
		"TLS":                      {true, "", "Max-Age=43200; HttpOnly; Secure; SameSite=Strict"},
		"TLS at a proxy":           {false, "https", "Max-Age=43200; HttpOnly; Secure; SameSite=Strict"},
		"TLS at the first of two":  {false, "https, http", "Max-Age=43200; HttpOnly; Secure; SameSite=Strict"},
		"TLS at both":              {false, "HTTPS,https", "Max-Age=43200; HttpOnly; Secure; SameSite=Strict"},
		"TLS between proxies":      {false, "http, https", "Max-Age=43200; HttpOnly; SameSite=Strict"},
		"no TLS at a proxy":        {false, "http", "Max-Age=43200; HttpOnly; SameSite=Strict"},
		"TLS behind plain proxies": {true, "http", "Max-Age=43200; HttpOnly; Secure; SameSite=Strict"},
	} {
		r := httptest.NewRequest("POST", httpapi.DefaultPrefix+"session", strings.NewReader(tokenBody))
		r.Header.Set("Content-Type", "application/json")
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-Proto", test.forwarded)
		}
		if test.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		pair, attributes, _ := strings.Cut(w.Header().Get("Set-Cookie"), "; ")
		if attributes != test.want || !strings.HasPrefix(pair, "perfmon_") {
			t.Errorf("%s: %q, want %q", name, w.Header().Get("Set-Cookie"), test.want)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the cookie may be kept by a cache", name)
		}
	}
	a := ask(t, api, "DELETE", httpapi.DefaultPrefix+"session", "", nil)
	if set := a.header.Get("Set-Cookie"); a.status != 204 || !strings.Contains(set, "=; Max-Age=0; HttpOnly; SameSite=Strict") {
		t.Errorf("signing out: %d %q", a.status, set)
	}
}

// A browser sends the cookie to the mount and what is below it, and nowhere else, whatever
// the mount is to the browser: also behind a proxy that takes a part of the path away.
func TestCookiePath(t *testing.T) {
	at := func(prefix string) http.Handler {
		_, _, api := still(t, httpapi.WithBearerToken(token), httpapi.WithPrefix(prefix))
		return api
	}
	for name, test := range map[string]struct {
		h     http.Handler
		mount string // as the browser sees it
	}{
		"default":                 {at(httpapi.DefaultPrefix), "/api/monitoring/performance/"},
		"custom":                  {at("/ops/perf"), "/ops/perf/"},
		"at the root":             {at("/"), "/"},
		"stripped":                {http.StripPrefix("/deep/down", at("/")), "/deep/down/"},
		"a proxy that strips":     {proxied(t, at("/perf"), "/team", ""), "/team/perf/"},
		"a proxy that strips all": {proxied(t, at("/"), "/team/perf", ""), "/team/perf/"},
	} {
		for _, path := range []string{"session", "session/"} {
			server := listen(t, test.h, false, nil)
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			browser := http.Client{Jar: jar}
			do := func(method, path, body string) int {
				t.Helper()
				r, err := http.NewRequest(method, server.URL+test.mount+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				resp, err := browser.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				return resp.StatusCode
			}
			cookies := func(path string) int {
				u, err := url.Parse(server.URL + path)
				if err != nil {
					t.Fatal(err)
				}
				return len(jar.Cookies(u))
			}
			got := []int{
				do("GET", "health/", ""), do("POST", path, tokenBody), do("GET", "health/", ""), do("GET", "alerts/x/", ""), do("GET", "session", ""),
				cookies(test.mount), cookies("/other/"), do("DELETE", path, ""), do("GET", "health/", ""), cookies(test.mount),
			}
			other := 0
			if test.mount == "/" {
				other = 1 // everything is below it
			}
			if diff := cmp.Diff([]int{401, 201, 200, 404, 200, 1, other, 204, 401, 0}, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, path, diff)
			}
		}
	}
}

// Mounts on one host sign in and out on their own, one below the other as well, whether
// they have the same token or not.
func TestMountsOfOneHost(t *testing.T) {
	const a, b = "token-of-a-0123456789", "token-of-b-0123456789"
	t.Run("two tokens", func(t *testing.T) { testMounts(t, a, b) })
	t.Run("one token", func(t *testing.T) { testMounts(t, a, a) })
}

func testMounts(t *testing.T, tokenOfA, tokenOfB string) {
	mux := http.NewServeMux()
	for prefix, token := range map[string]string{"/a/": tokenOfA, "/a/b/": tokenOfB, "/c/": tokenOfB} {
		_, _, api := still(t, httpapi.WithBearerToken(token), httpapi.WithPrefix(prefix))
		mux.Handle(prefix, api)
	}
	server := listen(t, mux, false, nil)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{Jar: jar}
	do := func(method, path, body string) int {
		t.Helper()
		r, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	all := func() []int {
		return []int{do("GET", "/a/health", ""), do("GET", "/a/b/health", ""), do("GET", "/c/health", "")}
	}
	for _, step := range []struct {
		method, path, body string
		status             int
		then               []int
	}{
		{"POST", "/a/session", `{"token":"` + tokenOfA + `"}`, 201, []int{200, 401, 401}},
		{"POST", "/a/b/session", `{"token":"` + tokenOfB + `"}`, 201, []int{200, 200, 401}},
		{"POST", "/c/session", `{"token":"` + tokenOfB + `"}`, 201, []int{200, 200, 200}},
		{"DELETE", "/a/b/session", "", 204, []int{200, 401, 200}},
		{"DELETE", "/a/session", "", 204, []int{401, 401, 200}},
	} {
		status := do(step.method, step.path, step.body)
		if diff := cmp.Diff(step.then, all()); diff != "" || status != step.status {
			t.Errorf("%s %s: %d (-want +got):\n%s", step.method, step.path, status, diff)
		}
	}
}

// Bad bodies get a problem that names what is wrong, and nothing repeats a token or writes
// it into the log.
func TestTokensAreNotTold(t *testing.T) {
	logged := make(chan string, 100)
	_, mock, api := still(t, httpapi.WithBearerToken(token), httpapi.WithLogger(slog.New(slog.NewTextHandler(lines(logged), nil))))
	const almost = "0123456789abcdee"
	for body, test := range map[string]struct {
		status    int
		parameter string
	}{
		`{"token":"` + almost + `"}`:                        {401, "token"},
		`{"token":" ` + almost + `\n"}`:                     {401, "token"},
		`{"token":["` + almost + `"]}`:                      {400, "token"},
		`{"token":123456789}`:                               {400, "token"},
		`{"token":null}`:                                    {400, "token"},
		`{}`:                                                {400, "token"},
		`"` + almost + `"`:                                  {400, "body"},
		`["` + almost + `"]`:                                {400, "body"},
		`{"token":"` + almost + `"`:                         {400, "body"},
		`{"token":"` + almost + `"} ` + almost:              {400, "body"},
		`{"token":"` + almost + `","token":"x"}`:            {400, "token"},
		`{"Token":"` + almost + `"}`:                        {400, "Token"},
		`{"token":"` + almost + `","name":"x"}`:             {400, "name"},
		"{\"token\":\"\xff" + almost + "\"}":                {400, "body"},
		`{"token":"` + strings.Repeat(almost, 5_000) + `"}`: {413, "body"},
		"": {415, "Content-Type"},
	} {
		mock.Add(time.Minute) // so that no limit is reached
		a := ask(t, api, "POST", httpapi.DefaultPrefix+"session", body, nil)
		if a.status != test.status || a.body["parameter"] != test.parameter || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%.40s: %d about %v, want %d about %s", body, a.status, a.body["parameter"], test.status, test.parameter)
		}
		if strings.Contains(a.raw, "0123") || strings.Contains(a.raw, "1234") {
			t.Errorf("%.40s: the answer repeats a token: %s", body, a.raw)
		}
		if a.status == 401 && (a.body["sign_in"] != "token" || a.header.Get("WWW-Authenticate") == "") {
			t.Errorf("%.40s: %s %v", body, a.raw, a.header)
		}
	}
	signed := signIn(t, api)
	for _, a := range []answer{
		ask(t, api, "POST", httpapi.DefaultPrefix+"session?token="+token, tokenBody, nil),
		ask(t, api, "GET", httpapi.DefaultPrefix+"session?token="+token, "", signed),
		ask(t, api, "POST", httpapi.DefaultPrefix+"session", tokenBody, nil),
		ask(t, api, "GET", httpapi.DefaultPrefix+"session", "", signed),
		ask(t, api, "GET", httpapi.DefaultPrefix+"openapi.json", "", signed),
	} {
		if strings.Contains(a.raw, "0123456789") {
			t.Errorf("the token is told: %d %.300s", a.status, a.raw)
		}
	}
	if len(logged) > 0 {
		t.Errorf("it is logged: %s", <-logged)
	}
}

// A page of another origin can neither sign in nor sign out, nor change anything with the
// cookie.
func TestSignInOfOtherOrigins(t *testing.T) {
	_, _, api := still(t, httpapi.WithBearerToken(token))
	signed := signIn(t, api)
	for _, call := range []struct{ method, path, body string }{
		{"POST", "session", tokenBody}, {"DELETE", "session", ""},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"enabled":false}}`}, {"DELETE", "thresholds/?metric_name=error_rate", ""},
	} {
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			header := signed.Clone()
			header.Set(name, value)
			a := ask(t, api, call.method, httpapi.DefaultPrefix+call.path, call.body, header)
			if a.status != 403 || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s with %s: %d %s", call.method, call.path, name, a.status, a.raw)
			}
		}
	}
	if a := ask(t, api, "POST", httpapi.DefaultPrefix+"session", tokenBody, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}); a.status != 415 {
		t.Errorf("a form signs in: %d", a.status)
	}
}

// tries signs in from an address.
func tries(t testing.TB, h http.Handler, from, token string) answer {
	t.Helper()
	r := httptest.NewRequest("POST", httpapi.DefaultPrefix+"session", strings.NewReader(`{"token":"`+token+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
}

// sends sends a token as a header, from an address.
func sends(t testing.TB, h http.Handler, from, token string) answer {
	t.Helper()
	r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"health/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
}

// Wrong tokens of one address are limited, whichever way they are sent; those of others do
// not count there. Right ones always pass and do not count.
func TestWrongTokensOfAnAddress(t *testing.T) {
	for name, test := range map[string]struct{ from, same, other string }{
		"IPv4":                {"192.0.2.1:1000", "192.0.2.1:2000", "192.0.2.2:1000"},
		"IPv6":                {"[2001:db8::1]:1000", "[2001:db8::ffff:2]:1000", "[2001:db8:0:1::1]:1000"},
		"IPv4 in IPv6":        {"[::ffff:192.0.2.1]:1", "192.0.2.1:1", "[::1]:1"},
		"with a zone":         {"[fe80::1%eth0]:1", "[fe80::2%eth1]:1", "192.0.2.1:1"},
		"no address":          {"@", "", "192.0.2.1:1"},
		"without a port":      {"192.0.2.1", "192.0.2.1:2000", "192.0.2.2"},
		"IPv6 without a port": {"2001:db8::1", "[2001:db8::ffff:2]", "2001:db8:0:1::1"},
	} {
		_, mock, api := still(t, httpapi.WithBearerToken(token))
		right := func(from string) {
			t.Helper()
			if a, b := tries(t, api, from, token), sends(t, api, from, token); a.status != 201 || b.status != 200 {
				t.Errorf("%s, the right token of %s: %d, and as a header %d", name, from, a.status, b.status)
			}
		}
		wrong := func(from string, want int) {
			t.Helper()
			for _, a := range []answer{tries(t, api, from, "wrong"), sends(t, api, from, "wrong")} {
				if a.status != want || want == 429 && a.header.Get("Retry-After") != "10" || a.header.Get("Set-Cookie") != "" {
					t.Errorf("%s, a wrong token of %s: %d %v %s, want %d", name, from, a.status, a.header, a.raw, want)
				}
			}
		}
		for range 50 {
			right(test.from)
		}
		for range 5 {
			wrong(test.from, 401)
		}
		wrong(test.same, 429)
		right(test.same)
		right(test.other)
		wrong(test.other, 401)
		mock.Add(20 * time.Second)
		wrong(test.from, 401)
		wrong(test.from, 429)
	}
}

// However many addresses they come from, wrong tokens are limited in all, and keep nobody
// out who has the right one.
func TestWrongTokensInAll(t *testing.T) {
	_, mock, api := still(t, httpapi.WithBearerToken(token))
	next := netip.MustParseAddr("198.51.100.0")
	address := func() string {
		next = next.Next()
		return next.String() + ":1"
	}
	for i := range 100 {
		try := tries
		if i%2 == 1 {
			try = sends
		}
		if a := try(t, api, address(), "wrong"); a.status != 401 {
			t.Fatalf("wrong token %d: %d", i, a.status)
		}
	}
	for range 100 {
		for _, a := range []answer{tries(t, api, address(), "wrong"), sends(t, api, address(), "wrong")} {
			if a.status != 429 || a.header.Get("Retry-After") != "1" {
				t.Fatalf("%d %v", a.status, a.header)
			}
		}
		if a, b := tries(t, api, address(), token), sends(t, api, address(), token); a.status != 201 || b.status != 200 {
			t.Fatalf("the right token: %d, and as a header %d", a.status, b.status)
		}
	}
	mock.Add(time.Second)
	if a := tries(t, api, address(), "wrong"); a.status != 401 {
		t.Errorf("after the wait: %d %s", a.status, a.raw)
	}
}

// A stream ends with the session of its cookie.
func TestStreamEndsWithItsSession(t *testing.T) {
	_, mock, api := still(t, httpapi.WithBearerToken(token))
	signed := signIn(t, api)
	server := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Cookie", signed.Get("Cookie"))
		api.ServeHTTP(w, r)
	}), false, nil)
	mock.Add(12*time.Hour - 50*time.Second)
	c := realtime(t, server, "", "")
	if line := receive(t, c.other); line != "retry: 3000" {
		t.Fatal(line)
	}
	for beat := range 4 { // it is asked about after 30 s, and after 60 s
		select {
		case <-c.ended:
			t.Fatalf("it ended before beat %d", beat)
		default:
		}
		mock.Add(15 * time.Second)
		if line := receive(t, c.other); line != ":" {
			t.Fatalf("the heartbeat is %q", line)
		}
	}
	c.waitEnd()
}
