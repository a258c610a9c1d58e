package system

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	at := time.Unix(1000, 0)
	before := span{used: 10, at: at, ok: true}
	for _, test := range []struct {
		name       string
		s          span
		used       float64
		after      time.Duration
		processors float64
		want       float64
		ok         bool
	}{
		{"the first reading", span{}, 10, time.Second, 1, 0, false},
		{"half of one processor", before, 10.5, time.Second, 1, 50, true},
		{"an eighth of four", before, 10.5, time.Second, 4, 12.5, true},
		{"all of half a one", before, 10.5, time.Second, 0.5, 100, true},
		{"nothing used", before, 10, time.Second, 1, 0, true},
		{"half a second", before, 10.25, 500 * time.Millisecond, 1, 50, true},
		{"no more than there is", before, 20, time.Second, 1, 100, true},
		{"no time passed", before, 10, 0, 1, 0, false},
		{"time went back", before, 10.5, -time.Second, 1, 0, false},
		{"the count went back", before, 9, time.Second, 1, 0, false},
		{"no processors", before, 10.5, time.Second, 0, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, ok := test.s.percent(test.used, at.Add(test.after), test.processors)
			if p != test.want || ok != test.ok {
				t.Errorf("%v, %v, want %v, %v", p, ok, test.want, test.ok)
			}
			if want := (span{test.used, at.Add(test.after), true}); test.s != want {
				t.Errorf("the next span begins at %+v, want %+v", test.s, want)
			}
		})
	}
}
