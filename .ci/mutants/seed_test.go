package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const source = `package p

func plain(a, b int, err error) (int, error) {
	if a < b && ok(a) {
		a++
		ok(b)
	}
	for !ok(a) {
		break
	}
	defer ok(a)
	c := a + b
	if c == a {
		return c, err
	}
	return 0, nil
}

func (t *thing[T]) method() bool { return true }
`

// The faults of source, as they are printed.
const want = `x.go:4: plain: negate ` + "`a < b && ok(a)` to `!(a < b && ok(a))`" + `
x.go:4: plain: change ` + "`a < b && ok(a)` to `a < b || ok(a)`" + `
x.go:4: plain: change ` + "`a < b` to `a <= b`" + `
x.go:5: plain: delete ` + "`a++`" + `
x.go:6: plain: delete ` + "`ok(b)`" + `
x.go:5: plain: swap ` + "`a++ ok(b)` to `ok(b) a++`" + `
x.go:8: plain: negate ` + "`!ok(a)` to `!(!ok(a))`" + `
x.go:9: plain: delete ` + "`break`" + `
x.go:11: plain: delete ` + "`defer ok(a)`" + `
x.go:12: plain: change ` + "`a + b` to `a - b`" + `
x.go:13: plain: change ` + "`c == a` to `c != a`" + `
x.go:14: plain: change ` + "`return c, err` to `return c, nil`" + `
x.go:19: thing.method: change ` + "`true` to `false`" + `
`

func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.go")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
	return path
}

// TestFaults checks that each kind of fault is found where it can be seeded,
// and that the file with it is still Go.
func TestFaults(t *testing.T) {
	path := write(t, source)
	faults, err := faultsOf(path, "x.go")
	if err != nil {
		t.Fatalf("faultsOf: %v", err)
	}
	var got strings.Builder
	for _, f := range faults {
		got.WriteString(f.String() + "\n")
		text := f.apply([]byte(source))
		if _, err := parser.ParseFile(token.NewFileSet(), "", text, 0); err != nil {
			t.Errorf("the file with %v: %v", f, err)
		}
	}
	lines := func(s string) []string { return slices.Sorted(strings.Lines(s)) }
	if !slices.Equal(lines(got.String()), lines(want)) {
		t.Errorf("got the faults\n%s\nwant\n%s", got.String(), want)
	}
}

// TestChoose checks that a sample is of the size asked for, in order, without
// repeats, and the same for the same seed.
func TestChoose(t *testing.T) {
	all := make([]fault, 100)
	for i := range all {
		all[i].begin = i
	}
	for _, n := range []int{0, 1, 17, 100, 1000} {
		size := n
		if n == 0 || n > len(all) {
			size = len(all)
		}
		got := choose(all, n, 7)
		if len(got) != size {
			t.Errorf("a sample of %d has %d faults, want %d", n, len(got), size)
		}
		for i := 1; i < len(got); i++ {
			if got[i].begin <= got[i-1].begin {
				t.Errorf("a sample of %d has fault %d behind %d, want the order of the source", n, got[i].begin, got[i-1].begin)
			}
		}
		if again := choose(all, n, 7); !slices.Equal(got, again) {
			t.Errorf("two samples of %d with one seed differ", n)
		}
	}
}

// TestEquivalents checks that a fault of the list is known whatever its line,
// and that a line without a reason is refused.
func TestEquivalents(t *testing.T) {
	f := fault{shown: "a/b.go", line: 9, function: "T.m", kind: "delete", old: "x()"}
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("# a comment\n\na/b.go: T.m: delete `x()` # x only logs\n"), 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
	list, err := loadEquivalents(path)
	if err != nil {
		t.Fatalf("loadEquivalents: %v", err)
	}
	if got := list.reason(f); got != "x only logs" {
		t.Errorf("the reason for %v is %q, want %q", f, got, "x only logs")
	}
	f.function = "T.other"
	if got := list.reason(f); got != "" {
		t.Errorf("the reason for %v is %q, want none", f, got)
	}
	if err := os.WriteFile(path, []byte("a/b.go: T.m: delete `x()`\n"), 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
	if list, err := loadEquivalents(path); err == nil {
		t.Errorf("a line without a reason gives %v, want an error", list)
	}
	if list, err := loadEquivalents(filepath.Join(t.TempDir(), "missing")); err != nil || list != nil {
		t.Errorf("a missing file gives %v, %v, want an empty list", list, err)
	}
}

// TestTry checks that a fault is caught, survives or does not compile as the
// tests have it.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m.example\n\ngo 1.26\n",
		"x.go":   "package m\n\nfunc Add(a, b int) int { return a + b }\n\nfunc Sub(a, b int) int { return a - b }\n",
		"x_test.go": `package m

import "testing"

func TestAdd(t *testing.T) {
	if got := Add(1, 2); got != 3 {
		t.Errorf("Add(1, 2) = %d, want 3", got)
	}
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatalf("os.WriteFile: %v", err)
		}
	}
	t.Chdir(dir)
	p, err := load(".", nil)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	faults, err := p.faults()
	if err != nil {
		t.Fatalf("p.faults: %v", err)
	}
	s := &suite{pkg: p.ImportPath, timeout: 60e9}
	if err := s.passes(); err != nil {
		t.Fatalf("s.passes: %v", err)
	}
	bad := faults[0]
	bad.new = "undefined"
	for _, test := range []struct {
		f      fault
		want   verdict
		detail string
	}{
		{faults[0], caught, "TestAdd"},
		{faults[1], survived, ""},
		{bad, invalid, ""},
	} {
		if _, got, detail := s.try(test.f); got != test.want || detail != test.detail {
			t.Errorf("%v: %v by %q, want %v by %q", test.f, got, detail, test.want, test.detail)
		}
	}
}
