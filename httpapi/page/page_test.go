package page_test

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/backend-prs/perfmon/httpapi/page"
)

// maxCompressed bounds all files together, as a browser loads them.
const maxCompressed = 200 << 10

func TestPageIsSmall(t *testing.T) {
	total := 0
	for name, f := range page.Embedded() {
		n := len(f.Data)
		if f.Gzip != nil {
			n = len(f.Gzip)
		}
		total += n
		if len(f.Data) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	t.Logf("%.1f KiB in all", float64(total)/1024)
	if total > maxCompressed {
		t.Errorf("all files together have %d bytes compressed, want at most %d", total, maxCompressed)
	}
}

var (
	comments = map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`(?s)<!--.*?-->`),
		".svg":  regexp.MustCompile(`(?s)<!--.*?-->`),
		".css":  regexp.MustCompile(`(?s)/\*.*?\*/`),
		".js":   regexp.MustCompile(`(?s)/\*.*?\*/|(?m:(^|\s)//.*$)`),
		".mjs":  regexp.MustCompile(`(?s)/\*.*?\*/|(?m:(^|\s)//.*$)`),
	}
	namespaces = regexp.MustCompile(`http://www\.w3\.org/[0-9]+/[a-z]+`)
	elsewhere  = regexp.MustCompile("(?i)(https?|wss?|ftp):/|[\"'`(=]//[a-z0-9]")
)

// Nothing is fetched from elsewhere: no file has an address outside of its comments, but
// for the names of XML namespaces. Licences are texts.
func TestPageFetchesNothingFromElsewhere(t *testing.T) {
	for name, f := range page.Embedded() {
		kind := path.Ext(name)
		if kind == ".txt" || strings.HasPrefix(f.Type, "image/png") || strings.HasPrefix(f.Type, "font/") {
			continue
		}
		text := string(f.Data)
		if c := comments[kind]; c != nil {
			text = c.ReplaceAllString(text, " ")
		}
		text = namespaces.ReplaceAllString(text, "")
		for _, at := range elsewhere.FindAllStringIndex(text, -1) {
			t.Errorf("%s has an address: %.80q", name, text[at[0]:])
		}
	}
}

func TestPatternsFindWhatTheyLookFor(t *testing.T) {
	for _, text := range []string{`src="https://cdn.example/x.js"`, `url(//cdn.example/x)`, `import("//cdn.example/x.js")`, `new WebSocket('wss://x')`, "fetch(`//x`)"} {
		kept := comments[".js"].ReplaceAllString(text, " ")
		if !elsewhere.MatchString(kept) {
			t.Errorf("%s passes as %s", text, kept)
		}
	}
	for _, text := range []string{"<script>x</script>", "<style>x</style>", `<p style="x">`, `<p onclick=x>`, `<p ONCLICK = "x">`, `<a href="javascript:x">`} {
		if !inline.MatchString(text) {
			t.Errorf("%s passes", text)
		}
	}
}

var (
	inline     = regexp.MustCompile(`(?is)<style|<[^>]*\s(on[a-z]+|style)\s*=|javascript:|<script[^>]*>\s*[^<\s]`)
	attribute  = regexp.MustCompile(`(?i)\s(?:src|href|action|data|poster)\s*=\s*["']?([^"'\s>]*)`)
	imports    = regexp.MustCompile(`(?m)(?:^\s*import\b|\bfrom\b|\bimport\s*\()[^"';\n]*["']([^"']+)["']`)
	styleFiles = regexp.MustCompile(`(?:url\(\s*["']?|@import\s+["'])([^"')]+)`)
)

// No script, style or handler stands in the HTML: the policy that it is sent with would
// stop it.
func TestPageHasNothingInline(t *testing.T) {
	for name, f := range page.Embedded() {
		if path.Ext(name) != ".html" {
			continue
		}
		text := comments[".html"].ReplaceAllString(string(f.Data), " ")
		if at := inline.FindStringIndex(text); at != nil {
			t.Errorf("%s has something inline: %.80q", name, text[at[0]:])
		}
	}
}

// Every file that a file names is there, and is named in a way that works under any
// prefix.
func TestPageIsWhole(t *testing.T) {
	files := page.Embedded()
	check := func(name, reference, root string) {
		t.Helper()
		if strings.HasPrefix(reference, "#") || strings.HasPrefix(reference, "data:") {
			return
		}
		to := path.Join(root, path.Dir(name), reference)
		file, ok := strings.CutPrefix(to, "page/")
		if !ok || strings.HasPrefix(reference, "/") || files[file] == nil {
			t.Errorf("%s names %q, which is no file of the page", name, reference)
		}
	}
	found := 0
	for name, f := range files {
		patterns := map[string]*regexp.Regexp{".html": attribute, ".js": imports, ".mjs": imports, ".css": styleFiles}
		pattern := patterns[path.Ext(name)]
		if pattern == nil {
			continue
		}
		root := "page"
		if name == page.Index {
			root = "" // it stands at the mount, above the others
		}
		text := comments[path.Ext(name)].ReplaceAllString(string(f.Data), " ")
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			check(name, m[1], root)
			found++
		}
	}
	if files[page.Index] == nil || found < 2 {
		t.Errorf("the page names %d files", found)
	}
}

func TestRead(t *testing.T) {
	files := fstest.MapFS{"a.js": {Data: []byte("1")}, "b.js": {Data: []byte("1")}, "c.js": {Data: []byte("2")}, "x.key": {Data: []byte("k")}}
	read := func(name string) *page.File {
		t.Helper()
		f, err := page.Read(files, name)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if a, b, c := read("a.js"), read("b.js"), read("c.js"); a.Hash != b.Hash || a.Hash == c.Hash || string(a.Data) != "1" {
		t.Errorf("%+v %+v %+v", a, b, c)
	}
	for _, name := range []string{"x.key", "none.js", "none"} {
		if _, err := page.Read(files, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
