package aiotest

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

// CheckLeaks fails the test if, after it and its cleanups, goroutines are left
// that did not exist when CheckLeaks was called, or file descriptors (on
// Linux). Call it first, so that its own cleanup is the last. Whatever is about
// to end has half a second.
//
// Inside a synctest bubble it compares only the bubble's goroutines. Elsewhere
// it must not be used next to parallel tests, whose goroutines it would take
// for leaks.
func CheckLeaks(t testing.TB) {
	t.Helper()
	before := look(false)
	t.Cleanup(func() {
		t.Helper()
		before.compare(t)
	})
}

// VerifyMain runs a package's tests, for TestMain. If they pass but goroutines
// are left at the end, or file descriptors (on Linux), the run fails. It works
// with parallel tests. It does not return.
func VerifyMain(m *testing.M) {
	before := openFDs()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if code == 0 {
			if left := before.left(); left != "" {
				fmt.Fprintf(os.Stderr, "aiotest: file descriptors left behind by a successful test run:%s\n", left)
				code = 1
			}
		}
		os.Exit(code)
	}))
}

// A view is the state at some moment, for comparison with a later one.
type view struct {
	bubble     string // the synctest bubble looked at; "" for the process
	goroutines goroutines
	// ignores the goroutines of that moment; nil: do not compare
	process goleak.Option
	fds     fds
}

// look returns the state of the bubble, or of the process. It leaves out the
// process if parallel tests would make it meaningless.
func look(parallel bool) view {
	if b := bubble(); b != "" {
		return view{bubble: b, goroutines: goroutinesOf(b)}
	}
	if parallel {
		return view{}
	}
	return view{process: goleak.IgnoreCurrent(), fds: openFDs()}
}

// compare fails the test for what exists now and did not at the moment of the
// view.
func (v view) compare(t testing.TB) {
	t.Helper()
	if v.bubble != "" {
		synctest.Wait()
		if left := goroutinesOf(v.bubble).without(v.goroutines); left != "" {
			t.Errorf("aiotest: goroutines left in the bubble:%s", left)
		}
		return
	}
	if v.process == nil {
		return
	}
	if err := goleak.Find(v.process); err != nil {
		t.Errorf("aiotest: goroutines left behind: %v", err)
	}
	if left := v.fds.left(); left != "" {
		t.Errorf("aiotest: file descriptors left behind:%s", left)
	}
}
