package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAccepted(t *testing.T) {
	got, err := parseAccepted("# about the list\n\na.go: F: a < b → a <= b -- never equal\nb.go: G: without f() #2 -- a hint -- no more\n")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.go: F: a < b → a <= b": "never equal", "b.go: G: without f() #2": "a hint -- no more"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"a.go: F: x", "a.go: F: x -- ", " -- why", "a -- b\na -- c"} {
		if _, err := parseAccepted(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := parseAccepted(acceptedText); err != nil {
		t.Errorf("accepted.txt: %v", err)
	}
}

func TestScore(t *testing.T) {
	for _, test := range []struct {
		c    counts
		want float64
	}{
		{counts{killed: 9, survived: 1}, 90},
		{counts{killed: 8, survived: 1, accepted: 1}, 80},
		{counts{killed: 1, notCompiled: 7}, 100},
		{counts{}, 100},
	} {
		if got := test.c.score(); got != test.want {
			t.Errorf("%v: score %v, want %v", test.c, got, test.want)
		}
	}
}

func TestFiles(t *testing.T) {
	root := module(t, "")
	for _, test := range []struct {
		name            string
		packages, names []string
		want            []string
	}{
		{"a package", []string{"./"}, nil, []string{"half.go", "other.go"}},
		{"a file of it", []string{"."}, []string{"other.go"}, []string{"other.go"}},
	} {
		got, err := filesOf(root, test.packages, test.names)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if _, err := filesOf(root, []string{"nowhere"}, nil); err == nil {
		t.Error("a folder that is not there is accepted")
	}
	if _, err := filesOf(root, []string{"."}, []string{"nothing.go"}); err == nil {
		t.Error("a name that no file has is accepted")
	}
}

// The whole run, on a module of its own: what its test notices, what it does not, an
// edit that never ends, and a tree that is as it was.
func TestRun(t *testing.T) {
	root := module(t, "package half\n\nimport \"testing\"\n\nfunc TestHalf(t *testing.T) {\n\tif Half(8) != 4 {\n\t\tt.Error(Half(8))\n\t}\n}\n")
	t.Chdir(root)
	before := tree(t, root)
	var out bytes.Buffer
	good, err := run(config{packages: []string{"."}, files: []string{"half.go"}, jobs: 2, timeout: 4 * time.Second, min: 100}, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if good {
		t.Errorf("all die:\n%s", &out)
	}
	for _, want := range []string{
		"SURVIVED  half.go:5: Half: n == 1 → n == 2\n",
		"half.go\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not print %q:\n%s", want, &out)
		}
	}
	for _, dead := range []string{"n -= 2 → n += 2", "half++ → half--", "return half"} {
		if strings.Contains(out.String(), dead) {
			t.Errorf("%q lives:\n%s", dead, &out)
		}
	}
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Errorf("the tree was touched (-before +after):\n%s", diff)
	}
	if good, err = run(config{packages: []string{"."}, files: []string{"other.go"}, jobs: 1, min: 100}, io.Discard, io.Discard); err != nil || !good {
		t.Errorf("a file without mutants: %v, %v", good, err)
	}
}

func TestRunOnTestsThatFail(t *testing.T) {
	t.Chdir(module(t, "package half\n\nimport \"testing\"\n\nfunc TestHalf(t *testing.T) { t.Error(\"always\") }\n"))
	_, err := run(config{packages: []string{"."}, jobs: 1}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "always") {
		t.Errorf("the error is %v, want what the tests print", err)
	}
}

// module writes a module whose test is given and returns its folder.
func module(t *testing.T, test string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module half\n\ngo 1.26\n",
		"half.go": `package half

// Half takes the long way. Nothing tests odd numbers.
func Half(n int) (half int) {
	if n == 1 {
		n++
	}
	for n > 0 {
		n -= 2
		half++
	}
	return half
}
`,
		"other.go":       "package half\n",
		"other_plan9.go": "package half\n",
		"half_test.go":   test,
	} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// tree reads all files below a folder.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(root, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}
