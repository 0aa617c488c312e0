package aiotest_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"goaio.example/aio/aiotest"
)

// childEnv names the test of children that a process of its own runs.
const childEnv = "AIOTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		aiotest.VerifyMain(m)
	}
	goleak.VerifyTestMain(m)
}

// children are tests for a process of their own: most of them fail.
var children = map[string]func(t *testing.T){}

func TestChild(t *testing.T) {
	if fn := children[os.Getenv(childEnv)]; fn != nil {
		fn(t)
	}
}

// child runs one of the children and returns its output and whether it passed.
func child(t *testing.T, name string) (output string, ok bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// wantChild expects a child to pass or fail, with all of texts in its output.
func wantChild(t *testing.T, name string, ok bool, texts ...string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		out, passed := child(t, name)
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("no %q in the output", text)
			}
		}
		if passed != ok || t.Failed() {
			t.Errorf("passed: %v, want %v; output:\n%s", passed, ok, out)
		}
	})
}

// fakeT is a test that records how it fails.
type fakeT struct {
	testing.TB
	mu       sync.Mutex
	errs     []string
	log      strings.Builder
	failed   bool
	skipped  bool
	finished bool // fn of trial returned
	cleanups []func()
}

// trial runs fn, and the cleanups it registers, with a fake test.
func trial(fn func(t testing.TB)) *fakeT {
	f := new(fakeT)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, c := range slices.Backward(f.cleanups) {
				c()
			}
		}()
		fn(f)
		f.finished = true
	}()
	<-done
	return f
}

func (f *fakeT) Helper() {}

func (f *fakeT) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }

func (f *fakeT) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = true
	f.errs = append(f.errs, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.FailNow()
}

func (f *fakeT) FailNow() {
	f.mu.Lock()
	f.failed = true
	f.mu.Unlock()
	runtime.Goexit()
}

func (f *fakeT) SkipNow() {
	f.mu.Lock()
	f.skipped = true
	f.mu.Unlock()
	runtime.Goexit()
}

func (f *fakeT) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

func (f *fakeT) Skipped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skipped
}

func (f *fakeT) Output() io.Writer { return (*fakeLog)(f) }

type fakeLog fakeT

func (l *fakeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

// want expects one failure for each of texts, with that text in it.
func (f *fakeT) want(t *testing.T, texts ...string) {
	t.Helper()
	ok := len(f.errs) == len(texts)
	for i := range min(len(f.errs), len(texts)) {
		ok = ok && strings.Contains(f.errs[i], texts[i])
	}
	if !ok {
		t.Errorf("failures: %q, want these: %q", f.errs, texts)
	}
}
