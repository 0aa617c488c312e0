package goaio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	journeyIn  = regexp.MustCompile(`^\*\*[^*]+\*\*, in (aio[\w/]*): `)
	mapSpan    = regexp.MustCompile("`([^`]+)`")
	mapSection = regexp.MustCompile(`(?s)## A map\n(.*?)\n## `)
)

// The functions of the map in docs/design.md are in the files that it names.
func TestMap(t *testing.T) {
	text, err := os.ReadFile("docs/design.md")
	if err != nil {
		t.Fatalf("os.ReadFile: %v", err)
	}
	section := mapSection.FindStringSubmatch(string(text))
	if section == nil {
		t.Fatal("docs/design.md has no map")
	}
	checked := 0
	for _, item := range strings.Split(section[1], "\n- ")[1:] {
		in := journeyIn.FindStringSubmatch(item)
		if in == nil {
			t.Errorf("a journey without its package: %.60q", item)
			continue
		}
		file := ""
		for _, span := range mapSpan.FindAllStringSubmatch(item, -1) {
			if strings.HasSuffix(span[1], ".go") {
				file = filepath.Join(filepath.FromSlash(in[1]), span[1])
				continue
			}
			checked++
			if !declares(t, file, span[1]) {
				t.Errorf("docs/design.md: there is no %s in %s", span[1], file)
			}
		}
	}
	if checked < 40 {
		t.Errorf("found %d functions in the map: has its form changed?", checked)
	}
}

// declares reports whether a file declares a function, "f" or "T.f".
func declares(t *testing.T, file, name string) bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("parser.ParseFile: %v", err)
		return false
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if receiver(fn)+"."+fn.Name.Name == "."+name {
			return true
		}
	}
	return false
}
