// Grafana writes a Grafana dashboard over what a collector of package prom shows:
//
//	go run github.com/backend-prs/perfmon/prom/grafana@latest > perfmon.json
//
// Import it in Grafana: Dashboards, New, Import. It asks which Prometheus to read, and lets
// one choose the job and the instance. Percentiles come from native histograms where
// Prometheus reads them, and else from classic ones.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	namespace := flag.String("namespace", "perfmon", "what the `names` of the metrics begin with: that of prom.WithNamespace")
	title := flag.String("title", "Service by perfmon", "`title` of the dashboard")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "grafana: unknown argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	if err := write(os.Stdout, *namespace, *title); err != nil {
		fmt.Fprintln(os.Stderr, "grafana:", err)
		os.Exit(1)
	}
}

// object is one of Grafana's JSON model.
type object = map[string]any

// columns is how wide a dashboard of Grafana is.
const columns = 24

// write writes the dashboard.
func write(w io.Writer, namespace, title string) error {
	var list []object
	x, y, high := 0, 0, 0
	for i, p := range panels {
		if x+p.width > columns {
			x, y = 0, y+high
		}
		high = p.height
		list = append(list, p.model(i+1, x, y, namespace))
		x += p.width
	}
	out, err := json.MarshalIndent(object{
		"uid": "perfmon-" + namespace, "title": title, "tags": []string{"perfmon"},
		"schemaVersion": 39, "version": 1, "editable": true, "graphTooltip": 1, "refresh": "30s",
		"time":   object{"from": "now-1h", "to": "now"},
		"panels": list,
		"templating": object{"list": []object{
			{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
			variable("job", "label_values("+namespace+"_service_info, job)"),
			variable("instance", "label_values("+namespace+`_service_info{job=~"$job"}, instance)`),
		}},
		"annotations": object{"list": []object{{
			"name": "Restarts", "enable": true, "iconColor": "blue", "datasource": datasource(),
			"expr": expand(`max by (instance) (resets(NS_responses_total{SEL}[$__rate_interval])) > 0`, namespace), "titleFormat": "restart of {{instance}}",
		}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(out, '\n'))
	return err
}

func datasource() object { return object{"type": "prometheus", "uid": "${datasource}"} }

func variable(name, query string) object {
	return object{
		"name": name, "type": "query", "datasource": datasource(), "definition": query,
		"query":   object{"query": query, "refId": name},
		"refresh": 2, "sort": 1, "multi": true, "includeAll": true, "current": object{"text": "All", "value": "$__all"},
	}
}

// expand fills in the namespace and what picks the job and the instance.
func expand(query, namespace string) string {
	return strings.NewReplacer("NS_", namespace+"_", "SEL", `job=~"$job", instance=~"$instance"`).Replace(query)
}

// model returns a panel in Grafana's own terms.
func (p panel) model(id, x, y int, namespace string) object {
	var targets []object
	for i, q := range p.queries {
		t := object{"refId": string(rune('A' + i)), "datasource": datasource(), "expr": expand(q.expr, namespace), "legendFormat": q.legend}
		if p.kind == table {
			t["format"], t["instant"] = "table", true
		}
		targets = append(targets, t)
	}
	defaults := object{"unit": p.unit}
	if p.kind == timeseries {
		defaults["min"] = 0
		defaults["custom"] = object{"fillOpacity": 10, "showPoints": "never"}
	}
	return object{
		"id": id, "type": p.kind, "title": p.title, "description": p.help, "datasource": datasource(), "targets": targets,
		"gridPos":     object{"x": x, "y": y, "w": p.width, "h": p.height},
		"fieldConfig": object{"defaults": defaults, "overrides": []object{}},
		"options":     object{},
	}
}
