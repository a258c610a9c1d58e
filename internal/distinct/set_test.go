package distinct_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/distinct"
)

func encode(t testing.TB, s interface {
	AppendBinary([]byte) ([]byte, error)
}) []byte {
	t.Helper()
	data, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Any split of the same strings over processes and slices merges to the same set.
func TestAnySplitMergesToTheSame(t *testing.T) {
	for _, n := range []int{0, 1, 50, 1024, 1025, 3000, 20_000} {
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		var whole, merged, decoded distinct.Set
		parts := make([]distinct.Set, 1+rng.IntN(8))
		for i := range n {
			s := fmt.Sprint("user-", i)
			whole.Add(s)
			for range 1 + rng.IntN(3) { // one user may be seen by several
				parts[rng.IntN(len(parts))].Add(s)
			}
		}
		for _, i := range rng.Perm(len(parts)) {
			merged.Merge(&parts[i])
			if err := decoded.MergeBinary(encode(t, &parts[i])); err != nil {
				t.Fatal(err)
			}
		}
		want := encode(t, &whole)
		for name, s := range map[string]*distinct.Set{"merged": &merged, "decoded": &decoded} {
			if diff := cmp.Diff(want, encode(t, s)); diff != "" {
				t.Errorf("%d strings, %s (-want +got):\n%s", n, name, diff)
			}
		}
		if got := float64(whole.Count()); math.Abs(got-float64(n)) > 0.05*float64(n) || n <= 1024 && got != float64(n) {
			t.Errorf("%d strings are counted as %v", n, got)
		}
	}
}

// The figures of two processes are of the union of their users.
func TestWindowsMerge(t *testing.T) {
	a, b := newWindow(), newWindow()
	for i := range 300 {
		a.Add(fmt.Sprint(i))
		b.Add(fmt.Sprint(i + 100))
	}
	union := a.Set()
	if err := union.MergeBinary(encode(t, b.Set())); err != nil {
		t.Fatal(err)
	}
	if got := union.Count(); got != 400 {
		t.Errorf("the union counts %d, want 400", got)
	}
}

// Hashes are kept and sent to other processes: they may only change with Version.
func TestEncodingIsStable(t *testing.T) {
	var s distinct.Set
	for _, str := range []string{"", "a", "12345678", "123456789", "somebody@example.com"} {
		s.Add(str)
	}
	want := "0100" + "5abc74d6f859e50a" + "24e2109e0f231b16" + "f97835e8dd95881c" + "8c28f78ab31c793e" + "9031132226675562"
	if got := fmt.Sprintf("%x", encode(t, &s)); got != want {
		t.Errorf("it is encoded as\n%s, want\n%s", got, want)
	}
}

// Strings that differ little are told apart as well as any.
func TestHashesSpread(t *testing.T) {
	var few, many distinct.Set
	for i := range 1000 {
		few.Add(string([]byte{byte(i), byte(i >> 8)}))
	}
	if got := few.Count(); got != 1000 {
		t.Errorf("1000 strings of two bytes are counted as %d", got)
	}
	for i := range 50_000 {
		many.Add(fmt.Sprintf("%08d-and-the-same-end-for-all", i))
		many.Add(fmt.Sprintf("the-same-beginning-for-all-%08d", i))
	}
	if got := float64(many.Count()); math.Abs(got-100_000) > 0.05*100_000 {
		t.Errorf("100000 strings are counted as %v", got)
	}
}

func TestRefusedEncodings(t *testing.T) {
	var few, many distinct.Set
	few.Add("a")
	few.Add("b")
	for i := range 2000 {
		many.Add(fmt.Sprint(i))
	}
	sound, large := encode(t, &few), encode(t, &many)
	highRank := append([]byte{}, large...)
	highRank[10] = 53
	tests := []struct {
		name    string
		data    []byte
		want    string
		damaged bool
	}{
		{"empty", nil, "distinct: damaged encoding: it is empty", true},
		{"a later version", append([]byte{2}, sound[1:]...), "distinct: encoding of version 2: this package reads version 1", false},
		{"version alone", sound[:1], "distinct: damaged encoding: it ends after the version", true},
		{"cut", sound[:len(sound)-1], "distinct: damaged encoding: 15 bytes of kind 0", true},
		{"twice the same", append(append([]byte{}, sound...), sound[10:]...), "distinct: damaged encoding: its hashes do not ascend", true},
		{"unknown kind", []byte{1, 7}, "distinct: damaged encoding: 0 bytes of kind 7", true},
		{"registers cut", large[:len(large)-1], "distinct: damaged encoding: 8191 bytes of kind 1", true},
		{"a rank too high", highRank, "distinct: damaged encoding: rank 53", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s distinct.Set
			s.Add("x")
			before := encode(t, &s)
			err := s.MergeBinary(test.data)
			if err == nil || err.Error() != test.want || errors.Is(err, distinct.ErrDamaged) != test.damaged {
				t.Errorf("%v, want %q", err, test.want)
			}
			if diff := cmp.Diff(before, encode(t, &s)); diff != "" {
				t.Errorf("it was changed (-want +got):\n%s", diff)
			}
		})
	}
}

