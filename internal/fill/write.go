package fill

import (
	"fmt"
	"reflect"
	"strings"
)

// Write appends the text to b, with the fields of data, a struct. escape is applied to
// each; nil changes nothing. An error names a field that there is not.
func (t *Text) Write(b *strings.Builder, data any, escape func(string) string) error {
	if escape == nil {
		escape = func(s string) string { return s }
	}
	return write(b, t.nodes, reflect.ValueOf(data), escape)
}

func write(b *strings.Builder, nodes []node, data reflect.Value, escape func(string) string) error {
	for i := range nodes {
		n := &nodes[i]
		if n.path == nil {
			b.WriteString(n.literal)
			continue
		}
		v, err := field(data, n.path)
		if err != nil {
			return err
		}
		if n.keyword == "" {
			b.WriteString(escape(text(v)))
			continue
		}
		if err := n.write(b, data, v, escape); err != nil {
			return err
		}
	}
	return nil
}

// write writes a block about v.
func (n *node) write(b *strings.Builder, data, v reflect.Value, escape func(string) string) error {
	switch {
	case !truth(v):
		return write(b, n.other, data, escape)
	case n.keyword == "if":
		return write(b, n.body, data, escape)
	case n.keyword == "with":
		return write(b, n.body, v, escape)
	}
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return fmt.Errorf("{{range .%s}}: it is no list", strings.Join(n.path, "."))
	}
	for i := range v.Len() {
		if err := write(b, n.body, v.Index(i), escape); err != nil {
			return err
		}
	}
	return nil
}

// field returns the field of data that a path leads to; beyond a nil pointer there is
// nothing, which is the zero Value.
func field(data reflect.Value, path []string) (reflect.Value, error) {
	v := data
	for i, name := range path {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if !v.IsValid() {
			return v, nil
		}
		if v.Kind() != reflect.Struct || name[0] >= 'a' {
			return v, noField(path[:i+1])
		}
		f, ok := v.Type().FieldByName(name)
		if !ok {
			return v, noField(path[:i+1])
		}
		var err error
		if v, err = v.FieldByIndexErr(f.Index); err != nil { // of a nil embedded pointer
			return reflect.Value{}, nil
		}
	}
	return v, nil
}

func noField(path []string) error {
	return fmt.Errorf("{{.%s}}: there is no such field", strings.Join(path, "."))
}

// text returns a value as fmt prints it, "" where there is none.
func text(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

// truth reports whether a value is neither zero nor empty. A struct is always true.
func truth(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Slice, reflect.Map, reflect.Array, reflect.String, reflect.Chan:
		return v.Len() > 0
	case reflect.Struct:
		return true
	}
	return !v.IsZero()
}
