package perfmon_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README's program is examples/hello, which embeds perfmon in at most 20 lines, and
// says which variable to set where its token is missing.
func TestREADMEShowsHello(t *testing.T) {
	source, err := os.ReadFile("examples/hello/main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(source), "\npackage main\n")
	_, got, _ := strings.Cut(string(readme), "```go\npackage main\n")
	got, _, _ = strings.Cut(got, "```")
	if diff := cmp.Diff(program, got); diff != "" {
		t.Errorf("(-examples/hello +README):\n%s", diff)
	}
	_, body, _ := strings.Cut(program, "func main() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	if n := strings.Count(body, "\n") + 1; n > 20 {
		t.Errorf("it has %d lines", n)
	}
	binary := filepath.Join(t.TempDir(), "hello")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", binary, "./examples/hello").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "PERFMON_TOKEN=")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "PERFMON_TOKEN") {
		t.Errorf("without a token it ends with %v and says %s", err, out)
	}
}
