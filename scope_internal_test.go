package perfmon

import (
	"testing"
)

func TestPatternMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "anything", true},
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"abc", "xabc", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*", "a", true},
		{"a*", "ba", false},
		{"*c", "abc", true},
		{"*c", "abcd", false},
		{"a*c", "abc", true},
		{"a*c", "ac", true},
		{"a*a", "a", false},
		{"ab*bc", "abc", false},
		{"a*b*c", "a-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"a*b*c", "abc", true},
		{"a**c", "abc", true},
		{"a*bb*b", "abb", false},
		{"a*bb*b", "abbb", true},
		{"*b*", "abc", true},
		{"*b*", "b", true},
		{"*b*", "ac", false},
	} {
		if got := matchPattern(test.pattern, test.name); got != test.want {
			t.Errorf("%q matches %q: %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
}

func TestPatternSpecificity(t *testing.T) {
	for pattern, want := range map[string]int{"": 0, "*": 0, "**": 0, "a*": 1, "a*bc": 3, "a": 1 + 1<<20, "abc": 3 + 1<<20} {
		if got := specificity(pattern); got != want {
			t.Errorf("%q: %d, want %d", pattern, got, want)
		}
	}
}

func TestPatternScopes(t *testing.T) {
	for _, test := range []struct {
		scope Scope
		kind  ScopeKind
		text  string
		name  string
	}{
		{Scope{}, ScopeService, "service", ""},
		{Scope{Endpoint: "GET /"}, ScopeEndpoint, "GET /", "GET /"},
		{Scope{Organization: "acme"}, ScopeOrganization, "organization acme", "acme"},
		{Scope{"GET /", "acme"}, ScopeOrganization, "GET / of acme", "acme"},
	} {
		if k, s, n := test.scope.Kind(), test.scope.String(), test.scope.name(); k != test.kind || s != test.text || n != test.name {
			t.Errorf("%+v is %q, %q, %q", test.scope, k, s, n)
		}
	}
	th := Threshold{Scope: ScopeEndpoint, AppliesTo: "GET *"}
	if !th.Matches(Scope{Endpoint: "GET /"}) || th.Matches(Scope{Endpoint: "PUT /"}) || th.Matches(Scope{Organization: "GET /"}) || th.Matches(Scope{}) {
		t.Error("a threshold matches what it should not, or does not match what it should")
	}
	if !(Threshold{}).Matches(Scope{}) {
		t.Error("the zero value is not about the service")
	}
	if k := (Key{"m", Scope{Endpoint: "GET /"}}); k.String() != "m of GET /" {
		t.Errorf("the key is %q", k)
	}
}
