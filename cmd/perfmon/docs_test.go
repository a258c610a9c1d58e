package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// docs/cli.md names every verb, and every flag of the verbs that it has a section on.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	s := openShop(t)
	for _, cmd := range s.app("", &bytes.Buffer{}, &bytes.Buffer{}).root().Commands() {
		if cmd.Hidden {
			continue
		}
		if !strings.Contains(text, "`"+cmd.Name()) {
			t.Errorf("there is no %s", cmd.Name())
		}
		at := strings.Index(text, "## `perfmon "+cmd.Name())
		if at < 0 {
			continue
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !strings.Contains(text[at:], "--"+f.Name) && !strings.Contains(text, "`--"+f.Name) {
				t.Errorf("%s has --%s, which is not there", cmd.Name(), f.Name)
			}
		})
	}
}
