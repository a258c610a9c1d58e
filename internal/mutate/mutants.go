package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// A mutant is one small edit of one file.
type mutant struct {
	file       string // relative to the module's root, with slashes
	fn         string // the function, or the other declaration, that it is in
	line       int
	start, end int    // the bytes that are replaced
	with       string // what they are replaced by
	edit       string // what the edit does, for people
	nth        int    // which of the same edits in the same function, from 1
}

// key names the mutant wherever in the file it is, so that the list of accepted
// survivors outlives edits elsewhere.
func (m mutant) key() string {
	key := m.file + ": " + m.fn + ": " + m.edit
	if m.nth > 1 {
		key += " #" + strconv.Itoa(m.nth)
	}
	return key
}

// apply returns the source with the edit made.
func (m mutant) apply(src []byte) []byte {
	out := make([]byte, 0, len(src)+len(m.with))
	out = append(out, src[:m.start]...)
	out = append(out, m.with...)
	return append(out, src[m.end:]...)
}

// swaps are the operators that take each other's place.
var swaps = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
	token.INC: token.DEC, token.DEC: token.INC,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN,
	token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN,
	token.OR_ASSIGN: token.AND_ASSIGN, token.AND_ASSIGN: token.OR_ASSIGN,
}

// mutantsOf returns all mutants of a file, in the order of its text.
func mutantsOf(file string, src []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &finder{file: file, src: src, tokens: fset.File(parsed.Pos()), seen: map[string]int{}}
	for _, decl := range parsed.Decls {
		f.fn = nameOf(decl)
		f.path = nil
		ast.Inspect(decl, f.visit)
	}
	return f.found, nil
}

// finder walks a file and collects its mutants.
type finder struct {
	file   string
	src    []byte
	tokens *token.File
	fn     string
	path   []ast.Node // from the declaration down to the node that is visited
	seen   map[string]int
	found  []mutant
}

func (f *finder) visit(n ast.Node) bool {
	if n == nil {
		f.path = f.path[:len(f.path)-1]
		return true
	}
	if skip(n) {
		return false
	}
	f.path = append(f.path, n)
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if to, ok := swaps[n.Op]; ok && !isString(n.X) && !isString(n.Y) {
			f.swap(n, n.OpPos, n.Op, to)
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT || n.Op == token.SUB {
			f.replace(f.around(), n.OpPos, n.X.Pos(), "")
		}
	case *ast.IncDecStmt:
		f.swap(n, n.TokPos, n.Tok, swaps[n.Tok])
	case *ast.AssignStmt:
		if to, ok := swaps[n.Tok]; ok && !isString(n.Rhs[0]) {
			f.swap(n, n.TokPos, n.Tok, to)
		}
		if n.Tok != token.DEFINE && f.inBlock() {
			f.remove(n)
		}
	case *ast.ExprStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
		if f.inBlock() {
			f.remove(n)
		}
	case *ast.BasicLit:
		if !f.unread(n) {
			f.constant(n)
		}
	case *ast.Ident:
		switch n.Name {
		case "true":
			f.replace(f.around(), n.Pos(), n.End(), "false")
		case "false":
			f.replace(f.around(), n.Pos(), n.End(), "true")
		}
	}
	return true
}

// skip reports whether nothing below a node is worth an edit: imports, and fields that
// only take up room.
func skip(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec:
		return true
	case *ast.Field:
		return len(n.Names) == 1 && n.Names[0].Name == "_"
	}
	return false
}

// unread reports whether a constant says nothing: the size in bits for package strconv,
// and what stands beside a failure (return 0, err and return 0, false).
func (f *finder) unread(n *ast.BasicLit) bool {
	switch parent := f.path[len(f.path)-2].(type) {
	case *ast.CallExpr:
		fun, ok := parent.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := fun.X.(*ast.Ident)
		return ok && pkg.Name == "strconv"
	case *ast.ReturnStmt:
		switch last := parent.Results[len(parent.Results)-1].(type) {
		case *ast.Ident:
			return last.Name == "false" || last.Name == "err"
		case *ast.CallExpr:
			fun, ok := last.Fun.(*ast.SelectorExpr)
			return ok && (fun.Sel.Name == "Errorf" || fun.Sel.Name == "New")
		case *ast.UnaryExpr: // a typed error
			return last.Op == token.AND && last != parent.Results[0]
		}
	}
	return false
}

