// Package fill puts the fields of a value into a text: a small part of text/template,
// without what makes a program keep all of its methods.
//
//	{{.Field}}, {{.Field.Of.It}}, {{.}}
//	{{if .Field}} … {{else if .Other}} … {{else}} … {{end}}
//	{{with .Field}} … {{end}}, {{range .List}} … {{end}}, each with an {{else}}
//	{{- and -}} take the white space away before and after.
//
// They mean what they mean in text/template. There are no methods, functions, pipelines,
// variables and further templates.
package fill

import (
	"fmt"
	"strings"
)

// Text is a parsed text. It never changes, and is safe for concurrent use.
type Text struct{ nodes []node }

// node is a literal, a field or a block.
type node struct {
	literal string
	keyword string   // "": a field; "if", "with" or "range": a block
	path    []string // nil of a literal; empty of the value itself
	body    []node
	other   []node // else
}

// Parse parses a text. The error says what it does not understand.
func Parse(text string) (*Text, error) {
	p := &parser{rest: text}
	nodes, end, err := p.nodes()
	if err == nil && end != "" {
		err = fmt.Errorf("{{%s}} without a block", end)
	}
	if err != nil {
		return nil, err
	}
	return &Text{nodes}, nil
}

// Must returns t and panics if there is an error. It is for texts of this module's own.
func Must(t *Text, err error) *Text {
	if err != nil {
		panic(err)
	}
	return t
}

type parser struct {
	rest string
	trim bool // white space before what follows
}

// nodes reads up to the end of the text, or up to an else or an end, which it returns.
func (p *parser) nodes() (list []node, end string, err error) {
	for {
		literal, action, ok, err := p.next()
		if err != nil {
			return nil, "", err
		}
		if literal != "" {
			list = append(list, node{literal: literal})
		}
		if !ok {
			return list, "", nil
		}
		word, argument, _ := strings.Cut(action, " ")
		switch {
		case strings.HasPrefix(action, "/*") && strings.HasSuffix(action, "*/"):
		case word == "end" && argument == "" || word == "else":
			return list, action, nil
		case word == "if" || word == "with" || word == "range":
			n, err := p.block(word, argument)
			if err != nil {
				return nil, "", err
			}
			list = append(list, n)
		default:
			path, err := parsePath(action)
			if err != nil {
				return nil, "", err
			}
			list = append(list, node{path: path})
		}
	}
}

// next returns the text before the next action, and the action; ok is false where there
// is none.
func (p *parser) next() (literal, action string, ok bool, err error) {
	literal, after, ok := strings.Cut(p.rest, "{{")
	if p.trim {
		literal = strings.TrimLeft(literal, space)
	}
	p.rest, p.trim = after, false
	if !ok {
		return literal, "", false, nil
	}
	action, p.rest, ok = strings.Cut(after, "}}")
	if !ok {
		return "", "", false, fmt.Errorf("{{%s has no }}", after)
	}
	if strings.HasPrefix(action, "- ") {
		action, literal = action[2:], strings.TrimRight(literal, space)
	}
	if strings.HasSuffix(action, " -") {
		action, p.trim = action[:len(action)-2], true
	}
	return literal, strings.Join(strings.Fields(action), " "), true, nil
}

const space = " \t\r\n"

// block reads a block whose beginning was read.
func (p *parser) block(keyword, argument string) (n node, err error) {
	n.keyword = keyword
	if n.path, err = parsePath(argument); err != nil {
		return n, err
	}
	var end string
	if n.body, end, err = p.nodes(); err != nil {
		return n, err
	}
	switch {
	case end == "else":
		n.other, end, err = p.nodes()
		if err == nil && end != "end" {
			err = noEnd(keyword)
		}
	case strings.HasPrefix(end, "else if "):
		var other node
		other, err = p.block("if", strings.TrimPrefix(end, "else if "))
		n.other = []node{other}
	case end != "end":
		err = noEnd(keyword)
	}
	return n, err
}

func noEnd(keyword string) error { return fmt.Errorf("{{%s}} has no {{end}}", keyword) }

// parsePath parses the field that an action names.
func parsePath(s string) ([]string, error) {
	if s == "." {
		return []string{}, nil
	}
	path := strings.Split(s, ".")
	if len(path) < 2 || path[0] != "" || strings.Contains(s, " ") {
		return nil, unknown(s)
	}
	for _, name := range path[1:] {
		if name == "" || strings.IndexFunc(name, func(r rune) bool { return r != '_' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z') }) >= 0 {
			return nil, unknown(s)
		}
	}
	return path[1:], nil
}

func unknown(action string) error {
	return fmt.Errorf("{{%s}} is not a field such as {{.Value}}, nor if, with, range, else or end", action)
}
