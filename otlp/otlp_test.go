package otlp_test

import (
	"errors"
	"testing"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/otlp"
)

func TestBadOptions(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		m        *perfmon.Monitor
		protocol string
		options  []otlp.Option
		field    string
	}{
		"no monitor":          {nil, "", nil, "monitor"},
		"a nil option":        {m, "", []otlp.Option{nil}, "Option"},
		"no bucket":           {m, "", []otlp.Option{otlp.WithBuckets()}, "buckets"},
		"buckets that fall":   {m, "", []otlp.Option{otlp.WithBuckets(2, 1)}, "buckets"},
		"no database system":  {m, "", []otlp.Option{otlp.WithDatabaseSystem("")}, "database system"},
		"an unknown protocol": {m, "http/json", nil, "OTEL_EXPORTER_OTLP_PROTOCOL"},
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", test.protocol)
		_, err := otlp.Start(test.m, test.options...)
		var wrong *perfmon.FieldError
		if !errors.As(err, &wrong) || wrong.Field != test.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}