// constant makes whole numbers one larger and one smaller, and doubles the others.
func (f *finder) constant(n *ast.BasicLit) {
	switch n.Kind {
	case token.INT:
		v, err := strconv.ParseInt(n.Value, 0, 64)
		if err != nil {
			return
		}
		f.replace(f.around(), n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
		f.replace(f.around(), n.Pos(), n.End(), strconv.FormatInt(v-1, 10))
	case token.FLOAT:
		if v, err := strconv.ParseFloat(n.Value, 64); err == nil && v == 0 {
			return // twice nothing is nothing
		}
		f.replace(f.around(), n.Pos(), n.End(), "(2*"+n.Value+")")
	}
}

func (f *finder) swap(whole ast.Node, at token.Pos, from, to token.Token) {
	f.replace(whole, at, at+token.Pos(len(from.String())), to.String())
}

// replace adds the mutant that has other text between two places. Whole is what
// people are shown of it.
func (f *finder) replace(whole ast.Node, from, to token.Pos, with string) {
	start, end := f.tokens.Offset(from), f.tokens.Offset(to)
	left := shorten(string(f.src[f.tokens.Offset(whole.Pos()):start]), false)
	right := shorten(string(f.src[end:f.tokens.Offset(whole.End())]), true)
	edit := oneLine(left+string(f.src[start:end])+right) + " → " + oneLine(left+with+right)
	f.add(mutant{start: start, end: end, with: with, edit: edit, line: f.tokens.Line(from)})
}

// remove adds the mutant without a statement.
func (f *finder) remove(n ast.Node) {
	start, end := f.tokens.Offset(n.Pos()), f.tokens.Offset(n.End())
	edit := "without " + oneLine(shorten(string(f.src[start:end]), true))
	// The lines stay, so that what a failing test prints is true.
	with := strings.Repeat("\n", strings.Count(string(f.src[start:end]), "\n"))
	f.add(mutant{start: start, end: end, with: with, edit: edit, line: f.tokens.Line(n.Pos())})
}

func (f *finder) add(m mutant) {
	m.file, m.fn, m.nth = f.file, f.fn, 1
	key := m.key()
	f.seen[key]++
	m.nth = f.seen[key]
	f.found = append(f.found, m)
}

// around returns the expression or short statement that the visited node is part of,
// for people to see where an edit is.
func (f *finder) around() ast.Node {
	if len(f.path) < 2 {
		return f.path[len(f.path)-1]
	}
	switch parent := f.path[len(f.path)-2].(type) {
	case *ast.BlockStmt, *ast.FuncType, *ast.FuncLit, *ast.GenDecl,
		*ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.CaseClause:
		return f.path[len(f.path)-1]
	default:
		return parent
	}
}

// inBlock reports whether the visited statement is one of a list, where it can be left out.
func (f *finder) inBlock() bool {
	switch f.path[len(f.path)-2].(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		return true
	}
	return false
}

func isString(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING
}

const shown = 60 // bytes of text to the left and to the right of an edit

// shorten keeps the end of a text, or its beginning, that is next to an edit.
func shorten(s string, beginning bool) string {
	switch {
	case len(s) <= shown:
		return s
	case beginning:
		return strings.ToValidUTF8(s[:shown], "") + "…"
	default:
		return "…" + strings.ToValidUTF8(s[len(s)-shown:], "")
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// nameOf names a declaration: a function, a method as Type.Method, or the first name
// of others.
func nameOf(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || len(d.Recv.List) == 0 {
			return d.Name.Name
		}
		return receiver(d.Recv.List[0].Type) + "." + d.Name.Name
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				return d.Tok.String() + " " + spec.Names[0].Name
			case *ast.TypeSpec:
				return d.Tok.String() + " " + spec.Name.Name
			}
		}
		return d.Tok.String()
	}
	return "?"
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
