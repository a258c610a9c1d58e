package main

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each kind of edit, by a body of one function and the edits of it.
func TestMutants(t *testing.T) {
	tests := []struct {
		name string
		body string
		want []string
	}{
		{"boundaries", "return a < b || a >= b", []string{
			"a < b || a >= b → a < b && a >= b", "a < b → a <= b", "a >= b → a > b",
		}},
		{"other boundaries", "f(a <= b, a > b)", []string{"without f(a <= b, a > b)", "a <= b → a < b", "a > b → a >= b"}},
		{"equality", "return a == b && a != b", []string{"a == b && a != b → a == b || a != b", "a == b → a != b", "a != b → a == b"}},
		{"arithmetic", "return a + b - a*b/a%b", []string{
			"a + b - a*b/a%b → a + b + a*b/a%b", "a + b → a - b", "a*b/a%b → a*b/a*b", "a*b/a → a*b*a", "a*b → a/b",
		}},
		{"bits", "return a&b | a<<b>>b", []string{
			"a&b | a<<b>>b → a&b & a<<b>>b", "a&b → a|b", "a<<b>>b → a<<b<<b", "a<<b → a>>b",
		}},
		{"increments", "a++; b--", []string{"a++ → a--", "b-- → b++"}},
		{"assignments", "a = b; a += b", []string{"without a = b", "a += b → a -= b", "without a += b"}},
		{"a definition stays, or nothing would compile", "c := a; return c", nil},
		{"whole numbers", "return 10", []string{"return 10 → return 11", "return 10 → return 9"}},
		{"other numbers are doubled", "return a*0.05 + 0.0", []string{"a*0.05 + 0.0 → a*0.05 - 0.0", "a*0.05 → a/0.05", "a*0.05 → a*(2*0.05)"}},
		{"truth", "return true, false", []string{"return true, false → return false, false", "return true, false → return true, true"}},
		{"negation and sign", "return !ok, -a", []string{"return !ok, -a → return ok, -a", "return !ok, -a → return !ok, a"}},
		{"calls", "defer f(); go f(); ch <- a", []string{"without defer f()", "without go f()", "without ch <- a"}},
		{"in the head of an if nothing is left out", "if a = b; ok { f() }", []string{"without f()"}},
		{"in a case it is", "switch { case ok: f() }", []string{"without f()"}},
		{"text is not added up", `return "a" + b`, nil},
		{"what nobody reads stays", `if ok { return 0, false }; if a { return 1, err }; return strconv.Atoi(s, 64), errors.New("x")`, []string{
			"return 0, false → return 0, true",
		}},
		{"of what has a body only the edit is shown", "for range 5 { f() }", []string{"5 → 6", "5 → 4", "without f()"}},
		{"the second of two like it has a number", "f(); f()", []string{"without f()", "without f() #2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := []byte("package p\n\nfunc (p *T[int]) F() {\n\t" + test.body + "\n}\n")
			found, err := mutantsOf("x/y.go", src)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range found {
				edit, ok := strings.CutPrefix(m.key(), "x/y.go: T.F: ")
				if !ok || m.line != 4 {
					t.Errorf("it is named %q at line %d", m.key(), m.line)
				}
				got = append(got, edit)
				changed := m.apply(src)
				if string(changed) == string(src) {
					t.Errorf("%s changes nothing", edit)
				}
				if _, err := parser.ParseFile(token.NewFileSet(), "", changed, 0); err != nil {
					t.Errorf("%s is no Go: %v\n%s", edit, err, changed)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestApply(t *testing.T) {
	src := []byte("package p\n\nvar x = 1 < 2\n")
	found, err := mutantsOf("p.go", src)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		got = append(got, strings.Split(string(m.apply(src)), "\n")[2])
	}
	want := []string{"var x = 1 <= 2", "var x = 2 < 2", "var x = 0 < 2", "var x = 1 < 3", "var x = 1 < 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a long statement is called stays short, and the lines below it stay where they are.
func TestRemovalOfManyLines(t *testing.T) {
	src := []byte("package p\n\nfunc F() {\n\tf(func() {\n\t\t" + strings.Repeat("é", 100) + "()\n\t})\n\tg()\n}\n")
	found, err := mutantsOf("p.go", src)
	if err != nil {
		t.Fatal(err)
	}
	m := found[0]
	if got, want := m.edit, "without f(func() { "; !strings.HasPrefix(got, want) || len(got) > 100 {
		t.Errorf("the edit is called %q", got)
	}
	if got, want := strings.Count(string(m.apply(src)), "\n"), strings.Count(string(src), "\n"); got != want {
		t.Errorf("%d lines are left of %d", got, want)
	}
}

func TestNamesOfDeclarations(t *testing.T) {
	src := []byte("package p\n\nimport \"fmt\"\n\nconst c = 1 + c\n\nvar (\n\tv = 1 + v\n)\n\ntype t struct {\n\t_ [7]byte\n\ta [8]byte\n}\n\nfunc f() int { return 0x10 }\n")
	found, err := mutantsOf("p.go", src)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		if len(got) == 0 || got[len(got)-1] != m.fn {
			got = append(got, m.fn)
		}
	}
	if diff := cmp.Diff([]string{"const c", "var v", "type t", "f"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNoGoIsAnError(t *testing.T) {
	if _, err := mutantsOf("p.go", []byte("not Go")); err == nil {
		t.Error("no error")
	}
}

func TestDraw(t *testing.T) {
	all := make([]mutant, 100)
	for i := range all {
		all[i].line = i
	}
	if got := draw(all, 0, 1); len(got) != 100 {
		t.Errorf("0 draws %d of 100", len(got))
	}
	if got := draw(all, 200, 1); len(got) != 100 {
		t.Errorf("200 draws %d of 100", len(got))
	}
	first, second, other := draw(all, 10, 1), draw(all, 10, 1), draw(all, 10, 2)
	if len(first) != 10 || !cmp.Equal(first, second, cmp.AllowUnexported(mutant{})) {
		t.Errorf("the same seed draws %v and %v", first, second)
	}
	if cmp.Equal(first, other, cmp.AllowUnexported(mutant{})) {
		t.Errorf("another seed draws the same")
	}
}
