package perfmon_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/golden"
)

const module = "github.com/backend-prs/perfmon"

// mayImport lists, for each package, which others of this module it may import. It is
// the picture in ARCHITECTURE.md.
var mayImport = map[string][]string{
	"": {
		"analyze", "internal/block", "internal/digest", "internal/distinct", "internal/fill", "internal/goruntime", "internal/lifecycle",
		"internal/ring", "internal/striped", "internal/system", "internal/traffic", "internal/wire", "sketch",
	},
	"middleware": {"", "internal/mark"},
	"httpapi":    {"", "httpapi/page", "internal/fill", "internal/mark"},
	"heartbeat":  {""},
	"sqltime":    {""},
	"outgoing":   {""},
	"logcount":   {""},
	"expvars":    {""},
	"alerttext":  {""},
	"notify":     {""},

	"notify/notifytext": {""},

	"httpapi/page": {}, // files

	"analyze": {},
	"sketch":  {},

	"internal/block":     {"internal/wire"},
	"internal/digest":    {"internal/wire", "sketch"},
	"internal/distinct":  {},
	"internal/evaluate":  {"", "analyze"}, // a command for those who test
	"internal/fill":      {},
	"internal/golden":    {}, // for tests
	"internal/goruntime": {},
	"internal/jsonnum":   {},
	"internal/lifecycle": {},
	"internal/mark":      {},
	"internal/mutate":    {}, // a command for those who test
	"internal/paired":    {}, // for benchmarks
	"internal/ring":      {},
	"internal/soak":      {"", "httpapi", "middleware"}, // a command for those who test
	"internal/striped":   {},
	"internal/system":    {},
	"internal/traffic":   {"sketch"},
	"internal/wire":      {},
}

// mayRequire lists which modules a package may import, tests left out. Only the edges
// know HTTP.
var mayRequire = map[string][]string{
	"":           {"github.com/benbjohnson/clock", "github.com/oklog/ulid/v2", "golang.org/x/exp/slices"},
	"middleware": {}, "httpapi": {"golang.org/x/exp/slices", "golang.org/x/time/rate"}, "sqltime": {}, "alerttext": {},
	"notify": {}, "notify/notifytext": {}, "outgoing": {}, "logcount": {}, "expvars": {},
	"heartbeat":         {"github.com/benbjohnson/clock"},
	"internal/system":   {"github.com/prometheus/procfs", "golang.org/x/exp/slices"},
	"internal/golden":   {"github.com/google/go-cmp/cmp"},
	"internal/digest":   {"golang.org/x/exp/slices"},
	"internal/distinct": {"golang.org/x/exp/slices"},
	"internal/evaluate": {"github.com/benbjohnson/clock", "golang.org/x/exp/slices"},
	"internal/soak":     {"golang.org/x/exp/slices"},
	"analyze":           {"golang.org/x/exp/slices"},
	"internal/traffic":  {"golang.org/x/exp/slices"},
}

var knowHTTP = []string{"middleware", "heartbeat", "httpapi", "internal/mark", "internal/soak", "notify", "outgoing"}

func TestImports(t *testing.T) {
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." {
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			if err == nil || name == "examples" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir // a module of its own, an example, or no code
			}
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(name))
		if pkg == "." {
			pkg = ""
		}
		allowed, known := mayImport[pkg]
		if !known {
			t.Errorf("%s: add its package to the picture: what may it import?", name)
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			inside, ok := strings.CutPrefix(imported, module)
			first, _, _ := strings.Cut(imported, "/")
			switch {
			case ok:
				if inside = strings.TrimPrefix(inside, "/"); !slices.Contains(allowed, inside) {
					t.Errorf("%s imports %s, which is not in the picture", name, imported)
				}
			case strings.Contains(first, "."):
				if !slices.Contains(mayRequire[pkg], imported) {
					t.Errorf("%s imports %s: a dependency that it may not have", name, imported)
				}
			case imported == "net/http" && !slices.Contains(knowHTTP, pkg):
				t.Errorf("%s imports net/http: only the edges know HTTP", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What a program takes on that imports the root is a list that somebody has looked at:
// testdata/deps.txt, rewritten by -update. The packages of other systems are left out.
func TestDependenciesOfTheRoot(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOFLAGS=-mod=mod")
	list, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(list))
	slices.Sort(names)
	golden.Text(t, "deps.txt", []byte(strings.Join(names, "\n")+"\n"))
	cmd = exec.Command("go", "list", "-deps", ".")
	if list, err = cmd.Output(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"net/http", "expvar", "html/template", "text/template"} {
		if slices.Contains(strings.Fields(string(list)), name) {
			t.Errorf("the root comes with %s, which no program should get that does not ask for it", name)
		}
	}
}
