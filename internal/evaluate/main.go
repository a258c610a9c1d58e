// Command evaluate prints what the detection of package analyze does on real and on
// simulated series, beside what it should do. docs/detection.md explains its table.
//
//	go run ./internal/evaluate          # ten minutes, for people; says on stderr how far it is
//	go run ./internal/evaluate -quick   # under a minute, as the test runs it
//	go run ./internal/evaluate -only nab
//
// The labelled series are looked for in shared/data beside the clone, or in the folder
// that -data names; without them their rows are left out, and the table says so.
package main

import (
	"flag"
	"os"
	"path/filepath"
)

func main() {
	quick := flag.Bool("quick", false, "fewer simulated series")
	seed := flag.Uint64("seed", 1, "of the simulation")
	only := flag.String("only", "", "one group of rows")
	flag.StringVar(&dataFlag, "data", "", "folder that holds nab/ and tcpd/")
	flag.Parse()
	e := evaluation{quick: *quick, seed: *seed, out: os.Stdout}
	if !*quick {
		e.progress = os.Stderr
	}
	if !e.run(*only) {
		os.Exit(1)
	}
}

var dataFlag string

// dataDir returns the folder of labelled series, "" where there is none.
func dataDir(name string) string {
	candidates := []string{filepath.Join(dataFlag, name)}
	if dataFlag == "" {
		candidates = nil
		dir, err := os.Getwd()
		for err == nil && dir != filepath.Dir(dir) {
			candidates = append(candidates, filepath.Join(dir, "shared", "data", name))
			dir = filepath.Dir(dir)
		}
	}
	for _, dir := range candidates {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return ""
}
