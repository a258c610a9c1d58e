package traffic_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/traffic"
)

var ok = traffic.LaneOf(200, false)

// serve counts one request.
func serve(rec *traffic.Recorder, method, pattern string) {
	rec.Start()
	rec.End(rec.Endpoint(method, pattern), ok, time.Millisecond)
}

func names(n *traffic.Names) []string {
	list := n.All()
	slices.Sort(list)
	return list
}

var tenMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "BREW"}

// M12: a client that tries every method on every route does not fill the table.
func TestMethodsDoNotFillTheTable(t *testing.T) {
	tr := traffic.New(500, 10)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	for range 2 {
		for _, method := range tenMethods {
			for i := range 60 {
				serve(rec, method, fmt.Sprintf("/route%d", i))
			}
		}
	}
	// A first method for each route, 250 further ones, and "OTHER" for each route.
	if used := tr.Endpoints.Used(); used != 60+250+60 {
		t.Errorf("60 routes take %d names, want %d", used, 60+250+60)
	}
	serve(rec, "GET", "/new")
	serve(rec, "POST", "POST /newer")
	got, inFlight, _ := read(tr, reader)
	for _, name := range []string{"GET /new", "POST /newer"} {
		if got[name].Responses != 1 {
			t.Errorf("%s has %d requests, want 1", name, got[name].Responses)
		}
	}
	if got["GET /route59"].Responses != 2 || got["OTHER /route59"].Responses == 0 {
		t.Errorf("the last route: %v by GET, %v by other methods", got["GET /route59"], got["OTHER /route59"])
	}
	if got[traffic.Other].Responses != 0 || inFlight != 0 {
		t.Errorf("%d requests were folded, %d are in flight", got[traffic.Other].Responses, inFlight)
	}
	var sum uint64
	for _, c := range got {
		sum += c.Responses
	}
	if sum != 2*600+2 {
		t.Errorf("%d requests in all, want %d", sum, 2*600+2)
	}
}

// Where there are more routes than half of the table, the methods that clients try still
// leave a quarter of it for routes that are new.
func TestMethodsOfManyRoutesLeaveRoom(t *testing.T) {
	tr := traffic.New(500, 10)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	for range 2 {
		for _, method := range tenMethods {
			for i := range 300 {
				serve(rec, method, fmt.Sprintf("/route%d", i))
			}
		}
	}
	for i := range 125 {
		serve(rec, "GET", fmt.Sprintf("/new%d", i))
	}
	if used := tr.Endpoints.Used(); used != 500 {
		t.Errorf("%d names", used)
	}
	got, _, _ := read(tr, reader)
	for i := range 300 {
		if name := fmt.Sprintf("GET /route%d", i); got[name].Responses != 2 {
			t.Errorf("%s: %v", name, got[name])
		}
	}
	for i := range 125 {
		if name := fmt.Sprintf("GET /new%d", i); got[name].Responses != 1 {
			t.Errorf("%s: %v", name, got[name])
		}
	}
	if folded := got[traffic.Other].Responses; folded != 2*(9*300-75) {
		t.Errorf("%d requests are folded, want those of all extra methods but 75", folded)
	}
	if n := testing.AllocsPerRun(100, func() { serve(rec, "POST", "/route299") }); n != 0 {
		t.Errorf("a folded request allocates %v times", n)
	}
	// When there is room, extra methods get their names.
	tr.SetLimits(4000, 10)
	serve(rec, "POST", "/route299")
	if got, _, _ := read(tr, reader); got["POST /route299"].Responses != 1 {
		t.Errorf("with room: %v", got)
	}
}

// As many routes as a quarter of the table have their names, whatever methods come.
func TestMethodsLeaveAQuarterForRoutes(t *testing.T) {
	tr := traffic.New(40, 10)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	for i := range 10 {
		for _, method := range tenMethods {
			serve(rec, method, fmt.Sprintf("/route%d", i))
		}
	}
	got, _, _ := read(tr, reader)
	for i := range 10 {
		if get := fmt.Sprintf("GET /route%d", i); got[get].Responses != 1 {
			t.Errorf("%s: %v", get, got[get])
		}
	}
}

