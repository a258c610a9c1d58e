// Command soak serves a monitored service for a while with everything around the monitor
// going wrong, and checks at the end that the host did not notice: every request was served
// and counted, samples were taken, no alert was lost, history is as long as it should be, and
// memory and goroutines are as they were.
//
//	go run ./internal/soak -for 2m                      # as ./test does
//	go run ./internal/soak -for 1h                      # before a release; docs/faults.md has the last long one
//	go run ./internal/soak -for 1m -faults store,streams
//
// It exits with 1 where something does not hold, and says what.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/exp/slices"
)

func main() {
	length := flag.Duration("for", 2*time.Minute, "how long; at least 30s")
	faults := flag.String("faults", "all", "\"all\", \"none\", or some of "+strings.Join(faultNames(), ","))
	seed := flag.Uint64("seed", 1, "of what is left to chance")
	flag.Parse()
	chosen, err := choose(*faults)
	if err == nil && *length < 30*time.Second {
		err = fmt.Errorf("-for: %v is not valid: want at least 30s", *length)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}
	r, err := soak(*length, chosen, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
	if !r.write(os.Stdout) {
		os.Exit(1)
	}
}

// choose returns the faults of a flag.
func choose(list string) (chosen []fault, err error) {
	if list == "none" {
		return nil, nil
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		if name != "all" && !slices.Contains(faultNames(), name) {
			return nil, fmt.Errorf("-faults: %q is not valid: want all, none, or some of %s", name, strings.Join(faultNames(), ","))
		}
	}
	for _, f := range faults {
		if slices.Contains(names, "all") || slices.Contains(names, f.name) {
			chosen = append(chosen, f)
		}
	}
	return chosen, nil
}
