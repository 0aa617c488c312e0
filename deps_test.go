package goaio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	modulePath = "goaio.example"
	goleakPath = "go.uber.org/goleak"
)

// A ban says which packages must not import which others. Patterns are paths
// below the module ("aio"), or whole import paths of other modules; "/..." at
// the end takes in all that is below, and "..." alone takes in everything.
type ban struct {
	from, to string
	except   string // packages within from that may
	tests    bool   // holds for test files too
	direct   bool   // only an import of its own counts, not one through others
	why      string
}

// The layers, lowest first:
//
//	aio/internal < aio < aio/timer, aio/dnsx < aio/tcp < aio/httpx < aio/live < cmd, examples, bench
//	                     aio/timer < aio/flow < examples, bench
//	                     aio/timer, aio/tcp < aio/beanstalk < examples, bench
//	                     aio/timer < aio/jobs
//	                     aio/jobs, aio/beanstalk < aio/jobs/beanjobs < examples, bench
//
// An import may only point to the left. Test files may look up (an example of a
// low layer often needs a high one) unless a ban says otherwise.
var bans = []ban{
	{from: "aio/internal/...", to: "aio", why: "internal packages are the bottom: the loop is built from them"},
	{from: "aio/internal/...", to: "aio/timer/...", why: "internal packages are the bottom"},
	{from: "aio/internal/...", to: "aio/flow/...", why: "internal packages are the bottom"},
	{from: "aio/internal/...", to: "aio/dnsx/...", why: "internal packages are the bottom"},
	{from: "aio/internal/...", to: "aio/tcp/...", why: "internal packages are the bottom"},
	{from: "aio/internal/...", to: "aio/httpx/...", why: "internal packages are the bottom"},

	{from: "aio", to: "aio/timer/...", why: "the loop knows operations, not what they do: drivers use what others can use"},
	{from: "aio", to: "aio/flow/...", why: "the loop knows operations, not how programs combine them"},
	{from: "aio", to: "aio/dnsx/...", why: "the loop knows operations, not what they do: drivers use what others can use"},
	{from: "aio", to: "aio/tcp/...", why: "the loop knows operations, not what they do: drivers use what others can use"},
	{from: "aio", to: "aio/httpx/...", why: "the loop knows operations, not what they do: drivers use what others can use"},
	{from: "aio", to: "golang.org/x/net/...", direct: true, why: "a program that only wants futures should not link protocol code"},

	{from: "aio/timer/...", to: "aio/flow/...", why: "flow waits with timers"},
	{from: "aio/flow/...", to: "aio/dnsx/...", why: "how functions work together has nothing to do with a network"},
	{from: "aio/flow/...", to: "aio/tcp/...", why: "how functions work together has nothing to do with a network"},
	{from: "aio/flow/...", to: "aio/httpx/...", why: "how functions work together has nothing to do with a network"},
	{from: "aio/flow/...", to: "golang.org/x/net/...", direct: true, why: "how functions work together has nothing to do with a network"},
	{from: "aio/dnsx/...", to: "aio/flow/...", why: "flow is for programs: drivers keep their own books"},
	{from: "aio/tcp/...", to: "aio/flow/...", why: "flow is for programs: drivers keep their own books"},
	{from: "aio/httpx/...", to: "aio/flow/...", why: "flow is for programs: drivers keep their own books"},

	{from: "aio/timer/...", to: "aio/dnsx/...", why: "time needs no names: siblings stay apart"},
	{from: "aio/timer/...", to: "aio/tcp/...", why: "time needs no network"},
	{from: "aio/timer/...", to: "aio/httpx/...", why: "time needs no network"},
	{from: "aio/timer/...", to: "golang.org/x/net/...", direct: true, why: "time needs no network"},
	{from: "aio/dnsx/...", to: "aio/tcp/...", why: "dialing resolves names, so the resolver cannot dial through it"},
	{from: "aio/dnsx/...", to: "aio/httpx/...", why: "dialing resolves names, so the resolver cannot dial through it"},
	{from: "aio/tcp/...", to: "aio/httpx/...", why: "HTTP is one protocol over connections, not a part of them"},

	{from: "aio/internal/...", to: "aio/beanstalk/...", why: "internal packages are the bottom"},
	{from: "aio", to: "aio/beanstalk/...", why: "the loop knows operations, not what they do: drivers use what others can use"},
	{from: "aio/timer/...", to: "aio/beanstalk/...", why: "time needs no queue"},
	{from: "aio/flow/...", to: "aio/beanstalk/...", why: "how functions work together has nothing to do with a network"},
	{from: "aio/dnsx/...", to: "aio/beanstalk/...", why: "a protocol over connections is above them"},
	{from: "aio/tcp/...", to: "aio/beanstalk/...", why: "a protocol over connections is above them"},
	{from: "aio/httpx/...", to: "aio/beanstalk/...", why: "two protocols over connections: siblings stay apart"},
	{from: "aio/beanstalk/...", to: "aio/httpx/...", why: "two protocols over connections: siblings stay apart"},
	{from: "aio/beanstalk/...", to: "aio/flow/...", why: "flow is for programs: drivers keep their own books"},
	{from: "aio/beanstalk/...", to: "aio/live/...", why: "drivers do not know who looks at the loop"},
	{from: "aio/live/...", to: "aio/beanstalk/...", why: "the page shows operations of all kinds, and knows none"},
	{from: "aio/beanstalk/...", to: "golang.org/x/net/...", direct: true, why: "a protocol of lines needs the standard library only"},

	{from: "aio/internal/...", to: "aio/live/...", why: "internal packages are the bottom"},
	{from: "aio", to: "aio/live/...", why: "the loop does not know who looks at it"},
	{from: "aio/timer/...", to: "aio/live/...", why: "drivers do not know who looks at the loop"},
	{from: "aio/flow/...", to: "aio/live/...", why: "flow does not know who looks at the loop"},
	{from: "aio/dnsx/...", to: "aio/live/...", why: "drivers do not know who looks at the loop"},
	{from: "aio/tcp/...", to: "aio/live/...", why: "drivers do not know who looks at the loop"},
	{from: "aio/httpx/...", to: "aio/live/...", why: "drivers do not know who looks at the loop"},
	{from: "aio/live/...", to: "aio/flow/...", why: "flow is for programs"},
	{from: "aio/live/...", to: "aio/internal/...", direct: true, why: "a page shows what every user can read"},
	{from: "cmd/...", to: "aio/internal/...", direct: true, why: "a command uses what every user can use"},
	{from: "aio/internal/...", to: "aio/jobs/...", why: "internal packages are the bottom"},
	{from: "aio", to: "aio/jobs/...", why: "the loop knows operations, not what they do: drivers use what others can use"},
	{from: "aio/timer/...", to: "aio/jobs/...", why: "jobs wait with timers"},
	{from: "aio/flow/...", to: "aio/jobs/...", why: "what works in one process needs no broker"},
	{from: "aio/dnsx/...", to: "aio/jobs/...", why: "drivers do not know what is done with them"},
	{from: "aio/tcp/...", to: "aio/jobs/...", why: "drivers do not know what is done with them"},
	{from: "aio/httpx/...", to: "aio/jobs/...", why: "drivers do not know what is done with them"},
	{from: "aio/live/...", to: "aio/jobs/...", why: "a page shows operations of all kinds alike"},
	{from: "aio/beanstalk/...", to: "aio/jobs/...", why: "a client of a server does not know what is done with it: beanjobs joins the two"},
	{from: "aio/jobs/...", to: "aio/tcp/...", except: "aio/jobs/beanjobs", why: "jobs know leases, not connections: a driver has these"},
	{from: "aio/jobs/...", to: "aio/beanstalk/...", except: "aio/jobs/beanjobs", why: "jobs know leases, not brokers: a driver has these"},
	{from: "aio/jobs/...", to: "aio/httpx/...", why: "jobs come from brokers"},
	{from: "aio/jobs/...", to: "aio/flow/...", why: "flow is for programs: drivers keep their own books"},
	{from: "aio/jobs/...", to: "golang.org/x/net/...", direct: true, why: "jobs know leases, not a network"},
	{
		from: "...", to: "aio/jobs/jobstest", except: "aio/jobs/jobstest", direct: true,
		why: "helpers for tests stay out of programs",
	},

	{from: "aio/...", to: "cmd/...", why: "nothing may depend on a command"},
	{from: "examples/...", to: "cmd/...", why: "nothing may depend on a command"},

	{from: "aio/...", to: "examples/...", why: "nothing may depend on an example"},
	{from: "aio/...", to: "bench/...", why: "nothing may depend on a benchmark"},
	{from: "aio/...", to: "interop/...", why: "nothing may depend on a test against others"},
	{from: "aio/...", to: "drivers/...", why: "a driver is above what it drives with"},
	{from: "examples/...", to: "bench/...", why: "nothing may depend on a benchmark"},
	{from: "examples/...", to: "interop/...", why: "nothing may depend on a test against others"},
	{
		from: "...", to: "aio/aiotest", except: "aio/aiotest/...", direct: true,
		why: "helpers for tests stay out of programs",
	},
	{
		// Examples may have aiotest/dnsserver, which needs no testing, to work
		// offline.
		from: "aio/...", to: "aio/aiotest/...", except: "aio/aiotest/...", direct: true,
		why: "helpers for tests stay out of what programs are made of",
	},
	{
		from: "...", to: goleakPath, except: "aio/aiotest/...", direct: true,
		why: "helpers for tests stay out of programs",
	},
	{
		from: "examples/...", to: "aio/internal/...", tests: true, direct: true,
		why: "an example shows what every user can write",
	},
	{
		from: "bench/...", to: "aio/internal/...", tests: true, direct: true,
		why: "a benchmark measures what every user can call",
	},
	{
		from: "interop/...", to: "aio/internal/...", tests: true, direct: true,
		why: "what works with others must be what every user can call",
	},
	{
		from: "drivers/...", to: "aio/internal/...", tests: true, direct: true,
		why: "a driver in another module must do with what every user can call",
	},
}

