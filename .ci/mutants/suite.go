package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// suite is the tests that are to catch faults.
type suite struct {
	pkg     string
	also    string
	run     string
	race    bool
	timeout time.Duration
}

// verdict is what came of a fault.
type verdict int

const (
	caught     verdict = iota // a test failed, or did not end
	survived                  // all tests passed
	equivalent                // it changes nothing that can be seen
	invalid                   // it does not compile
	broken                    // it could not be tried
	verdicts
)

func (v verdict) String() string {
	return [...]string{"caught", "SURVIVED", "equivalent", "invalid", "not tried"}[v]
}

// passes reports an error if the tests fail without a fault.
func (s *suite) passes() error {
	out, err := s.test("")
	if err != nil {
		return fmt.Errorf("the tests fail without a fault: %w\n%s", err, out)
	}
	return nil
}

// try runs the tests with a fault.
func (s *suite) try(f fault) (_ fault, v verdict, detail string) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return f, broken, err.Error()
	}
	defer os.RemoveAll(dir)
	overlay, err := f.overlay(dir)
	if err != nil {
		return f, broken, err.Error()
	}
	out, err := s.test(overlay)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return f, survived, ""
	case errors.Is(err, context.DeadlineExceeded):
		return f, caught, "no end"
	case !errors.As(err, &exit):
		return f, broken, err.Error()
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return f, invalid, ""
	}
	return f, caught, firstFailure(out)
}

// overlay writes the file with the fault, and what has the compiler take it for
// the original.
func (f fault) overlay(dir string) (string, error) {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, filepath.Base(f.path))
	if err := os.WriteFile(changed, f.apply(text), 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {f.path: changed}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// test runs the tests, with an overlay unless that is empty.
func (s *suite) test(overlay string) ([]byte, error) {
	args := []string{"test", "-vet=off", "-count=1", "-failfast", "-timeout", s.timeout.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if s.race {
		args = append(args, "-race")
	}
	if s.run != "" {
		args = append(args, "-run", s.run)
	}
	args = append(args, s.pkg)
	if s.also != "" {
		args = append(args, strings.Fields(s.also)...)
	}
	// The limit is for tests that ignore -timeout, and for the build.
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout+5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out, err
}

// firstFailure returns the name of the first test that failed.
func firstFailure(out []byte) string {
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			return name
		}
		for _, sign := range []string{"panic: ", "fatal error: "} {
			if strings.HasPrefix(line, sign) {
				return short(line)
			}
		}
	}
	return ""
}
