// Command bench measures what perfmon costs, beside its rivals, and writes the tables of
// docs/benchmarks.md:
//
//	go -C bench run .                 # all of them, about 10 minutes
//	go -C bench run . -only step,api  # some
//	go -C bench run . -print          # to the terminal alone
//
// Everything that is compared runs in one process, in slices of half a millisecond that take
// turns; ratios are medians over the rounds.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// sections are the tables, by the name that marks their place in the document.
var sections = []struct {
	name string
	make func(quick bool) string
}{
	{"path", func(quick bool) string { return path(quick) }},
	{"empty heap", func(quick bool) string { return emptyHeap(quick) }},
	{"loopback", loopback},
	{"recorders", recordingOnce},
	{"sizes", sizes},
	{"memory", memory},
	{"step", steps},
	{"api", answers},
	{"binary", binary},
	{"hostile", hostile},
	{"full", fullTable},
	{"quantiles", quantileErrors},
	{"scaling", scaling},
	{"faults", faulty},
}

func main() {
	log.SetFlags(0)
	document := flag.String("document", "../docs/benchmarks.md", "the document whose tables are written")
	only := flag.String("only", "", "the tables to measure, with commas between; all without it")
	own := flag.String("table", "", "print this table and nothing else; each is measured in a process of its own")
	quick := flag.Bool("quick", false, "measure briefly, to see that it works")
	printed := flag.Bool("print", false, "print the tables and leave the document alone")
	flag.Parse()
	for _, s := range sections {
		if *only != "" && !strings.Contains(","+*only+",", ","+s.name+",") {
			continue
		}
		if *own != "" {
			if s.name == *own {
				fmt.Print(s.make(*quick))
			}
			continue
		}
		begin := time.Now()
		table, err := measured(s.name, *quick)
		if err != nil {
			log.Fatal(s.name, ": ", err)
		}
		fmt.Printf("%s, %.0f s:\n%s\n", s.name, time.Since(begin).Seconds(), table)
		if !*printed {
			if err := replace(placeOf(*document, s.name), s.name, table); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// placeOf returns the document that a table is in: that of the faults has one of its own.
func placeOf(document, name string) string {
	if name == "faults" {
		return filepath.Join(filepath.Dir(document), "faults.md")
	}
	return document
}

// measured measures a table in a process of its own, so that none finds what another one
// has left behind.
func measured(name string, quick bool) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(self, "-table", name, fmt.Sprintf("-quick=%v", quick))
	cmd.Stderr = os.Stderr
	table, err := cmd.Output()
	return string(table), err
}

// replace puts a table between its marks.
func replace(document, name, table string) error {
	data, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	begin, end := "<!-- bench: "+name+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no %q with an %q", document, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(document, []byte(before+begin+table+end+after), 0o644)
}

const slice = 500 * time.Microsecond

func roundsOf(quick bool) int {
	if quick {
		return 3
	}
	return 300
}

// path compares all that is around a handler, with 64 MiB of live heap, as a service has
// it: with an empty one, the garbage collector would run all the time.
func path(quick bool) string {
	live := make([][]byte, 1024)
	for i := range live {
		live[i] = make([]byte, 64<<10)
	}
	table := compared(requestPath(), quick, true)
	runtime.KeepAlive(live)
	return table
}

// emptyHeap is the same for some, without that heap.
func emptyHeap(quick bool) string {
	list := requestPath()
	return compared([]contender{list[0], list[2], list[4], list[6]}, quick, true)
}

func recordingOnce(quick bool) string { return compared(recorders(), quick, false) }

func fullTable(quick bool) string { return compared(full(), quick, false) }

// compared measures contenders on one processor and on two.
func compared(list []contender, quick, allocations bool) string {
	serial := compare(list, 1, roundsOf(quick), slice)
	parallel := compare(list, 2, roundsOf(quick), slice)
	var b strings.Builder
	b.WriteString("| | ns | × the first | on two processors, ns | × the first |")
	rule := "\n| --- | ---: | ---: | ---: | ---: |"
	if allocations {
		b.WriteString(" bytes | allocations |")
		rule += " ---: | ---: |"
	}
	b.WriteString(rule + "\n")
	for i, c := range list {
		s, p := serial[i], parallel[i]
		fmt.Fprintf(&b, "| %s | %.1f | %.2f (%.2f to %.2f) | %.1f | %.2f (%.2f to %.2f) |", c.name, s.ns, s.ratio, s.low, s.high, p.ns, p.ratio, p.low, p.high)
		if allocations {
			bytes, mallocs := allocated(c)
			fmt.Fprintf(&b, " %.0f | %.3g |", bytes, mallocs)
		}
		b.WriteString("\n")
	}
	return b.String()
}
