package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// folded is a store with an open alert for each metric, of what the monitor folds together
// and calls "(other)". A host cannot raise one there: the records are those of another
// organization, under that name.
func folded(t testing.TB, metrics ...string) (store perfmon.Store, ids []string) {
	t.Helper()
	mock := clock.NewMock()
	from, to := &perfmon.MemoryStore{}, &perfmon.MemoryStore{}
	m, err := perfmon.New(perfmon.WithClock(mock), perfmon.WithoutSystemMetrics(), perfmon.WithStore(from))
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range metrics {
		a, err := m.Alerts().Raise(perfmon.HostAlert{Metric: metric, Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Organization: "another"}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	var last uint64
	err = from.Load(context.Background(), func(r perfmon.Record) error {
		data, err := json.Marshal(r)
		if err != nil {
			return err
		}
		var under perfmon.Record
		if err := json.Unmarshal(bytes.ReplaceAll(data, []byte(`"another"`), []byte(`"(other)"`)), &under); err != nil {
			return err
		}
		err = to.Append(context.Background(), last, []perfmon.Record{under})
		last = under.Number
		return err
	}, func(perfmon.Point) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return to, ids
}
