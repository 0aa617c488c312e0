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
	"syscall"
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

// program is the program as a child process.
type program struct {
	cmd    *exec.Cmd
	stdout *bufio.Reader
	url    string
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent SIGTERM")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1", "NATS_URL=")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	p := &program{cmd: cmd, stdout: bufio.NewReader(out)}
	line, err := p.stdout.ReadString('\n')
	addr, ok := strings.CutPrefix(line, "listening on ")
	if err != nil || !ok {
		t.Fatalf("the program printed %q, %v", line, err)
	}
	p.url = "http://" + strings.TrimSpace(addr)
	return p
}

// end sends SIGTERM, and returns the IDs of the jobs that the program has done.
func (p *program) end(t *testing.T) (done []string) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("p.cmd.Process.Signal: %v", err)
	}
	rest, _ := io.ReadAll(p.stdout)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program's end: %v", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(rest), "\n"), "\n")
	for _, line := range lines[:len(lines)-1] {
		id, ok := strings.CutPrefix(line, "done ")
		if !ok {
			t.Errorf("the program printed %q", line)
		}
		done = append(done, id)
	}
	if last := lines[len(lines)-1]; last != "ended with 0 operations left" {
		t.Errorf("the program printed %q at the end", last)
	}
	return done
}

// Jobs that one process leaves in its store are done by the next.
func TestJobs(t *testing.T) {
	store := t.TempDir()
	first := start(t, "-store", store, "-takes", "50ms", "-slots", "2")
	ids := make(map[string]int)
	for i := range 30 {
		resp, err := http.Post(first.url+"/jobs", "text/plain", strings.NewReader(fmt.Sprint("job ", i)))
		if err != nil {
			t.Fatalf("http.Post: %v", err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 202 {
			t.Fatalf("putting a job: %s, %q, %v", resp.Status, body, err)
		}
		ids[strings.TrimSpace(string(body))] = 0
	}
	http.DefaultClient.CloseIdleConnections()
	done := first.end(t)
	second := start(t, "-store", store, "-takes", "1ms")
	late := time.AfterFunc(30*time.Second, func() { second.cmd.Process.Kill() })
	defer late.Stop()
	for left := len(ids) - len(done); left > 0; left-- {
		line, err := second.stdout.ReadString('\n')
		if err != nil {
			t.Fatalf("%d jobs are not done: %v", left, err)
		}
		ids[strings.TrimSpace(strings.TrimPrefix(line, "done "))]++
	}
	for _, id := range append(done, second.end(t)...) {
		ids[id]++
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("the job %s was done %d times, want once", id, n)
		}
	}
}
