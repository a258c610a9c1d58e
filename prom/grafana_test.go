package prom_test

import (
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/prom"
)

// dashboard is what the test reads of Grafana's JSON model.
type dashboard struct {
	Title  string
	UID    string `json:"uid"`
	Panels []struct {
		ID      int
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, RefID string }
	}
	Templating  struct{ List []struct{ Name, Type string } }
	Annotations struct{ List []struct{ Expr string } }
}

// generate runs the command.
func generate(t *testing.T, args ...string) dashboard {
	t.Helper()
	out, err := exec.Command("go", append([]string{"run", "./grafana"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// queries returns all that a dashboard asks Prometheus.
func (d dashboard) queries() map[string]string {
	all := map[string]string{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = target.Expr
		}
	}
	for _, a := range d.Annotations.List {
		all["annotation"] = a.Expr
	}
	return all
}

var metricName = regexp.MustCompile(`\bshop_[a-z0-9_]+`)

// Every query of the Grafana dashboard names metrics that a collector has, and every gauge,
// counter and histogram of request and the system is on it. Panels do not overlap.
func TestGrafanaDashboard(t *testing.T) {
	d := generate(t, "-namespace", "shop")
	exported := exportedNames(t)
	used := map[string]bool{}
	for where, expr := range d.queries() {
		found := metricName.FindAllString(expr, -1)
		if len(found) == 0 {
			t.Errorf("%s: %s names no metric", where, expr)
		}
		for _, name := range found {
			if used[name] = true; !exported[name] {
				t.Errorf("%s: there is no metric %s", where, name)
			}
		}
		if strings.Contains(expr, "NS_") || strings.Contains(expr, "SEL") {
			t.Errorf("%s: %s", where, expr)
		}
	}
	for name := range exported {
		switch {
		case used[name], strings.HasSuffix(name, "_count"), strings.HasSuffix(name, "_info"), strings.HasPrefix(name, "shop_exporter_"),
			strings.HasPrefix(name, "shop_response_time_"), // their histogram is used
			name == "shop_throughput_per_second", name == "shop_error_ratio", name == "shop_cache_hit_ratio",
			name == "shop_database_query_time_avg_seconds", name == "shop_streams_total": // computed from totals
		default:
			t.Errorf("%s is on no panel", name)
		}
	}
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("%s has the number %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// exportedNames are the names of all series of a collector of a service that uses all there
// is; those of native histograms among them.
func exportedNames(t *testing.T) map[string]bool {
	t.Helper()
	m, err := perfmon.New(perfmon.WithQueueSize(func() int { return 1 }))
	if err != nil {
		t.Fatal(err)
	}
	c, err := prom.New(m, prom.WithNamespace("shop"))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	all := make(chan *prometheus.Desc, 1000)
	c.Describe(all)
	close(all)
	exported := map[string]bool{}
	quoted := regexp.MustCompile(`fqName: "([^"]+)"`)
	for desc := range all {
		name := quoted.FindStringSubmatch(desc.String())[1]
		exported[name] = true
		if name == "shop_response_time_seconds" {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				exported[name+part] = true
			}
		}
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for line := range strings.Lines(w.Body.String()) {
		if name := metricName.FindString(line); name != "" && !exported[name] && !strings.HasPrefix(line, "#") {
			t.Errorf("%s is shown and not described", name)
		}
	}
	return exported
}

// checkDashboard asks real servers every query of the dashboard.
func checkDashboard(t *testing.T, servers ...*prometheusProcess) {
	t.Helper()
	fill := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*")
	unused := regexp.MustCompile(`cache|database|queue|active_|_alerts`) // by the service of the test
	for where, expr := range generate(t).queries() {
		for _, p := range servers {
			values, err := p.ask(fill.Replace(expr))
			if err != nil {
				t.Errorf("%s: %v", where, err)
			}
			if len(values) == 0 && where != "annotation" && !unused.MatchString(expr) && !strings.Contains(expr, "gc_cpu") {
				p.until(fill.Replace("count("+expr+") > bool 0"), 1) // a rate takes two scrapes, and the runtime a collection
			}
		}
	}
}