// M13: names come at a steady price, below the limit, at it and past it.
func TestManyNewNamesAreCheap(t *testing.T) {
	const n = 20_000
	for _, limit := range []int{n, 100} {
		tr := traffic.New(10, limit)
		rec, reader := tr.NewRecorder(), tr.NewReader()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range n {
			rec.EndOrganization(fmt.Sprint("tenant-", i), ok, time.Millisecond)
		}
		runtime.ReadMemStats(&after)
		// Whatever is copied anew for each name would be megabytes a name.
		if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 8<<10 {
			t.Errorf("limit %d: each of %d names allocates %d bytes", limit, n, each)
		}
		if used := tr.Organizations.Used(); used != min(n, limit) {
			t.Errorf("limit %d: %d names", limit, used)
		}
		var sum uint64
		reader.Organizations(func(_ string, d *traffic.Delta) { sum += d.Responses })
		if sum != n || tr.Organizations.Folded() != uint64(n-min(n, limit)) {
			t.Errorf("limit %d: %d responses, %d of them folded", limit, sum, tr.Organizations.Folded())
		}
	}
}

// S1: nobody gets at a reserved name, or at one that looks like it, by being called so.
func TestReservedNames(t *testing.T) {
	tr := traffic.New(10, 10)
	rec := tr.NewRecorder()
	for _, name := range []string{"(other)", "(unmatched)", "(", "(acme)"} {
		if !traffic.Reserved(name) {
			t.Errorf("%q is not reserved", name)
		}
		if got := tr.Organizations.Intern(name).String(); got != traffic.Other {
			t.Errorf("the organization %q is counted as %q", name, got)
		}
		if got := rec.Endpoint("GET", name).String(); got != traffic.Other {
			t.Errorf("the pattern %q is counted as %q", name, got)
		}
	}
	for _, name := range []string{"acme", "other", "a (other)"} {
		if traffic.Reserved(name) {
			t.Errorf("%q is reserved", name)
		}
	}
	if tr.Organizations.Used() != 0 || tr.Endpoints.Used() != 0 {
		t.Errorf("%q, %q", tr.Organizations.All(), tr.Endpoints.All())
	}
}

// S3: names are safe to print.
func TestNamesAreCleaned(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain", "plain"},
		{"Ünïcödé 漢字 🚀", "Ünïcödé 漢字 🚀"},
		{"line\nbreak", "line\ufffdbreak"},
		{"long enough to be read by words\n", "long enough to be read by words\ufffd"},
		{"\x1b[31mred", "\ufffd[31mred"},
		{"tab\there", "tab here"},
		{"del\x7f12345678", "del\ufffd12345678"},
		{"nul\x00", "nul\ufffd"},
		{"c1\u0085", "c1\ufffd"},
		{"sep\u2028\u2029", "sep\ufffd\ufffd"},
		{"bidi\u202egnp.exe\u2066\u200f", "bidi\ufffdgnp.exe\ufffd\ufffd"},
		{"bad\xffutf\xc3", "bad\ufffdutf\ufffd"},
		{"\ufeffmark", "\ufffdmark"},
		{strings.Repeat("x", 256), strings.Repeat("x", 256)},
		{strings.Repeat("x", 257), traffic.Other},
		{strings.Repeat("\xff", 200), traffic.Other}, // cleaned, it is too long
	}
	for _, test := range tests {
		tr := traffic.New(10, 10)
		if got := tr.Organizations.Intern(test.in).String(); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.in, got, test.want)
		}
		want := "GET /" + test.want
		if len(test.in) > 255 || test.want == traffic.Other {
			want = traffic.Other
		}
		rec := tr.NewRecorder()
		for range 2 {
			if got := rec.Endpoint("GET", "/"+test.in).String(); got != want {
				t.Errorf("%q becomes %q, want %q", "/"+test.in, got, want)
			}
		}
	}
}

// Badly spelt names that are cleaned to one take one place, and no memory of their own.
func TestManySpellingsTakeOnePlace(t *testing.T) {
	tr := traffic.New(10, 10)
	for a := range 64 { // bytes that begin no letter
		for b := range 64 {
			tr.Organizations.Intern(string([]byte{'x', 0x80 | byte(a), 0x80 | byte(b)}))
		}
	}
	if diff := cmp.Diff([]string{traffic.Other, "x\ufffd\ufffd"}, tr.Organizations.All()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"acme", "(other)", "a\nb", "\xff\xfe", "\u202e", "GET /x", "\t/x"} {
		f.Add("GET", s)
	}
	f.Fuzz(func(t *testing.T, method, s string) {
		tr := traffic.New(4, 4)
		rec := tr.NewRecorder()
		for _, n := range []*traffic.Name{tr.Organizations.Intern(s), rec.Endpoint(method, s)} {
			name := n.String()
			if !utf8.ValidString(name) || len(name) > 256+len("OPTIONS ") || strings.ContainsAny(name, "\n\r\t\x1b\u202e\u2028") {
				t.Errorf("%q becomes %q", s, name)
			}
			if traffic.Reserved(name) && name != traffic.Other && name != traffic.Unmatched {
				t.Errorf("%q becomes the reserved %q", s, name)
			}
		}
		if first, second := rec.Endpoint(method, s), rec.Endpoint(method, s); first != second {
			t.Errorf("%q is not the same twice", s)
		}
	})
}

