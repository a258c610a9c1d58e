package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
)

// methods are those that the API takes.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}

func (a *app) api() *cobra.Command {
	cmd := a.verb("api [METHOD] PATH [NAME=VALUE...]", "Make any call of the API", `
Makes a call of the API, also one that this version of perfmon has no verb for, and prints its answer. PATH is relative to
the API. NAME=VALUE are parameters of the call. --input reads a JSON body from a file, - from the standard input.`,
		"api health/", "api series/ metric=error_rate hours=1", "api openapi.json",
		`api PUT config/ --input - <<< '{"updates": {"trend_analysis": false}}'`)
	cmd.Args = cobra.MinimumNArgs(1)
	input := cmd.Flags().String("input", "", "`file` with the body")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		method := http.MethodGet
		if upper := strings.ToUpper(args[0]); len(args) > 1 && slices.Contains(methods, upper) {
			method, args = upper, args[1:]
		}
		q := client.Query{}
		for _, arg := range args[1:] {
			name, value, ok := strings.Cut(arg, "=")
			if !ok || name == "" {
				return fmt.Errorf("api: %q is not valid: want NAME=VALUE", arg)
			}
			if _, twice := q[name]; twice {
				return fmt.Errorf("api: %s is given twice", name)
			}
			q[name] = value
		}
		body, err := a.body(*input)
		if err != nil {
			return err
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		data, err := c.Do(cmd.Context(), method, strings.TrimLeft(args[0], "/"), q, body)
		if err != nil || len(data) == 0 {
			return err
		}
		return a.raw(data)
	}
	return cmd
}

// body reads a JSON body; nil where there is none.
func (a *app) body(name string) (any, error) {
	if name == "" {
		return nil, nil
	}
	in, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	if !json.Valid(data) {
		return nil, fmt.Errorf("--input: %s is no JSON", name)
	}
	return json.RawMessage(data), nil
}
