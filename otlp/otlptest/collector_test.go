package otlptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// build makes the collector, once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "collector")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "collector")
	if out, err := exec.Command("go", "build", "-o", binary, "./collector").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// collector is a running OpenTelemetry collector.
type collector struct {
	t    *testing.T
	file string // what it writes what it received to
}

// startCollector starts one that listens on two addresses.
func startCollector(t *testing.T, grpc, http string) *collector {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &collector{t, filepath.Join(dir, "metrics.json")}
	config := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}}
exporters: {file: {path: %q}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [file]}}
`, grpc, http, c.file)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command(binary, "--config", config)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("%s", out.Bytes())
		}
	})
	for _, addr := range []string{grpc, http} {
		until(t, "the collector listens", func() bool {
			select {
			case <-ended:
				t.Fatal("the collector ended")
			default:
			}
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return c
}

// until waits for something that another process does, for a minute.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	over := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-over:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// received is a request that the collector wrote down.
type received struct {
	ResourceMetrics []struct {
		Resource     struct{ Attributes attributes }
		ScopeMetrics []struct {
			Metrics []struct {
				Name, Unit           string
				Sum, Gauge           *series
				Histogram            *series
				ExponentialHistogram *series
			}
		}
	}
}

type attributes []struct {
	Key   string
	Value struct{ StringValue string }
}

func (a attributes) String() string {
	var list []string
	for _, kv := range a {
		list = append(list, kv.Key+"="+kv.Value.StringValue)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

type series struct {
	AggregationTemporality int
	IsMonotonic            bool
	DataPoints             []struct {
		Attributes     attributes
		AsInt          string
		AsDouble       float64
		Count          string
		Sum            float64
		BucketCounts   []string
		ExplicitBounds []float64
		Scale          int
		Positive       struct {
			Offset       int
			BucketCounts []string
		}
		Exemplars []struct {
			AsDouble float64
			TraceID  string
		}
	}
}

// last returns the latest request, the resource's attributes and a line for each point.
func (c *collector) last() (resource string, points map[string]string) {
	c.t.Helper()
	data, err := os.ReadFile(c.file)
	if err != nil {
		c.t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	var r received
	if err := json.Unmarshal(lines[len(lines)-1], &r); err != nil {
		c.t.Fatal(err)
	}
	points = map[string]string{}
	for _, rm := range r.ResourceMetrics {
		resource = rm.Resource.Attributes.String()
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				for kind, s := range map[string]*series{"sum": m.Sum, "gauge": m.Gauge, "histogram": m.Histogram, "exponential": m.ExponentialHistogram} {
					if s == nil {
						continue
					}
					if kind == "sum" && s.IsMonotonic {
						kind = "counter"
					}
					temporality := []string{"", "delta ", "cumulative "}[s.AggregationTemporality]
					for _, p := range s.DataPoints {
						value := fmt.Sprintf("%s%s %s", temporality, kind, m.Unit)
						switch kind {
						case "histogram":
							value += fmt.Sprintf(" count %s sum %.4g of %s in %g", p.Count, p.Sum, p.BucketCounts, p.ExplicitBounds)
						case "exponential":
							value += fmt.Sprintf(" count %s sum %.4g scale %d: %d buckets from %d", p.Count, p.Sum, p.Scale, len(p.Positive.BucketCounts), p.Positive.Offset)
						case "gauge":
							value += fmt.Sprintf(" %.4g", p.AsDouble)
						default:
							value += " " + p.AsInt
						}
						for _, e := range p.Exemplars {
							value += fmt.Sprintf(" exemplar %g of %s", e.AsDouble, e.TraceID)
						}
						key := m.Name + "{" + p.Attributes.String() + "}"
						if _, twice := points[key]; twice {
							c.t.Errorf("%s is there twice", key)
						}
						points[key] = value
					}
				}
			}
		}
	}
	return resource, points
}