// A name keeps nothing alive but its own bytes, whatever string it was cut from.
func TestNamesKeepNoParentAlive(t *testing.T) {
	tr := traffic.New(100, 100)
	rec := tr.NewRecorder()
	freed := make(chan int, 20)
	for i := range 10 {
		parent := new([1 << 16]byte)
		copy(parent[:], fmt.Sprintf("/route%d and more", i))
		runtime.AddCleanup(parent, func(i int) { freed <- i }, i)
		s := stringOf(parent)
		serve(rec, "GET", s[:7])
		rec.EndOrganization(s[1:7], ok, time.Millisecond)
	}
	deadline := time.After(10 * time.Second)
	for range 10 {
		runtime.GC()
		select {
		case <-freed:
		case <-deadline:
			t.Fatal("a name keeps the string alive that it was cut from")
		}
	}
	runtime.KeepAlive(rec)
	runtime.KeepAlive(tr)
}

func TestLimitsChange(t *testing.T) {
	tr := traffic.New(2, 2)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	visit := func(routes ...string) {
		for _, r := range routes {
			serve(rec, "GET", r)
			rec.EndOrganization(r, ok, time.Millisecond)
		}
	}
	check := func(want map[string]counts) {
		t.Helper()
		got, _, _ := read(tr, reader)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
	}
	visit("/a", "/b", "/c", "/c")
	check(map[string]counts{"GET /a": {1, 0, 1}, "GET /b": {1, 0, 1}, traffic.Other: {2, 0, 2}})
	tr.SetLimits(3, 3)
	visit("/a", "/c", "/d")
	check(map[string]counts{"GET /a": {1, 0, 1}, "GET /c": {1, 0, 1}, traffic.Other: {1, 0, 1}})
	tr.SetLimits(1, 1)
	visit("/a", "/b", "/c", "/d")
	check(map[string]counts{"GET /a": {1, 0, 1}, "GET /b": {1, 0, 1}, "GET /c": {1, 0, 1}, traffic.Other: {1, 0, 1}})
	if tr.Endpoints.Used() != 3 || tr.Endpoints.Limit() != 1 || tr.Organizations.Used() != 3 || tr.Organizations.Limit() != 1 {
		t.Errorf("%d of %d endpoints, %d of %d organizations", tr.Endpoints.Used(), tr.Endpoints.Limit(), tr.Organizations.Used(), tr.Organizations.Limit())
	}
}

func TestIdleNamesAreReleased(t *testing.T) {
	tr := traffic.New(4, 4)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	step := func(routes ...string) map[string]counts {
		for _, r := range routes {
			serve(rec, "GET", r)
		}
		got, _, _ := read(tr, reader)
		return got
	}
	release := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, reader.ReleaseEndpoints(10, 3)); diff != "" {
			t.Errorf("released (-want +got):\n%s", diff)
		}
	}
	step("/a", "/b", "/c", "/d")
	step("/a", "/c", "/d")
	for range 3 {
		step("/c", "/d")
	}
	release() // nobody wanted room
	if got := step("/new", "/new"); got[traffic.Other].Responses != 2 {
		t.Errorf("a full table: %v", got)
	}
	release("GET /b") // the one that is idle for the longest: an eighth, at least one
	if diff := cmp.Diff(map[string]counts{"GET /new": {1, 0, 1}}, step("/new")); diff != "" {
		t.Errorf("with room (-want +got):\n%s", diff)
	}
	release()
	for range 6 {
		step("/d")
	}
	release("GET /a") // idle for ten calls
	// The one released comes back as a new name that begins at zero.
	step("/a")
	var total traffic.Counts // before, it had two
	if !tr.Endpoints.Total("GET /a", &total) || total.Responses != 1 {
		t.Errorf("it came back with %d requests", total.Responses)
	}
	if diff := cmp.Diff([]string{traffic.Other, traffic.Unmatched, "GET /a", "GET /c", "GET /d", "GET /new"}, names(tr.Endpoints)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for range 20 {
		step()
	}
	release("GET /c", "GET /d", "GET /new", "GET /a")
	if tr.Endpoints.Used() != 0 {
		t.Errorf("%q are left", tr.Endpoints.All())
	}
}

