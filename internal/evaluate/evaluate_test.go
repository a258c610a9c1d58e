package main

import (
	"bytes"
	"strings"
	"testing"
)

// The quick mode reaches the bounds of the table. Its seed is fixed, so that its figures
// change only with the code.
func TestQuickMode(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes most of a minute")
	}
	var out bytes.Buffer
	e := evaluation{quick: true, seed: 1, out: &out}
	e.run("")
	for _, r := range e.rows {
		if strings.Contains(r.what, "cost of a point") {
			continue // depends on the machine and on what else it does
		}
		if !r.reached() {
			t.Error(r)
		}
	}
	for _, l := range e.left {
		t.Log(l)
	}
	if want := 34; len(e.rows) < want {
		t.Errorf("%d rows, want %d without the labelled series", len(e.rows), want)
	}
}
