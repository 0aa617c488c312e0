package aiotest_test

import (
	"os"
	"runtime"
	"testing"
	"testing/synctest"

	"goaio.example/aio/aiotest"
)

func TestCheckLeaks(t *testing.T) {
	aiotest.CheckLeaks(t)
	trial(func(t testing.TB) { aiotest.CheckLeaks(t) }).want(t)

	stop := make(chan struct{})
	f := trial(func(t testing.TB) {
		aiotest.CheckLeaks(t)
		go func() { <-stop }()
	})
	close(stop)
	f.want(t, "TestCheckLeaks")

	// One that a cleanup ends is none.
	f = trial(func(t testing.TB) {
		aiotest.CheckLeaks(t)
		stop := make(chan struct{})
		go func() { <-stop }()
		t.Cleanup(func() { close(stop) })
	})
	f.want(t)
}

func TestCheckLeaksInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aiotest.CheckLeaks(t)
		stop := make(chan struct{})
		f := trial(func(t testing.TB) {
			aiotest.CheckLeaks(t)
			go func() { <-stop }()
		})
		f.want(t, "TestCheckLeaksInBubble")
		close(stop)
	})
}

func TestCheckLeaksFD(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("file descriptors are compared on Linux only")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("os.Pipe: %v", err)
	}
	f := trial(func(t testing.TB) {
		aiotest.CheckLeaks(t)
		r.Close() // one less is no leak
	})
	f.want(t)
	var left *os.File
	f = trial(func(t testing.TB) {
		aiotest.CheckLeaks(t)
		w.Close()
		// with the same number as something closed
		left, err = os.Open(os.DevNull)
		if err != nil {
			t.Errorf("%v", err)
		}
	})
	left.Close()
	f.want(t, "file descriptors left behind:\n\t")
}

func TestVerifyMain(t *testing.T) {
	wantChild(t, "clean", true)
	wantChild(t, "goroutine", false, "aiotest_test.init")
	wantChild(t, "failure", false, "--- FAIL: TestChild")
	if runtime.GOOS == "linux" {
		wantChild(t, "descriptor", false, "-> "+os.DevNull)
	}
}

var kept *os.File

func init() {
	children["clean"] = func(*testing.T) {}
	children["failure"] = func(t *testing.T) { t.Fail() }
	children["goroutine"] = func(*testing.T) { go func() { select {} }() }
	children["descriptor"] = func(t *testing.T) { kept, _ = os.Open(os.DevNull) }
}