// Methods that were folded get a name once there is room again, by the same rules.
func TestFoldedMethodsComeBack(t *testing.T) {
	tr := traffic.New(8, 8)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	for round := range 3 {
		var got []string
		for _, method := range append(tenMethods, "DELETE") {
			serve(rec, method, "/a")
			got = append(got, rec.Endpoint(method, "/a").String())
		}
		want := []string{"GET /a", "HEAD /a", "POST /a", "PUT /a", "PATCH /a", "OTHER /a", "OTHER /a", "OTHER /a", "OTHER /a", "OTHER /a", "OTHER /a"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", round, diff)
		}
		for range 5 {
			read(tr, reader)
		}
		if gone := reader.ReleaseEndpoints(3, 0); len(gone) != 6 || tr.Endpoints.Used() != 0 {
			t.Errorf("round %d: released %q, %d are left", round, gone, tr.Endpoints.Used())
		}
	}
	if got := rec.Endpoint("DELETE", "/a").String(); got != "DELETE /a" {
		t.Errorf("with room again it is counted as %q", got)
	}
}

// At the limit, methods without a name share the one of their route, where it has one.
func TestMethodsAtTheLimit(t *testing.T) {
	tr := traffic.New(8, 4)
	rec := tr.NewRecorder()
	tests := []struct{ method, pattern, want string }{
		{"POST", "/a", "POST /a"},
		{"GET", "/a", "GET /a"},
		{"PUT", "/a", "PUT /a"},
		{"PATCH", "/a", "PATCH /a"},
		{"HEAD", "/a", "HEAD /a"},
		{"DELETE", "/a", "OTHER /a"}, // the half of the table that is for extra methods is used up
		{"GET", "/c", "GET /c"},
		{"BREW", "/c", traffic.Other}, // the last quarter of it is for routes
		{"GET", "/d", "GET /d"},
		{"TRACE", "/a", "OTHER /a"},
		{"BREW", "/a", "OTHER /a"},
		{"GET", "/b", traffic.Other},
		{"BREW", "/b", traffic.Other},
		{"GET", "GET /a", traffic.Other}, // the lookup without a lock knows it by its other key alone
		{"GET", "/a", "GET /a"},
	}
	for _, test := range tests {
		if got := rec.Endpoint(test.method, test.pattern).String(); got != test.want {
			t.Errorf("%s on %s is counted as %s, want %s", test.method, test.pattern, got, test.want)
		}
	}
}

// The bounds of a release, each from both sides.
func TestBoundsOfRelease(t *testing.T) {
	const limit = 32
	tests := []struct {
		name          string
		calls         int  // of Endpoints without a request for all but the last name
		wanted        bool // a name found no room
		idle, crowded int
		want          int
	}{
		{"one call too few", 9, false, 10, 0, 0},
		{"idle", 10, false, 10, 0, limit - 1},
		{"never", 50, false, 0, 0, 0},
		{"idle for one call", 1, false, 1, 0, limit - 1},
		{"nobody wants room", 9, false, 10, 1, 0},
		{"room is wanted, and that is off", 9, true, 10, 0, 0},
		{"room is wanted, one call too few", 4, true, 10, 5, 0},
		{"room is wanted", 5, true, 10, 5, limit / 8},
		{"room is wanted, after one call", 1, true, 10, 1, limit / 8},
		{"room is wanted, and enough are idle", 10, true, 10, 5, limit - 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tr := traffic.New(limit, limit)
			rec, reader := tr.NewRecorder(), tr.NewReader()
			for i := range limit {
				serve(rec, "GET", fmt.Sprintf("/p%d", i))
			}
			read(tr, reader)
			for range test.calls {
				serve(rec, "GET", fmt.Sprintf("/p%d", limit-1))
				read(tr, reader)
			}
			if test.wanted {
				serve(rec, "GET", "/new")
			}
			if gone := reader.ReleaseEndpoints(test.idle, test.crowded); len(gone) != test.want {
				t.Errorf("released %q, want %d", gone, test.want)
			}
			// What remains is at its limit or below it, and new names come and go by that.
			room := rec.Endpoint("GET", "/newest").String() != traffic.Other
			if room != (test.want > 0) {
				t.Errorf("there is room: %v, with %d released", room, test.want)
			}
			if gone := reader.ReleaseEndpoints(0, 0); len(gone) != 0 {
				t.Errorf("then released %q", gone)
			}
		})
	}
}

