package main

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(roleVariable); name != "" {
		if err := playRole(name); err != nil {
			fmt.Fprintln(os.Stderr, name, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	code := m.Run()
	if err := cleanUp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// TestQuick runs each workload as -quick does: servers start, answer and end,
// and there are figures. What cannot be had here, as libevent, is left out.
func TestQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts many processes")
	}
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := run([]string{"-quick", "-run", w.name, "-o", dir}); err != nil {
				t.Fatalf("run: %v", err)
			}
			if _, err := os.Stat(dir + "/" + w.name + ".json"); err != nil {
				t.Errorf("os.Stat: %v", err)
			}
		})
	}
}
