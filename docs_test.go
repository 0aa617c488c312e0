package goaio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The names that docs/from.md has in its tables, in the columns of this module,
// exist.
func TestFromNames(t *testing.T) {
	names := map[string]bool{}
	for _, dir := range []string{"aio", "aio/timer", "aio/flow", "aio/dnsx", "aio/tcp", "aio/httpx", "aio/live", "aio/aiotest", "aio/jobs"} {
		exported(t, names, dir)
	}
	text, err := os.ReadFile("docs/from.md")
	if err != nil {
		t.Fatalf("os.ReadFile: %v", err)
	}
	checked := 0
	for i, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) != 2 || !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, span := range codeSpan.FindAllString(cells[1], -1) {
			if bareName.MatchString(span) {
				t.Errorf("docs/from.md:%d: %s is without its package", i+1, span)
			}
			for _, name := range ourName.FindAllString(span, -1) {
				checked++
				if !names[name] {
					t.Errorf("docs/from.md:%d: there is no %s", i+1, name)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("found %d names in docs/from.md: has its form changed?", checked)
	}
}

var (
	codeSpan = regexp.MustCompile("`[^`]+`")
	bareName = regexp.MustCompile("^`[A-Z]")
	ourName  = regexp.MustCompile(`\b(aio|timer|flow|dnsx|tcp|httpx|live|aiotest)(\.[A-Z]\w*)+`)
)

// exported adds what the package in dir exports to names: "tcp.Conn",
// "tcp.Conn.Send".
func exported(t *testing.T, names map[string]bool, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatalf("filepath.Glob: %v", err)
	}
	name := path.Base(dir)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("parser.ParseFile: %v", err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[name+receiver(d)+"."+d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					specNames(names, name, s)
				}
			}
		}
	}
}

// receiver returns ".T" for a method of T or *T.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	var name string
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = "." + id.Name
		}
		return name == ""
	})
	return name
}

// specNames adds the names that a spec declares, and those of a struct's
// fields.
func specNames(names map[string]bool, pkg string, s ast.Spec) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, id := range s.Names {
			names[pkg+"."+id.Name] = true
		}
	case *ast.TypeSpec:
		names[pkg+"."+s.Name.Name] = true
		if st, ok := s.Type.(*ast.StructType); ok {
			for _, field := range st.Fields.List {
				for _, id := range field.Names {
					names[pkg+"."+s.Name.Name+"."+id.Name] = true
				}
			}
		}
	}
}
