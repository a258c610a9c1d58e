package goruntime_test

import (
	"flag"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/goruntime"
)

var update = flag.Bool("update", false, "write the list of names that are passed over")

const passedOver = "testdata/passedover.txt"

// The built-in metrics read some of what the runtime knows. What they pass over is a list
// that somebody has looked at: a new toolchain with new names fails here, until somebody has
// decided whether they are worth a metric. WithRuntimeMetrics has them all in any case.
func TestNamesPassedOver(t *testing.T) {
	goVersion := "# " + strings.Join(strings.SplitN(runtime.Version(), ".", 3)[:2], ".")
	list := []string{goVersion}
	known := goruntime.Names()
	for _, d := range metrics.All() {
		if !slices.Contains(known, d.Name) && !strings.HasPrefix(d.Name, "/godebug/") {
			list = append(list, d.Name)
		}
	}
	if *update {
		if err := os.WriteFile(passedOver, []byte(strings.Join(list, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(passedOver)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(strings.TrimPrefix(string(text), "# "))
	list[0] = strings.TrimPrefix(list[0], "# ")
	diff := cmp.Diff(want, list)
	switch {
	case diff == "":
	case want[0] != list[0]:
		t.Logf("the list is of %s; this toolchain (-list +toolchain):\n%s", want[0], diff)
	default:
		t.Errorf("names that are passed over have changed (-list +toolchain); rewrite the list by -update:\n%s", diff)
	}
	for _, name := range known {
		if _, ok := goruntime.Find(name); !ok {
			t.Errorf("a built-in metric reads %s, which this toolchain does not have", name)
		}
	}
}