// matches reports whether name, in the form of a ban's pattern, is within
// pattern.
func matches(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	below, deep := strings.CutSuffix(pattern, "/...")
	return name == below || deep && strings.HasPrefix(name, below+"/")
}

// A pkg is one folder with Go files, seen on every platform at once: build
// constraints do not hide an import from it.
type pkg struct {
	imports, testImports map[string]bool // short names, see short
	files                []string
	root                 bool // in the root module, not in a nested one
	leakChecked          bool // a TestMain of it uses goleak
}

func (p *pkg) has(suffix string) bool {
	return slices.ContainsFunc(p.files, func(f string) bool { return strings.HasSuffix(f, suffix) })
}

// code reports whether the package has files that are not tests.
func (p *pkg) code() bool {
	return slices.ContainsFunc(p.files, func(f string) bool { return !strings.HasSuffix(f, "_test.go") })
}

// short cuts the module's path off an import path: "." for the module's root.
func short(importPath string) string {
	if importPath == modulePath {
		return "."
	}
	return strings.TrimPrefix(importPath, modulePath+"/")
}

// tree reads the imports of all Go files below the root, nested modules
// included.
func tree(t *testing.T) map[string]*pkg {
	t.Helper()
	pkgs := map[string]*pkg{}
	nested := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, dir := d.Name(), filepath.ToSlash(filepath.Dir(file))
		switch {
		case d.IsDir() && file != "." && (name[0] == '.' || name[0] == '_' || name == "testdata"):
			return fs.SkipDir
		case d.IsDir():
			_, err := os.Stat(filepath.Join(file, "go.mod"))
			nested[filepath.ToSlash(file)] = nested[dir] || err == nil && file != "."
		case strings.HasSuffix(name, ".go"):
			if pkgs[dir] == nil {
				pkgs[dir] = &pkg{imports: map[string]bool{}, testImports: map[string]bool{}, root: !nested[dir]}
			}
			return pkgs[dir].add(file)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("filepath.WalkDir: %v", err)
	}
	return pkgs
}

