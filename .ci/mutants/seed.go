package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
)

// faultsOf returns the faults that can be seeded into a file.
func faultsOf(path, shown string) ([]fault, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &seeder{path: path, shown: shown, text: text, files: token.NewFileSet()}
	file, err := parser.ParseFile(s.files, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		s.function = nameOf(fn)
		ast.Inspect(fn.Body, s.visit)
	}
	return s.found, nil
}

// nameOf returns a function's name, a method's with its type.
func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	for {
		switch u := t.(type) {
		case *ast.StarExpr:
			t = u.X
		case *ast.IndexExpr:
			t = u.X
		case *ast.IndexListExpr:
			t = u.X
		case *ast.Ident:
			return u.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}

// seeder collects the faults of a file.
type seeder struct {
	path, shown string
	text        []byte
	files       *token.FileSet
	function    string
	found       []fault
}

func (s *seeder) offset(p token.Pos) int { return s.files.Position(p).Offset }

func (s *seeder) source(n ast.Node) string {
	return string(s.text[s.offset(n.Pos()):s.offset(n.End())])
}

// replace adds the fault that a piece of the source is another one.
func (s *seeder) replace(kind string, from, to token.Pos, with string) {
	begin, end := s.offset(from), s.offset(to)
	s.found = append(s.found, fault{
		path: s.path, shown: s.shown, line: s.files.Position(from).Line, function: s.function,
		kind: kind, old: string(s.text[begin:end]), new: with, begin: begin, end: end,
	})
}

// visit adds the faults of a node.
func (s *seeder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		s.statements(n.List)
	case *ast.CaseClause:
		s.statements(n.Body)
	case *ast.CommClause:
		s.statements(n.Body)
	case *ast.IfStmt:
		s.negate(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			s.negate(n.Cond)
		}
	case *ast.BinaryExpr:
		for _, op := range others[n.Op] {
			s.replace("change", n.Pos(), n.End(), s.source(n.X)+" "+op.String()+" "+s.source(n.Y))
		}
	case *ast.ReturnStmt:
		s.returns(n)
	case *ast.Ident:
		switch n.Name {
		case "true":
			s.replace("change", n.Pos(), n.End(), "false")
		case "false":
			s.replace("change", n.Pos(), n.End(), "true")
		}
	}
	return true
}

// negate adds the fault that a condition is negated, unless visit adds the same
// one for the condition's operator.
func (s *seeder) negate(cond ast.Expr) {
	if b, ok := cond.(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) {
		return
	}
	s.replace("negate", cond.Pos(), cond.End(), "!("+s.source(cond)+")")
}

// others are the operators that an operator is replaced by.
var others = map[token.Token][]token.Token{
	token.LSS:  {token.LEQ},
	token.LEQ:  {token.LSS},
	token.GTR:  {token.GEQ},
	token.GEQ:  {token.GTR},
	token.EQL:  {token.NEQ},
	token.NEQ:  {token.EQL},
	token.LAND: {token.LOR},
	token.LOR:  {token.LAND},
	token.ADD:  {token.SUB},
	token.SUB:  {token.ADD},
}

// statements adds the faults of a list of statements: one deleted, or two
// swapped.
func (s *seeder) statements(list []ast.Stmt) {
	for i, st := range list {
		if deletable(st) {
			s.replace("delete", st.Pos(), st.End(), "")
		}
		if i == 0 {
			continue
		}
		if before := list[i-1]; movable(before) && movable(st) {
			between := string(s.text[s.offset(before.End()):s.offset(st.Pos())])
			s.replace("swap", before.Pos(), st.End(), s.source(st)+between+s.source(before))
		}
	}
}

// deletable reports whether to delete a statement may compile.
func deletable(st ast.Stmt) bool {
	switch st := st.(type) {
	case *ast.BranchStmt:
		return st.Tok == token.BREAK || st.Tok == token.CONTINUE
	case *ast.DeferStmt, *ast.GoStmt:
		return true
	}
	return movable(st)
}

// movable reports whether a statement is one that may stand elsewhere.
func movable(st ast.Stmt) bool {
	switch st := st.(type) {
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt:
		return true
	case *ast.AssignStmt:
		return st.Tok != token.DEFINE
	}
	return false
}

// returns adds the fault that an error is not returned.
func (s *seeder) returns(n *ast.ReturnStmt) {
	if len(n.Results) == 0 {
		return
	}
	last, ok := n.Results[len(n.Results)-1].(*ast.Ident)
	if !ok || last.Name != "err" {
		return
	}
	s.replace("change", n.Pos(), n.End(), fmt.Sprintf("return %snil", s.text[s.offset(n.Results[0].Pos()):s.offset(last.Pos())]))
}
