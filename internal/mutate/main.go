// Mutate finds out what the tests let through. It makes one small edit of the code at
// a time, such as < for <=, and runs the tests: an edit that fails none has survived.
//
//	go run ./internal/mutate                                  # the files that decide
//	go run ./internal/mutate -pkg ./internal/lifecycle        # one package
//	go run ./internal/mutate -pkg . -files health.go -n 50    # 50 edits of one file
//
// It prints each survivor with its place and, in the end, the share of edits that some
// test noticed. Survivors that change nothing a caller can see belong in accepted.txt,
// each with a reason. It ends with status 1 where a package's score is below -min.
//
// The method: DeMillo, Lipton, Sayward, "Hints on Test Data Selection", 1978.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed accepted.txt
var acceptedText string

type config struct {
	packages, files []string
	n, jobs         int
	seed            uint64
	timeout         time.Duration
	min             float64
}

func main() {
	var c config
	list := func(to *[]string) func(string) error {
		return func(s string) error { *to = strings.Split(s, ","); return nil }
	}
	flag.Func("pkg", "`folders` of packages, with commas between (default: the files that decide)", list(&c.packages))
	flag.Func("files", "only files of these `names`, with commas between", list(&c.files))
	flag.IntVar(&c.n, "n", 0, "try at most this many mutants, drawn at random; 0 tries all")
	flag.Uint64Var(&c.seed, "seed", 1, "seed of the draw")
	flag.IntVar(&c.jobs, "jobs", runtime.GOMAXPROCS(0), "how many mutants are tried at once")
	flag.DurationVar(&c.timeout, "timeout", 0, "how long the tests of a mutant may take (default: five times as long as without it, at least 10s)")
	flag.Float64Var(&c.min, "min", 0, "the least score in percent")
	flag.Parse()
	if flag.NArg() > 0 || c.jobs < 1 || c.n < 0 || c.timeout < 0 {
		flag.Usage()
		os.Exit(2)
	}
	good, err := run(c, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	if !good {
		os.Exit(1)
	}
}

// run tries the mutants and prints what became of them. Good says that every package
// has the least score.
func run(c config, out, progress io.Writer) (good bool, err error) {
	reasons, err := parseAccepted(acceptedText)
	if err != nil {
		return false, fmt.Errorf("accepted.txt: %w", err)
	}
	root, err := moduleRoot()
	if err != nil {
		return false, err
	}
	files, err := filesOf(root, c.packages, c.files)
	if err != nil {
		return false, err
	}
	sources := map[string][]byte{}
	var mutants []mutant
	for _, file := range files {
		if sources[file], err = os.ReadFile(filepath.Join(root, filepath.FromSlash(file))); err != nil {
			return false, err
		}
		found, err := mutantsOf(file, sources[file])
		if err != nil {
			return false, err
		}
		mutants = append(mutants, found...)
	}
	all := len(mutants)
	mutants = draw(mutants, c.n, c.seed)

	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r := &runner{root: root, dir: dir, timeout: map[suite]time.Duration{}}
	for _, file := range files {
		for _, s := range testsOf(file) {
			if err := r.measure(s, c.timeout); err != nil {
				return false, err
			}
		}
	}

	outcomes, err := tryAll(r, mutants, sources, c.jobs, progress)
	if err != nil {
		return false, err
	}
	t := newTable()
	there := map[string]bool{}
	for i, m := range mutants {
		there[m.key()] = true
		o := outcomes[i]
		reason, listed := reasons[m.key()]
		switch {
		case o == survived && listed:
			o = accepted
			fmt.Fprintf(out, "accepted  %s:%d: %s: %s (%s)\n", m.file, m.line, m.fn, m.edit, reason)
		case o == survived:
			fmt.Fprintf(out, "SURVIVED  %s:%d: %s\n", m.file, m.line, strings.TrimPrefix(m.key(), m.file+": "))
		case listed:
			fmt.Fprintf(out, "a test kills it now, take it off accepted.txt: %s\n", m.key())
		}
		t.add(m.file, o)
	}
	for _, key := range slices.Sorted(maps.Keys(reasons)) {
		if file, _, _ := strings.Cut(key, ": "); len(mutants) == all && sources[file] != nil && !there[key] {
			fmt.Fprintf(out, "no such mutant, take it off accepted.txt: %s\n", key)
		}
	}
	fmt.Fprintln(out)
	if len(mutants) < all {
		fmt.Fprintf(out, "%d of %d mutants, drawn with seed %d\n", len(mutants), all, c.seed)
	}
	t.print(out)
	for _, counts := range t.packages {
		if counts.score() < c.min {
			return false, nil
		}
	}
	return true, nil
}

// draw returns n of the mutants in their order, or all where n is 0 or more than there are.
func draw(mutants []mutant, n int, seed uint64) []mutant {
	if n == 0 || n >= len(mutants) {
		return mutants
	}
	chosen := map[int]bool{}
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(mutants))[:n] {
		chosen[i] = true
	}
	var some []mutant
	for i, m := range mutants {
		if chosen[i] {
			some = append(some, m)
		}
	}
	return some
}

// tryAll tries the mutants, some at once.
func tryAll(r *runner, mutants []mutant, sources map[string][]byte, jobs int, progress io.Writer) ([]outcome, error) {
	outcomes := make([]outcome, len(mutants))
	next := make(chan int)
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		done    int
		failed  error
	)
	for range jobs {
		workers.Go(func() {
			for i := range next {
				m := mutants[i]
				o, err := r.try(m, sources[m.file], testsOf(m.file), fmt.Sprint("mutant", i))
				mu.Lock()
				outcomes[i] = o
				if failed == nil {
					failed = err
				}
				if done++; done%50 == 0 || done == len(mutants) {
					fmt.Fprintf(progress, "%s  %d of %d mutants tried\n", time.Now().Format(time.TimeOnly), done, len(mutants))
				}
				mu.Unlock()
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	workers.Wait()
	return outcomes, failed
}