// add takes one file into the package.
func (p *pkg) add(file string) error {
	test, mode := strings.HasSuffix(file, "_test.go"), parser.ImportsOnly
	if test {
		mode = parser.SkipObjectResolution
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, mode)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed since the folder was read
	}
	if err != nil {
		return err
	}
	p.files = append(p.files, filepath.Base(file))
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: import %s: %w", file, spec.Path.Value, err)
		}
		if test {
			p.testImports[short(name)] = true
		} else {
			p.imports[short(name)] = true
		}
	}
	p.leakChecked = p.leakChecked || test && leakChecked(f)
	return nil
}

// leakChecked reports whether f has a TestMain that calls something of goleak,
// or aiotest.VerifyMain, which does.
func leakChecked(f *ast.File) bool {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || fn.Name.Name != "TestMain" {
			continue
		}
		found := false
		ast.Inspect(fn, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				x, ok := sel.X.(*ast.Ident)
				found = found || ok && (x.Name == "goleak" || x.Name == "aiotest" && sel.Sel.Name == "VerifyMain")
			}
			return true
		})
		return found
	}
	return false
}

// violations lists the imports that b bans, each as the chain that leads there.
func (b ban) violations(pkgs map[string]*pkg) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(pkgs)) {
		if !matches(b.from, name) || b.except != "" && matches(b.except, name) {
			continue
		}
		if chain := b.chain(pkgs, name); chain != nil {
			found = append(found, strings.Join(chain, " -> "))
		}
	}
	return found
}

// chain returns the shortest way from the package to what b bans, nil without
// one.
func (b ban) chain(pkgs map[string]*pkg, name string) []string {
	seen := map[string]bool{name: true}
	for queue := [][]string{{name}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		p := pkgs[at[len(at)-1]]
		if p == nil || len(at) > 1 && b.direct {
			continue
		}
		next := slices.Sorted(maps.Keys(p.imports))
		if b.tests && len(at) == 1 {
			next = append(next, slices.Sorted(maps.Keys(p.testImports))...)
		}
		for _, imp := range next {
			way := append(slices.Clone(at), imp)
			if matches(b.to, imp) {
				return way
			}
			if !seen[imp] {
				seen[imp] = true
				queue = append(queue, way)
			}
		}
	}
	return nil
}

