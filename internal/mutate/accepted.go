package main

import (
	"fmt"
	"strings"
)

// parseAccepted reads the list of accepted survivors: a mutant's key, two dashes and a
// reason on each line. Empty lines and lines that begin with # are left out.
func parseAccepted(text string) (map[string]string, error) {
	reasons := map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, ok := strings.Cut(line, " -- ")
		key, reason = strings.TrimSpace(key), strings.TrimSpace(reason)
		if !ok || key == "" || reason == "" {
			return nil, fmt.Errorf("line %d: %q: want a mutant, \" -- \" and a reason", n, line)
		}
		if _, twice := reasons[key]; twice {
			return nil, fmt.Errorf("line %d: %q is there twice", n, key)
		}
		reasons[key] = reason
	}
	return reasons, nil
}
