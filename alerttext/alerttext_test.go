package alerttext_test

import (
	"strings"
	"testing"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/alerttext"
)

func TestTemplate(t *testing.T) {
	words, err := alerttext.Template(`{{.Severity}}: {{.Metric.Name | printf "%q"}} in the {{.Scope.Kind}}{{range $i, $e := .Worst}} {{$i}}={{$e}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := words(perfmon.MessageExamples()[0]), `critical: "response_time_p50" in the service 0=GET / (7.3 s)`; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Value": "unclosed", "{{.Hostname}}": "Hostname", "": "empty", "{{if .Absent}}{{.Nothing}}{{end}}x": "Nothing", "{{if not .Baseline}}x{{end}}": "regression: the text is empty",
	} {
		if _, err := alerttext.Template(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}
