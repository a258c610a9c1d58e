package main

import (
	"context"
	"errors"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// fileConfig is what the file exporter needs to know.
type fileConfig struct {
	Path string `mapstructure:"path"`
}

func (c *fileConfig) Validate() error {
	if c.Path == "" {
		return errors.New("path: want the name of a file")
	}
	return nil
}

// newFileFactory makes an exporter that appends metrics to a file, a line of OTLP JSON for
// each request, as the file exporter of the contrib repository does. A test of that one
// needs a module that the module proxy does not have, which go mod tidy insists on.
func newFileFactory() exporter.Factory {
	return exporter.NewFactory(
		component.MustNewType("file"),
		func() component.Config { return &fileConfig{} },
		exporter.WithMetrics(newFileExporter, component.StabilityLevelDevelopment),
	)
}

func newFileExporter(ctx context.Context, set exporter.Settings, c component.Config) (exporter.Metrics, error) {
	e := &fileExporter{path: c.(*fileConfig).Path}
	return exporterhelper.NewMetrics(ctx, set, c, e.write, exporterhelper.WithCapabilities(consumer.Capabilities{}))
}

type fileExporter struct {
	path string
	mu   sync.Mutex // of the file
	json pmetric.JSONMarshaler
}

func (e *fileExporter) write(_ context.Context, metrics pmetric.Metrics) error {
	line, err := e.json.MarshalMetrics(metrics)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	f, err := os.OpenFile(e.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