func TestLayers(t *testing.T) {
	pkgs := tree(t)
	for _, b := range bans {
		for _, chain := range b.violations(pkgs) {
			t.Errorf("%s\n\t%s must not import %s: %s", chain, b.from, b.to, b.why)
		}
	}
}

// Every ban must be able to fail, be it broken by one import or through another
// package, and must let its exceptions be.
func TestBansCanFail(t *testing.T) {
	sample := func(pattern string) string {
		return strings.Replace(pattern, "...", "x", 1)
	}
	for _, b := range bans {
		from, to := sample(b.from), sample(b.to)
		broken := map[string]*pkg{from: {imports: map[string]bool{"fmt": true, to: true}}}
		if got := b.violations(broken); len(got) != 1 || got[0] != from+" -> "+to {
			t.Errorf("%s imports %s: got %q", from, to, got)
		}
		tested := map[string]*pkg{from: {testImports: map[string]bool{to: true}}}
		if got := b.violations(tested); (len(got) == 1) != b.tests {
			t.Errorf("tests of %s import %s: got %q", from, to, got)
		}
		through := map[string]*pkg{
			from:      {imports: map[string]bool{"aio/new": true}},
			"aio/new": {imports: map[string]bool{to: true}},
		}
		if got := b.violations(through); !b.direct && !slices.Contains(got, from+" -> aio/new -> "+to) {
			t.Errorf("%s imports %s through aio/new: got %q", from, to, got)
		}
		if b.except == "" {
			continue
		}
		except := map[string]*pkg{sample(b.except): {imports: map[string]bool{to: true}}}
		if got := b.violations(except); len(got) != 0 {
			t.Errorf("%s, an exception, imports %s: got %q", b.except, to, got)
		}
	}
}

// Package testing registers flags and is large. A program must not get it by
// importing one of our packages, on any platform, through whatever import.
func TestTestingStaysOut(t *testing.T) {
	for _, goos := range []string{"linux", "windows", "darwin", "freebsd"} {
		t.Run(goos, func(t *testing.T) {
			out := goCommand(t, "GOOS="+goos, "list", "-e", "-json=ImportPath,Deps", "./...")
			for dec := json.NewDecoder(bytes.NewReader(out)); ; {
				var p struct {
					ImportPath string
					Deps       []string
				}
				if err := dec.Decode(&p); errors.Is(err, io.EOF) {
					return
				} else if err != nil {
					t.Fatalf("dec.Decode: %v", err)
				}
				helper := short(p.ImportPath) == "aio/aiotest" || short(p.ImportPath) == "aio/jobs/jobstest"
				if slices.Contains(p.Deps, "testing") && !helper {
					t.Errorf("%s depends on testing: only aiotest, jobstest and tests may (find the way with: "+
						"GOOS=%s go list -deps -f '{{.ImportPath}}: {{.Imports}}' %[1]s)", p.ImportPath, goos)
				}
			}
		})
	}
}

// The root module has three requirements and no others: what its users get with
// it. Linters are pinned in .ci/tools.mod, libraries to compare with in nested
// modules.
func TestRequirements(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace, Tool []any
	}
	if err := json.Unmarshal(goCommand(t, "", "mod", "edit", "-json"), &mod); err != nil {
		t.Fatalf("json.Unmarshal: %v", err)
	}
	allowed := []string{"golang.org/x/sync", "golang.org/x/net", goleakPath}
	for _, r := range mod.Require {
		switch {
		case slices.Contains(allowed, r.Path):
		case r.Indirect && r.Path == "golang.org/x/text": // x/net/idna needs it
		default:
			t.Errorf("go.mod requires %s: a nested module is the place for it", r.Path)
		}
	}
	if len(mod.Replace) > 0 {
		t.Error("go.mod has a replace directive: it does not hold for those who import the module")
	}
	if len(mod.Tool) > 0 {
		t.Error("go.mod has a tool directive: tools belong in .ci/tools.mod")
	}
}

// Every public package tells its contract in a doc.go, and every package with
// tests ends them with a check that no goroutine is left.
func TestEveryPackageHas(t *testing.T) {
	for name, p := range tree(t) {
		if !p.root {
			continue
		}
		internal := slices.Contains(strings.Split(name, "/"), "internal")
		if matches("aio/...", name) && !internal && p.code() && !slices.Contains(p.files, "doc.go") {
			t.Errorf("%s has no doc.go: every public package has one, it is the package's contract", name)
		}
		if p.has("_test.go") && !p.leakChecked {
			t.Errorf("%s has tests, but no TestMain that calls aiotest.VerifyMain or goleak.VerifyTestMain", name)
		}
	}
}

// goCommand runs the go command in the module's root and returns its output.
func goCommand(t *testing.T, env string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if env != "" {
		cmd.Env = append(cmd.Env, env)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}
