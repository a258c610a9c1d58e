package target_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/target"
)

const config = `
default: development
environments:
  development:
    url: http://dev
    token: dev-token
  staging:
    url: http://staging
    token_file: staging.token
  production:
    url: http://production
    token_env: PRODUCTION_TOKEN
  open:
    url: http://open
`

func folder(t *testing.T, content string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "perfmon"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config.yaml": content, "staging.token": "staging-token\n"} {
		if err := os.WriteFile(filepath.Join(dir, "perfmon", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A flag beats the environment, which beats the file, and a token goes to its own server
// alone.
func TestPrecedence(t *testing.T) {
	dir := folder(t, config)
	for name, test := range map[string]struct {
		flags target.Flags
		env   map[string]string
		want  target.Target
	}{
		"nothing but the file":                {want: target.Target{URL: "http://dev", Token: "dev-token", From: "the default environment development"}},
		"PERFMON_ENV":                         {env: map[string]string{"PERFMON_ENV": "staging"}, want: target.Target{URL: "http://staging", Token: "staging-token", From: "PERFMON_ENV=staging"}},
		"PERFMON_URL beats it":                {env: map[string]string{"PERFMON_ENV": "staging", "PERFMON_URL": "http://u", "PERFMON_TOKEN": "t"}, want: target.Target{URL: "http://u", Token: "t", From: "PERFMON_URL"}},
		"--env beats PERFMON_URL":             {flags: target.Flags{Env: "production"}, env: map[string]string{"PERFMON_URL": "http://u", "PERFMON_TOKEN": "t", "PRODUCTION_TOKEN": "p"}, want: target.Target{URL: "http://production", Token: "p", From: "--env production"}},
		"--url beats --env":                   {flags: target.Flags{Env: "production", URL: "http://flag", Token: "f"}, want: target.Target{URL: "http://flag", Token: "f", From: "--url"}},
		"--token beats the file":              {flags: target.Flags{Env: "staging", Token: "f"}, want: target.Target{URL: "http://staging", Token: "f", From: "--env staging"}},
		"a token without a URL":               {flags: target.Flags{Env: "open"}, env: map[string]string{"PERFMON_TOKEN": "t"}, want: target.Target{URL: "http://open", Token: "t", From: "--env open"}},
		"a token of the same URL":             {flags: target.Flags{URL: "http://u"}, env: map[string]string{"PERFMON_URL": "http://u", "PERFMON_TOKEN": "t"}, want: target.Target{URL: "http://u", Token: "t", From: "--url"}},
		"a token of another server":           {flags: target.Flags{URL: "http://flag"}, env: map[string]string{"PERFMON_URL": "http://u", "PERFMON_TOKEN": "t"}, want: target.Target{URL: "http://flag", From: "--url", Withheld: "PERFMON_TOKEN belongs to PERFMON_URL, which is another server, so it was not sent"}},
		"another, of an environment":          {flags: target.Flags{Env: "open"}, env: map[string]string{"PERFMON_URL": "http://u", "PERFMON_TOKEN": "t"}, want: target.Target{URL: "http://open", From: "--env open", Withheld: "PERFMON_TOKEN belongs to PERFMON_URL, which is another server, so it was not sent"}},
		"the file's is never sent to another": {flags: target.Flags{URL: "http://flag"}, want: target.Target{URL: "http://flag", From: "--url"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := target.Resolve(test.flags, env(dir, test.env))
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func env(dir string, more map[string]string) func(string) string {
	return func(name string) string {
		if name == "XDG_CONFIG_HOME" {
			return dir
		}
		return more[name]
	}
}

// Without a file there is a default server; a file that is named has to be there.
func TestWithoutAFile(t *testing.T) {
	got, err := target.Resolve(target.Flags{}, env(t.TempDir(), nil))
	if want := (target.Target{URL: target.DefaultURL, From: "the default"}); got != want || err != nil {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := target.Resolve(target.Flags{File: "nowhere.yaml"}, env(t.TempDir(), nil)); err == nil || !strings.Contains(err.Error(), "nowhere.yaml") {
		t.Error(err)
	}
}

// What is wrong in a file is named.
func TestWrongFiles(t *testing.T) {
	for want, content := range map[string]string{
		"field urls not found":                    "environments:\n  a:\n    urls: x\n",
		"environment a: url is missing":           "environments:\n  a:\n    token: x\n",
		"want one of token, token_file":           "environments:\n  a: {url: x, token: x, token_env: X}\n",
		"the environment variable NOPE is not":    "environments:\n  a: {url: x, token_env: NOPE}\n",
		"token_file: open":                        "environments:\n  a: {url: x, token_file: nope}\n",
		"there are b, c":                          "environments:\n  c: {url: x}\n  b: {url: x}\n",
		"there is none":                           "",
		"did not find expected node content":      "{",
		"mapping key \"default\" already defined": "default: a\ndefault: b\n",
	} {
		if _, err := target.Resolve(target.Flags{Env: "a"}, env(folder(t, content), nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestNames(t *testing.T) {
	want := []string{"development", "open", "production", "staging"}
	if diff := cmp.Diff(want, target.Names(target.Flags{}, env(folder(t, config), nil))); diff != "" {
		t.Error(diff)
	}
}
