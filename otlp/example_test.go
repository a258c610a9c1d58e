package otlp_test

import (
	"log"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/otlp"
)

func ExampleStart() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	e, err := otlp.Start(m) // to OTEL_EXPORTER_OTLP_ENDPOINT
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
}
