package main

import (
	"fmt"
	"go/build"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// brief are tests of the root package that run a monitor for minutes of its clock.
const brief = "TestBadOptions|TestAlert|TestLifeOfAnAlert|TestScopes|TestActsByHand|TestThresholds|TestRun|TestAbsence|TestPatterns|TestOneLimitAlone|TestServiceCovers|TestWordsAreTrue|TestMessageOfTheHost|TestDiagnostics|TestHealth|TestOutage|TestIncidents|TestExtremeValues|TestNoRegression|TestRegression|TestBaselineNeeds"

// slow are tests that take seconds. They run on the mutants that live on.
const slow = "TestAlertInvariants|TestQuietServices|TestRestoredMonitor"

// root judges a file of the root package: first by the tests inside the package, which
// call what decides directly, then by those that run a monitor.
var root = []suite{{pkg: ".", inside: true}, {pkg: ".", run: brief, skip: slow}}

// decide lists the files that decide what people are told, and the tests that judge
// them. A file that is not here is judged by its own package's tests.
var decide = []struct {
	files string // as for path.Match
	tests []suite
}{
	{"internal/lifecycle/*.go", []suite{{pkg: "internal/lifecycle"}}},
	{"thresholds.go", append(root[:2:2], suite{pkg: "httpapi", run: "Threshold|TestBadRequests"}, suite{pkg: ".", run: "TestQuietServices"})},
	{"finding.go", root},
	{"judge.go", append(root[:2:2], suite{pkg: ".", run: "TestQuietServices|TestRestoredMonitorGoesOn"})},
	{"alertlife.go", append(root[:2:2], suite{pkg: ".", run: slow})},
	{"evidence.go", root},
	{"baseline.go", append(root[:2:2], suite{pkg: ".", run: "TestBaselinesAreKept|TestSteadyService"})},
	{"health.go", root},
	{"scope.go", root},
	{"analyze/mean.go", statistics},
	{"analyze/difference.go", statistics},
	{"analyze/summary.go", statistics},
	{"analyze/trend.go", statistics},
	{"analyze/changepoints.go", statistics},
	{"analyze/posterior.go", statistics},
	{"analyze/segments.go", statistics},
	{"analyze/regression.go", statistics},
	{"httpapi/access.go", []suite{{pkg: "httpapi"}}},
}

// simulations are tests of package analyze that try what it says on many series.
const simulations = "TestInterval|TestPValueHolds|TestTrendDirection|TestNoChangePoints|TestChangePointsAreFound|TestDegreesOfFreedom"

// statistics judges a file of package analyze by its fast tests first. Those of the
// detector have nothing to do with what is judged.
var statistics = []suite{
	{pkg: "analyze", skip: simulations + "|Anomal|Detector|Noise|Scores|LongSeries"}, {pkg: "analyze", run: simulations},
}

// testsOf returns the suites that judge a file.
func testsOf(file string) []suite {
	for _, d := range decide {
		if ok, _ := path.Match(d.files, file); ok {
			return d.tests
		}
	}
	return []suite{{pkg: path.Dir(file)}}
}

// filesOf returns the files to mutate, relative to root: those of the packages, or of
// the table where there are none; of these those with one of the names, where there are any.
func filesOf(root string, packages, names []string) ([]string, error) {
	var patterns []string
	for _, p := range packages {
		patterns = append(patterns, path.Join(path.Clean(filepath.ToSlash(p)), "*.go"))
	}
	if len(packages) == 0 {
		for _, d := range decide {
			patterns = append(patterns, d.files)
		}
	}
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no %s", pattern)
		}
		for _, name := range found {
			file, err := filepath.Rel(root, name)
			if err != nil {
				return nil, err
			}
			file = filepath.ToSlash(file)
			if strings.HasSuffix(file, "_test.go") || len(names) > 0 && !slices.Contains(names, path.Base(file)) {
				continue
			}
			if ok, err := build.Default.MatchFile(filepath.Dir(name), filepath.Base(name)); err != nil || !ok {
				continue // for another system
			}
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no file of %s is called %s", strings.Join(patterns, ", "), strings.Join(names, ", "))
	}
	return files, nil
}

// moduleRoot returns the folder of go.mod, at or above the working folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod here or above")
		}
		dir = parent
	}
}
