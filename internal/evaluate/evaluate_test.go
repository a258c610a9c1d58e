package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// slack is by how much a figure of the few series of the quick mode may be worse than its
// bound, by chance: three standard errors of a share, of the fewest series that are
// behind one.
func slack(r row) float64 {
	if r.format != percent {
		return 0.1 * math.Abs(r.want)
	}
	share := math.Max(r.want, 100-r.want) / 100
	return 300 * math.Sqrt(share*(1-share)/100)
}

// The quick mode reaches the bounds of the table, within what chance does.
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
		if r.most {
			r.want += slack(r)
		} else {
			r.want -= slack(r)
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
