package main

import (
	_ "embed" // for the program's text
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

//go:embed native/libevent.c
var libeventText []byte

// startLibevent compiles the server in C the first time, and starts it: to
// echo, or with arguments for c40k. It fails where there is no C compiler, or
// no libevent (Debian: gcc libc6-dev libevent-dev).
func startLibevent(args ...string) (*child, error) {
	program, err := compileLibevent()
	if err != nil {
		return nil, err
	}
	return startChild("libevent", exec.Command(program, args...))
}

var compileLibevent = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "goaio-bench-")
	if err != nil {
		return "", err
	}
	atEnd = append(atEnd, func() error { return os.RemoveAll(dir) })
	source, program := filepath.Join(dir, "libevent.c"), filepath.Join(dir, "libevent")
	if err := os.WriteFile(source, libeventText, 0o600); err != nil {
		return "", err
	}
	out, err := exec.Command("cc", "-O2", "-Wall", "-o", program, source, "-levent_core").CombinedOutput()
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return "", fmt.Errorf("it does not compile: %w %s", err, first)
	}
	return program, nil
})