// A window that is restored answers as the old one does, now and as it slides on.
func TestWindowIsRestored(t *testing.T) {
	for _, users := range []int{0, 30, 2500, 5000} {
		rng := rand.New(rand.NewPCG(uint64(users), 1))
		old, restored := newWindow(), newWindow()
		now := epoch
		add := func(windows ...*distinct.Window) {
			for range users / 10 {
				s := fmt.Sprint(rng.IntN(2*users + 1))
				for _, w := range windows {
					w.Add(s)
				}
			}
			now = now.Add(20 * time.Second)
			for _, w := range windows {
				w.Advance(now)
			}
		}
		for range 25 {
			add(old)
		}
		if err := restored.RestoreBinary(encode(t, old)); err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			if a, b := old.Count(), restored.Count(); a != b || old.Used() != restored.Used() {
				t.Fatalf("%d users, %d steps later: %d, want %d", users, i, b, a)
			}
			if diff := cmp.Diff(encode(t, old), encode(t, restored)); diff != "" {
				t.Fatalf("%d users, %d steps later (-want +got):\n%s", users, i, diff)
			}
			if i < 10 {
				add(old, restored)
				continue
			}
			now = now.Add(20 * time.Second)
			old.Advance(now)
			restored.Advance(now)
		}
	}
}

func TestRefusedWindows(t *testing.T) {
	w := newWindow()
	w.Add("a")
	sound := encode(t, w)
	other := distinct.New(time.Minute, 10, epoch)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "distinct: damaged encoding: a window of 0 bytes"},
		{"a later version", append([]byte{2}, sound[1:]...), "distinct: window of version 2: this package reads version 1"},
		{"cut", sound[:len(sound)-1], fmt.Sprintf("distinct: damaged encoding: a window of %d bytes", len(sound)-1)},
		{"something behind", append(append([]byte{}, sound...), 0), fmt.Sprintf("distinct: damaged encoding: a window of %d bytes", len(sound)+1)},
		{"other slices", encode(t, other), "distinct: a window of 11 slices of 6s: this one has 11 of 30s"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := w.RestoreBinary(test.data); err == nil || err.Error() != test.want {
				t.Errorf("%v, want %q", err, test.want)
			}
			if diff := cmp.Diff(sound, encode(t, w)); diff != "" {
				t.Errorf("it was changed (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDecoding(f *testing.F) {
	w := newWindow()
	w.Add("a")
	var many distinct.Set
	for i := range 2000 {
		many.Add(fmt.Sprint(i))
	}
	f.Add(encode(f, w))
	f.Add(encode(f, w.Set()))
	f.Add(encode(f, &many))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again distinct.Set
		s.Add("x")
		before := encode(t, &s)
		if err := s.MergeBinary(data); err != nil {
			if diff := cmp.Diff(before, encode(t, &s)); diff != "" {
				t.Fatalf("refused, and changed all the same (-want +got):\n%s", diff)
			}
		}
		if err := again.MergeBinary(encode(t, &s)); err != nil || again.Count() != s.Count() {
			t.Fatalf("the round trip yields %v, %d of %d", err, again.Count(), s.Count())
		}
		w := newWindow()
		if w.RestoreBinary(data) == nil {
			w2 := newWindow()
			if err := w2.RestoreBinary(encode(t, w)); err != nil || w2.Count() != w.Count() {
				t.Fatalf("the round trip of a window yields %v, %d of %d", err, w2.Count(), w.Count())
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	w := newWindow()
	users := make([]string, 1000)
	for i := range users {
		users[i] = fmt.Sprintf("user-%d-4b3f-9c1e-%012d", i, i*7919)
	}
	for i := 0; b.Loop(); i++ {
		w.Add(users[i%len(users)])
	}
}