// What is counted under a name that was released meanwhile is found, under the name
// where it is back and else under (other).
func TestLateCounts(t *testing.T) {
	tr := traffic.New(8, 8)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	var held []*traffic.Name
	for _, pattern := range []string{"/a", "/b"} {
		rec.Start()
		held = append(held, rec.Endpoint("GET", pattern))
	}
	for range 3 {
		read(tr, reader)
	}
	if gone := reader.ReleaseEndpoints(2, 0); len(gone) != 2 {
		t.Fatalf("released %q", gone)
	}
	serve(rec, "GET", "/a") // it is back
	for range 5 {
		runtime.GC()
		read(tr, reader)
	}
	for _, n := range held {
		rec.End(n, traffic.LaneOf(500, true), time.Second)
	}
	got, inFlight, _ := read(tr, reader)
	if diff := cmp.Diff(map[string]counts{"GET /a": {1, 1, 1}, traffic.Other: {1, 1, 1}}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if inFlight != 0 {
		t.Errorf("%d in flight", inFlight)
	}
}

// Names are made, counted and released at the same time. Every request is found once, under its
// own name or under (other).
func TestConcurrentReleasing(t *testing.T) {
	const goroutines, each, routes = 4, 4000, 60
	tr := traffic.New(40, 40)
	reader := tr.NewReader()
	patterns := make([]string, routes)
	for i := range patterns {
		patterns[i] = fmt.Sprintf("/p%d", i)
	}
	var (
		wg     sync.WaitGroup
		rounds atomic.Int64
		mu     sync.Mutex
		want   = map[string]uint64{}
	)
	for g := range goroutines {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			rec := tr.NewRecorder()
			mine := map[string]uint64{}
			for i := range each {
				pattern := patterns[(i/200+rng.IntN(10))%routes]
				rec.Start()
				n := rec.Endpoint("GET", pattern)
				if name := n.String(); name != "GET "+pattern && name != traffic.Other {
					t.Errorf("%s is counted as %s", pattern, name)
				}
				for i%500 == 499 && rounds.Load() < int64(i/50) { // let the reader keep up
					runtime.Gosched()
				}
				rec.End(n, ok, time.Duration(i))
				rec.EndOrganization(pattern, ok, time.Duration(i))
				mine["GET "+pattern]++
			}
			mu.Lock()
			defer mu.Unlock()
			for name, n := range mine {
				want[name] += n
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	got := map[string]uint64{}
	var sum, organizations uint64
	released := 0
	var inFlight int64
	for round, running := 0, true; running; round++ {
		rounds.Add(1)
		select {
		case <-done:
			running = false
		default:
		}
		inFlight, _ = reader.Endpoints(new(traffic.Delta), func(name string, d *traffic.Delta) { got[name] += d.Responses; sum += d.Responses })
		reader.Organizations(func(name string, d *traffic.Delta) { organizations += d.Responses })
		released += len(reader.ReleaseEndpoints(2, 1)) + len(reader.ReleaseOrganizations(2, 1))
		if round%10 == 0 {
			tr.SetLimits(30+round%20, 40)
			tr.Endpoints.Totals(func(string, *traffic.Counts) {})
			runtime.GC()
		}
	}
	if sum != goroutines*each || organizations != goroutines*each || inFlight != 0 {
		t.Errorf("read %d and %d responses, want %d; %d in flight", sum, organizations, goroutines*each, inFlight)
	}
	for name, n := range got {
		if name != traffic.Other && n > want[name] {
			t.Errorf("%s has %d responses, and only %d were made", name, n, want[name])
		}
	}
	if released == 0 {
		t.Error("nothing was released")
	}
	var total traffic.Counts
	if tr.Total(&total); total.Responses != sum || total.Times.Count() != sum {
		t.Errorf("the total is %d, with %d times, want %d", total.Responses, total.Times.Count(), sum)
	}
}
