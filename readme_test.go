package perfmon_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README's program is Example, which compiles, in at most 20 lines.
func TestREADMEShowsExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func Example() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	want := strings.ReplaceAll(strings.TrimPrefix(body, "\t"), "\n\t", "\n")
	_, got, _ := strings.Cut(string(readme), "```go\n")
	got, _, _ = strings.Cut(got, "\n```")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-example +README):\n%s", diff)
	}
	if n := strings.Count(got, "\n") + 1; n > 20 {
		t.Errorf("it has %d lines", n)
	}
}
