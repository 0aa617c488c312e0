package soak

import (
	"strings"
	"testing"
	"time"
)

// TestShort soaks for a moment: it begins, looks, and ends with nothing left.
func TestShort(t *testing.T) {
	var out strings.Builder
	if err := Run(t.Context(), 2*time.Second, &out); err != nil || !strings.HasSuffix(out.String(), "soak: ok\n") {
		t.Errorf("%v, printed:\n%s", err, out.String())
	}
}

// TestGrown holds that what grows is told, and what pools and caches may take
// is not.
func TestGrown(t *testing.T) {
	first := look{at: time.Minute, operations: 10, goroutines: 10, files: 10, heap: 1 << 20}
	same := first
	same.goroutines += moreGoroutines
	if err := same.grown(first); err != nil {
		t.Errorf("%v, want nothing", err)
	}
	for what, l := range map[string]look{
		"operations": {operations: 200}, "goroutines": {goroutines: 200}, "files": {files: 200}, "heap": {heap: 20 << 20},
	} {
		if err := l.grown(first); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v: %v, want it to tell of the %s", l, err, what)
		}
	}
}
