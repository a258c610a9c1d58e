package perfmon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/exp/slices"
)

// Modules of their own depend on the root and on what they are for; the root does not know
// of them. Each has its Example and its row in the table of docs/integrations.md.
func TestIntegrations(t *testing.T) {
	table, err := os.ReadFile("docs/integrations.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for dir, requires := range map[string]string{
		"pgxtime": "github.com/jackc/pgx/v5", "redistime": "github.com/redis/go-redis/v9", "grpctime": "google.golang.org/grpc",
		"sqltime": "", "outgoing": "", "logcount": "", "expvars": "",
	} {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if own := err == nil; own != (requires != "") {
			t.Errorf("%s: a module of its own: %v", dir, own)
		}
		if requires != "" && (!strings.Contains(string(mod), requires+" v") || strings.Contains(string(root), requires)) {
			t.Errorf("%s: its go.mod, and not the root's, has to require %s", dir, requires)
		}
		if !strings.Contains(string(table), "`"+dir+"`") {
			t.Errorf("docs/integrations.md has no row of %s", dir)
		}
		tests, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if !slices.ContainsFunc(tests, func(name string) bool {
			text, err := os.ReadFile(name)
			return err == nil && strings.Contains(string(text), "\nfunc Example")
		}) {
			t.Errorf("%s has no Example", dir)
		}
	}
}
