package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	gobuild "go/build"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// outcome is what became of a mutant.
type outcome int

const (
	killed      outcome = iota // a test failed, or did not end
	survived                   // all tests passed
	accepted                   // it survived and is on the list
	notCompiled                // it is no program
)

// A suite is some tests of one package. Empty patterns are all of its tests.
type suite struct {
	pkg  string // folder, relative to the module's root
	run  string // as for go test -run
	skip string // as for go test -skip
	// inside leaves out the test files of the external test package, which take longer
	// to compile than the package itself.
	inside bool
}

// runner runs suites on mutants. It is safe for concurrent use once made.
type runner struct {
	root    string                  // of the module, absolute
	dir     string                  // for temporary files
	timeout map[suite]time.Duration // by suite
}

// measure runs a suite on the tree as it is and sets how long it may take: five times
// as long, and at least ten seconds. A limit other than 0 takes the place of that.
func (r *runner) measure(s suite, limit time.Duration) error {
	if _, ok := r.timeout[s]; ok {
		return nil
	}
	bin := filepath.Join(r.dir, fmt.Sprintf("unchanged%d", len(r.timeout)))
	overlay := filepath.Join(r.dir, "overlay.json")
	if err := r.writeOverlay(overlay, s, map[string]string{}); err != nil {
		return err
	}
	if out, err := r.build(s.pkg, bin, overlay); err != nil {
		return fmt.Errorf("%s does not compile as it is: %w\n%s", s.pkg, err, out)
	}
	began := time.Now()
	if out, err := r.test(s, bin, 10*time.Minute); err != nil {
		return fmt.Errorf("the tests of %s fail as they are: %w\n%s", s.pkg, err, out)
	}
	if limit == 0 {
		limit = max(5*time.Since(began), 10*time.Second)
	}
	r.timeout[s] = limit
	return os.Remove(bin)
}

// try runs the suites on a mutant until one fails. The tree is not touched: the
// compiler is given the changed file in place of the one on disk.
func (r *runner) try(m mutant, src []byte, suites []suite, name string) (outcome, error) {
	dir := filepath.Join(r.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	changed := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(changed, m.apply(src), 0o600); err != nil {
		return 0, err
	}
	type program struct {
		pkg    string
		inside bool
	}
	built := map[program]string{}
	for i, s := range suites {
		p := program{s.pkg, s.inside}
		if built[p] == "" {
			bin, overlay := filepath.Join(dir, "test"+strconv.Itoa(i)), filepath.Join(dir, "overlay"+strconv.Itoa(i)+".json")
			replace := map[string]string{filepath.Join(r.root, filepath.FromSlash(m.file)): changed}
			if err := r.writeOverlay(overlay, s, replace); err != nil {
				return 0, err
			}
			if _, err := r.build(s.pkg, bin, overlay); err != nil {
				return notCompiled, nil
			}
			built[p] = bin
		}
		if _, err := r.test(s, built[p], r.timeout[s]); err != nil {
			return killed, nil
		}
	}
	return survived, nil
}

// writeOverlay tells the compiler which files to read in place of others, or to leave out.
func (r *runner) writeOverlay(name string, s suite, replace map[string]string) error {
	if s.inside {
		pkg, err := gobuild.ImportDir(filepath.Join(r.root, filepath.FromSlash(s.pkg)), 0)
		if err != nil {
			return err
		}
		for _, file := range pkg.XTestGoFiles {
			replace[filepath.Join(pkg.Dir, file)] = ""
		}
	}
	data, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o600)
}

// build compiles a test program without inlining, which is faster.
func (r *runner) build(pkg, bin, overlay string) ([]byte, error) {
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-gcflags=-l", "-ldflags=-s -w", "-o", bin, "-overlay", overlay, "./"+pkg)
	cmd.Dir = r.root
	return cmd.CombinedOutput()
}

// test runs a test program where go test would run it.
func (r *runner) test(s suite, bin string, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	args := []string{"-test.failfast", "-test.run", s.run, "-test.skip", s.skip}
	cmd := exec.CommandContext(ctx, bin, args...)
	if runtime.GOOS == "linux" {
		// A loop that no longer ends may take all memory before its time is over.
		const kib = 4 << 20
		script := fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, kib)
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", script, bin}, args...)...)
	}
	cmd.Dir = filepath.Join(r.root, filepath.FromSlash(s.pkg))
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.Bytes(), err
}
