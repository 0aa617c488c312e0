package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"goaio.example/interop/browser/chrome"
)

func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_PROGRAM") != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// The measurement works; how much it is, is not for a test.
func TestMeasure(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("note: nothing is measured there")
	}
	f, err := measure(context.Background(), options{n: 2000, browsers: 1, length: 2 * time.Second, rest: time.Second})
	if errors.Is(err, chrome.ErrNone) {
		t.Skip("note: no browser watches:", err)
	}
	if err != nil {
		t.Fatalf("measure: %v", err)
	}
	t.Log(f)
	if f.watched == 0 || f.before < 0 || f.after < 0 || !strings.Contains(f.String(), "2000 operations") {
		t.Errorf("measured %+v", f)
	}
}
