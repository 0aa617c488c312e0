package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_PROGRAM") != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// check looks at what a tour of one round has printed.
func check(t *testing.T, out string) {
	t.Helper()
	for _, want := range []string{
		"look at    http://127.0.0.1:",
		"serving    DNS on 127.0.0.1:",
		"\nstats      0 connections in, 0 out, 0 requests, 2 timers; ",
		"\nlooked up  guest1.tour.example: [127.0.0.1]\n",
		"\nechoed     \"hello 1\\n\" by echo.tour.example:",
		"\nwas asked  GET /page/1\n",
		"/page/1: /page/1, 1.3s after it was asked for\n",
		"\ndraining   ",
		"\nended      with 0 operations left\n",
	} {
		if strings.Count(out, want) != 1 {
			t.Errorf("no %q, or not once, in\n%s", want, out)
		}
	}
}

// What its end finds on its way still comes, if there is any: on a busy machine
// the first round may take longer to begin.
func TestEndsByItself(t *testing.T) {
	for length := time.Second; ; length *= 4 {
		var out strings.Builder
		err := run(t.Context(), []string{"-for", length.String()}, &out)
		before, _, ended := strings.Cut(out.String(), "draining")
		if ended && length < time.Minute && !(strings.Contains(before, "\nwas asked") && strings.Contains(before, "\nechoed")) {
			t.Logf("the clients have not connected within %v", length)
			continue
		}
		if err != nil {
			t.Errorf("run: %v", err)
		}
		check(t, out.String())
		return
	}
}

// A signal ends the program as the end of its time does: with everything that
// was on its way, and status 0.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent an interrupt")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-keep")
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1")
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	stdout, out := bufio.NewReader(pipe), ""
	for !strings.Contains(out, "\nwas asked") || !strings.Contains(out, "\nechoed") || !strings.Contains(out, "\nlooked up") {
		line, err := stdout.ReadString('\n')
		if out += line; err != nil {
			t.Fatalf("%v after\n%s", err, out)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatalf("cmd.Process.Signal: %v", err)
	}
	rest, err := io.ReadAll(stdout)
	if err != nil {
		t.Errorf("reading to the end: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error("the program's end:", err)
	}
	check(t, out+string(rest))
	if _, after, _ := strings.Cut(string(rest), "draining"); !strings.Contains(after, "\ngot        200 ") {
		t.Errorf("no page after the signal:\n%s", rest)
	}
}
