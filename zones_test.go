package perfmon_test

import (
	"testing"
	"time"
	_ "time/tzdata" // for systems without time zones
)

// zone returns the location of a name.
func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}
