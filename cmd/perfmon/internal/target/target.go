// Package target says which server a command asks, and with which token: by flags, by the
// environment, or by a file of named environments.
package target

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DefaultURL is asked where nothing says another.
const DefaultURL = "http://localhost:8080"

// Flags are what the command line says; an empty one says nothing.
type Flags struct {
	URL, Token string
	Env        string // a name in the file
	File       string // another file than the usual one
}

// Target is a server.
type Target struct {
	URL, Token string
	From       string // what said the URL
	Withheld   string // why a token that there is was not taken; "" where none is withheld
}

// file is the configuration file.
type file struct {
	Default      string                 `yaml:"default"`
	Environments map[string]environment `yaml:"environments"`
}

type environment struct {
	URL       string `yaml:"url"`
	Token     string `yaml:"token"`
	TokenFile string `yaml:"token_file"` // relative to the configuration file
	TokenEnv  string `yaml:"token_env"`  // an environment variable
}

// Resolve settles the server. A flag beats the environment, which beats the file; --url
// beats --env. A token goes to the server that it belongs to alone: that of an environment
// of the file to its URL, and PERFMON_TOKEN to PERFMON_URL where that is set.
func Resolve(f Flags, getenv func(string) string) (t Target, err error) {
	url, token, name := getenv("PERFMON_URL"), getenv("PERFMON_TOKEN"), getenv("PERFMON_ENV")
	var env environment
	switch {
	case f.URL != "":
		t.URL, t.From = f.URL, "--url"
	case f.Env != "":
		env, err = named(f.Env, "--env", f, getenv)
		t.URL, t.From = env.URL, "--env "+f.Env
	case url != "":
		t.URL, t.From = url, "PERFMON_URL"
	case name != "":
		env, err = named(name, "PERFMON_ENV", f, getenv)
		t.URL, t.From = env.URL, "PERFMON_ENV="+name
	default:
		env, name, err = standard(f, getenv)
		if t.URL, t.From = env.URL, "the default environment "+name; name == "" {
			t.URL, t.From = DefaultURL, "the default"
		}
	}
	switch {
	case err != nil:
		return t, err
	case f.Token != "":
		t.Token = f.Token
	case env.Token != "":
		t.Token = env.Token
	case token != "" && url != "" && url != t.URL:
		t.Withheld = "PERFMON_TOKEN belongs to PERFMON_URL, which is another server, so it was not sent"
	default:
		t.Token = token
	}
	t.Token = strings.TrimSpace(t.Token)
	return t, nil
}

// Names lists the environments of the file, sorted.
func Names(f Flags, getenv func(string) string) []string {
	list, _, err := read(f, getenv)
	if err != nil {
		return nil
	}
	var names []string
	for name := range list.Environments {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// standard returns the environment that the file calls the default, with its name, which
// is empty where there is none.
func standard(f Flags, getenv func(string) string) (environment, string, error) {
	list, path, err := read(f, getenv)
	if err != nil || list.Default == "" {
		return environment{}, "", err
	}
	env, err := pick(list, path, list.Default, "default in "+path, getenv)
	return env, list.Default, err
}

func named(name, from string, f Flags, getenv func(string) string) (environment, error) {
	list, path, err := read(f, getenv)
	if err != nil {
		return environment{}, err
	}
	return pick(list, path, name, from, getenv)
}

// pick returns an environment with its token in place.
func pick(list file, path, name, from string, getenv func(string) string) (environment, error) {
	env, ok := list.Environments[name]
	if !ok {
		known := "there is none"
		if names := Names(Flags{File: path}, getenv); len(names) > 0 {
			known = "there are " + strings.Join(names, ", ")
		}
		return env, fmt.Errorf("%s: %q is not valid: want an environment of %s; %s", from, name, path, known)
	}
	fault := func(format string, args ...any) (environment, error) {
		return env, fmt.Errorf("%s: environment %s: %s", path, name, fmt.Sprintf(format, args...))
	}
	given := 0
	for _, s := range []string{env.Token, env.TokenFile, env.TokenEnv} {
		if s != "" {
			given++
		}
	}
	switch {
	case env.URL == "":
		return fault("url is missing")
	case given > 1:
		return fault("want one of token, token_file and token_env, there are %d", given)
	case env.TokenFile != "":
		at := env.TokenFile
		if !filepath.IsAbs(at) {
			at = filepath.Join(filepath.Dir(path), at)
		}
		data, err := os.ReadFile(at)
		if err != nil {
			return fault("token_file: %v", err)
		}
		env.Token = string(data)
	case env.TokenEnv != "":
		if env.Token = getenv(env.TokenEnv); env.Token == "" {
			return fault("token_env: the environment variable %s is not set", env.TokenEnv)
		}
	}
	return env, nil
}

// read reads the file. That the usual one is not there is no error.
func read(f Flags, getenv func(string) string) (list file, path string, err error) {
	path, asked := f.File, true
	if path == "" {
		path = getenv("PERFMON_CONFIG")
	}
	if path == "" {
		asked = false
		if path = usual(getenv); path == "" {
			return list, "the configuration file, for which there is no place", nil
		}
	}
	data, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return list, path, nil
	}
	if err != nil {
		return list, path, fmt.Errorf("configuration file: %w", err)
	}
	defer func() { _ = data.Close() }()
	d := yaml.NewDecoder(data)
	d.KnownFields(true)
	if err := d.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return list, path, fmt.Errorf("configuration file %s: %w", path, err)
	}
	return list, path, nil
}

// usual is where the file is on this system: perfmon/config.yaml in the folder for
// configuration.
func usual(getenv func(string) string) string {
	folder := getenv("XDG_CONFIG_HOME")
	if folder == "" {
		var err error
		if folder, err = os.UserConfigDir(); err != nil {
			return ""
		}
	}
	return filepath.Join(folder, "perfmon", "config.yaml")
}
