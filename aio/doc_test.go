package aio_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// drivers are the names that only drivers need, in the order of the section
// Drivers of the package's documentation.
var drivers = []string{
	"Begin", "Op", "Driver", "Drainer", "Idler", "Meter", "Namer", "Watcher", "NewKind", "FuncName", "NewConnError",
	"ErrBacklog", "Awaitable",
}

// The package's documentation names everything that it exports: what programs
// use in the sections about that, the rest in the section Drivers.
func TestDocNamesAll(t *testing.T) {
	text, names := contents(t)
	before, rest, ok := strings.Cut(text, "\n# Drivers\n")
	section, after, _ := strings.Cut(rest, "\n# ")
	if !ok {
		t.Fatal("the package's documentation has no section Drivers")
	}
	forDrivers, forPrograms := links(section), links(before+after)
	if !slices.Equal(forDrivers, drivers) {
		t.Errorf("the section Drivers links %q, want %q", forDrivers, drivers)
	}
	for _, name := range names {
		if !slices.Contains(forPrograms, name) && !slices.Contains(forDrivers, name) {
			t.Errorf("the package's documentation does not link [%s]", name)
		}
	}
	for _, name := range append(forPrograms, forDrivers...) {
		if !slices.Contains(names, name) {
			t.Errorf("the package's documentation links [%s], which the package does not export", name)
		}
	}
}

// contents returns the package's documentation, and the names that it exports,
// those of methods and fields excepted.
func contents(t *testing.T) (text string, names []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatalf("filepath.Glob: %v", err)
	}
	fset, files := token.NewFileSet(), []*ast.File(nil)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatalf("parser.ParseFile: %v", err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, "goaio.example/aio")
	if err != nil {
		t.Fatalf("doc.NewFromFiles: %v", err)
	}
	funcs, values := p.Funcs, append(p.Vars, p.Consts...)
	for _, typ := range p.Types {
		names = append(names, typ.Name)
		funcs = append(funcs, typ.Funcs...)
		values = append(values, append(typ.Vars, typ.Consts...)...)
	}
	for _, v := range values {
		names = append(names, v.Names...)
	}
	for _, f := range funcs {
		names = append(names, f.Name)
	}
	return p.Doc, slices.DeleteFunc(names, func(n string) bool { return !ast.IsExported(n) })
}

var link = regexp.MustCompile(`\[\*?([A-Z]\w*)(\.\w+)?\]`)

// links returns the names that a text links: for a method, its type.
func links(text string) (names []string) {
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}
