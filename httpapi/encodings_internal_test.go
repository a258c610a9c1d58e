package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// An event is encoded once for all super admins who ask at about the same time, once for all
// organization admins who are no authors of it, and what is kept is bounded.
func TestEncodings(t *testing.T) {
	var c encodings
	event := func(number uint64) *perfmon.AlertEvent {
		return &perfmon.AlertEvent{Number: number, At: time.Unix(1, 0), Alert: perfmon.Alert{Message: strings.Repeat("x", 100_000)}}
	}
	of := func(number uint64) *frame {
		f, err := c.of(event(number), Principal{SuperAdmin: true})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := of(1)
	if of(1) != first {
		t.Error("it is encoded twice")
	}
	admin := func(name string) *frame {
		e := event(1)
		e.Alert.Message, e.By, e.Alert.Changes = "m", "root", []perfmon.AlertTransition{{By: "Anna"}}
		f, err := c.of(e, Principal{Name: name, Organization: name})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	ben, anna := admin("Ben"), admin("Anna")
	if ben != admin("Eve") || anna == ben || anna != admin("Anna") || strings.Contains(string(ben.data), "Anna") || strings.Contains(string(anna.data), "root") {
		t.Errorf("of organization admins: %s and %s", anna.data, ben.data)
	}
	for number := range uint64(100) {
		of(number + 1)
	}
	if len(c.kept) != len(c.order) || c.bytes > maxEncodings || len(c.kept) != 41 {
		t.Errorf("%d are kept, %d in order, of %d bytes", len(c.kept), len(c.order), c.bytes)
	}
	if of(1) == first {
		t.Error("the first is still kept")
	}
	c.clear()
	if c.bytes != 0 || len(c.kept) != 0 {
		t.Error("something is left")
	}
}
