package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"text/tabwriter"
)

// counts are mutants by what became of them.
type counts [notCompiled + 1]int

// score is the share of mutants that a test killed, in percent. Accepted survivors
// are survivors; what does not compile is no mutant.
func (c counts) score() float64 {
	all := c[killed] + c[survived] + c[accepted]
	if all == 0 {
		return 100
	}
	return 100 * float64(c[killed]) / float64(all)
}

// table is the counts by file, and by package.
type table struct {
	files, packages map[string]*counts
}

func newTable() table { return table{map[string]*counts{}, map[string]*counts{}} }

func (t table) add(file string, o outcome) {
	for _, c := range []struct {
		rows map[string]*counts
		name string
	}{{t.files, file}, {t.packages, path.Dir(file)}} {
		if c.rows[c.name] == nil {
			c.rows[c.name] = &counts{}
		}
		c.rows[c.name][o]++
	}
}

// print writes a row for each package, and below it one for each file.
func (t table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "mutants\tkilled\tsurvived\taccepted\tscore\t")
	row := func(name string, c *counts) {
		all := c[killed] + c[survived] + c[accepted]
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%.1f %%\t  %s\n", all, c[killed], c[survived], c[accepted], c.score(), name)
	}
	for _, pkg := range sortedKeys(t.packages) {
		row(pkg, t.packages[pkg])
		for _, file := range sortedKeys(t.files) {
			if path.Dir(file) == pkg {
				row("  "+path.Base(file), t.files[file])
			}
		}
	}
	_ = w.Flush()
}

func sortedKeys(m map[string]*counts) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
