package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
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

// All pages are fetched, those that fail at first as well.
func TestCrawl(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-pages", "100", "-rate", "100000"}, &out); err != nil {
		t.Errorf("run: %v", err)
	}
	if !strings.Contains(out.String(), "\r100 pages fetched, ") || !strings.HasSuffix(out.String(), ", 0 left\n") {
		t.Errorf("printed %q", out.String())
	}
}

// On an interrupt the program prints what it has done, and ends.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent an interrupt")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-rate", "50", "-at-once", "2")
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	r := bufio.NewReader(stdout)
	for progress := "\r0 "; strings.HasPrefix(progress[strings.LastIndex(progress, "\r")+1:], "0 "); { // until a page is fetched
		if progress, err = r.ReadString('w'); err != nil { // of "waiting"
			t.Fatalf("reading the progress: %v", err)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("cmd.Process.Signal: %v", err)
	}
	rest, _ := io.ReadAll(r)
	if err := cmd.Wait(); err != nil {
		t.Errorf("cmd.Wait: %v", err)
	}
	line := string(rest[strings.LastIndex(string(rest), "\r")+1:])
	var fetched, bytes, left int
	if _, err := fmt.Sscanf(line, "%d pages fetched, %d bytes, %d left\n", &fetched, &bytes, &left); err != nil || fetched == 0 || fetched >= 300 || left == 0 {
		t.Errorf("printed %q, %v", line, err)
	}
}

// A page that fails for good is told of.
func TestFails(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-pages", "0"}, &out); err == nil || !strings.Contains(err.Error(), "/page/0: 404") {
		t.Errorf("got %v", err)
	}
}

// One host gets a request each gap, another one is not concerned.
func TestPerHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := perHost{gap: time.Second}
		begin := time.Now()
		for i, c := range []struct {
			host string
			at   time.Duration
		}{{"a", 0}, {"a", time.Second}, {"b", time.Second}, {"a", 2 * time.Second}} {
			r, err := http.NewRequest("GET", "http://"+c.host+"/", nil)
			if err != nil {
				t.Fatalf("http.NewRequest: %v", err)
			}
			if err := p.of(r).Wait(t.Context()); err != nil || time.Since(begin) != c.at {
				t.Errorf("request %d after %v, %v", i, time.Since(begin), err)
			}
		}
	})
}
