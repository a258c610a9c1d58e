package fill_test

import (
	"html"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/fill"
)

type inner struct {
	Name  string
	Count int
}

type Embedded struct{ Deep string }

type data struct {
	*Embedded
	Title  string
	Empty  string
	Zero   float64
	One    float64
	Took   time.Duration
	Inner  inner
	Nil    *inner
	List   []inner
	Words  []string
	None   []string
	hidden string
}

var shared = &Embedded{"deep"} // one, as it prints as its address

func sample() data {
	return data{
		Embedded: shared, Title: `<b>"it's"</b>`, One: 1, Took: 1500 * time.Millisecond, Inner: inner{"in", 3},
		List: []inner{{"a", 1}, {"b", 0}}, Words: []string{"x", "y"}, hidden: "h",
	}
}

// texts are what text/template and this package have in common.
var texts = []string{
	"", "plain", "{{.Title}}", "{{ .Title }}", "{{.Inner.Name}} and {{.Inner.Count}}", "{{.Took}}", "{{.Deep}}", "{{.Inner}}", "{{.Words}}",
	"{{if .Title}}yes{{end}}", "{{if .Empty}}yes{{else}}no{{end}}", "{{if .Zero}}a{{else if .One}}b{{else}}c{{end}}",
	"{{if .Empty}}a{{else if .Zero}}b{{else}}c{{end}}", "{{if .Empty}}a{{else if .Zero}}b{{end}}", "{{if .Inner}}a struct is true{{end}}",
	"{{with .Inner}}{{.Name}}{{end}}", "{{with .Empty}}{{.}}{{else}}none of {{.Title}}{{end}}", "{{with .Title}}{{.}}{{end}}",
	"{{range .List}}[{{.Name}}{{if .Count}} {{.Count}}{{end}}]{{end}}", "{{range .None}}x{{else}}empty{{end}}", "{{range .Words}}{{.}},{{end}}",
	"{{range .List}}{{with .Name}}{{.}}{{end}}{{end}}", "a {{- .Empty -}} b", "a\n\t{{- if .One }} x {{ end -}}\n b", "{{/* words */}}x", "}} {", "{{if .Nil}}x{{else}}nil{{end}}",
}

// text/template is the witness.
func TestMeansWhatTextTemplateMeans(t *testing.T) {
	for _, text := range texts {
		var want, got strings.Builder
		if err := template.Must(template.New("").Parse(text)).Execute(&want, sample()); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		parsed, err := fill.Parse(text)
		if err == nil {
			err = parsed.Write(&got, sample(), nil)
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("%q (-text/template +fill):\n%s", text, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Title":                     "{{.Title has no }}",
		"{{if .Title}}x":               "{{if}} has no {{end}}",
		"{{if .Title}}x{{else}}y":      "{{if}} has no {{end}}",
		"{{range .List}}":              "{{range}} has no {{end}}",
		"{{end}}":                      "{{end}} without a block",
		"x{{else}}":                    "{{else}} without a block",
		"{{if .A}}{{else}}{{else}}":    "{{if}} has no {{end}}",
		"{{Title}}":                    "{{Title}} is not a field",
		"{{.Title | printf}}":          "is not a field",
		`{{printf "%q" .Title}}`:       "is not a field",
		"{{$x := .Title}}":             "is not a field",
		"{{..}}":                       "is not a field",
		"{{.Title.}}":                  "is not a field",
		"{{if}}x{{end}}":               "is not a field",
		"{{}}":                         "is not a field",
		`{{template "x" .}}`:           "is not a field",
		"{{.Nothing}}":                 "{{.Nothing}}: there is no such field",
		"{{.Inner.Nothing}}":           "{{.Inner.Nothing}}: there is no such field",
		"{{.hidden}}":                  "{{.hidden}}: there is no such field",
		"{{.Title.Length}}":            "{{.Title.Length}}: there is no such field",
		"{{if .Nothing}}x{{end}}":      "there is no such field",
		"{{range .Title}}x{{end}}":     "{{range .Title}}: it is no list",
		"{{range .List}}{{.X}}{{end}}": "{{.X}}: there is no such field",
	} {
		parsed, err := fill.Parse(text)
		if err == nil {
			err = parsed.Write(&strings.Builder{}, sample(), nil)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q in it", text, err, want)
		}
	}
}

func TestEscaping(t *testing.T) {
	var b strings.Builder
	if err := fill.Must(fill.Parse(`<i title="{{.Title}}">{{.Inner.Name}}</i>`)).Write(&b, sample(), html.EscapeString); err != nil {
		t.Fatal(err)
	}
	if want := `<i title="&lt;b&gt;&#34;it&#39;s&#34;&lt;/b&gt;">in</i>`; b.String() != want {
		t.Errorf("%s, want %s", b.String(), want)
	}
}

func TestBeyondNil(t *testing.T) {
	var b strings.Builder
	if err := fill.Must(fill.Parse("[{{.Nil.Name}}{{.Deep}}]")).Write(&b, data{}, nil); err != nil || b.String() != "[]" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// Whatever is parsed and runs says what text/template says.
func FuzzFill(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := fill.Parse(text)
		if err != nil {
			return
		}
		var got, want strings.Builder
		if parsed.Write(&got, sample(), nil) != nil {
			return
		}
		witness, err := template.New("").Parse(text)
		if err != nil || witness.Execute(&want, sample()) != nil {
			return // it is stricter about what does not matter
		}
		if want.String() != got.String() {
			t.Errorf("%q: %q, text/template says %q", text, got.String(), want.String())
		}
	})
}
