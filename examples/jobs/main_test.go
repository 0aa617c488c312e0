package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
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
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1", "BEANSTALKD_ADDR=")
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

// put puts n jobs, and returns how often each was done: never.
func (p *program) put(t *testing.T, n int) map[string]int {
	t.Helper()
	ids := make(map[string]int)
	for i := range n {
		resp, err := http.Post(p.url+"/jobs", "text/plain", strings.NewReader(fmt.Sprint("job ", i)))
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
	if len(ids) != n {
		t.Fatalf("%d jobs have %d IDs", n, len(ids))
	}
	return ids
}

// wantOnce checks that each job was done once, and no other was.
func wantOnce(t *testing.T, ids map[string]int, done []string) {
	t.Helper()
	for _, id := range done {
		ids[id]++
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("the job %s was done %d times, want once", id, n)
		}
	}
}

// Jobs in the process are all done before it ends.
func TestInProcess(t *testing.T) {
	p := start(t, "-takes", "50ms")
	ids := p.put(t, 30)
	wantOnce(t, ids, p.end(t))
}

// Jobs in a beanstalkd that one process leaves are done by the next.
func TestBeanstalkd(t *testing.T) {
	path, err := exec.LookPath("beanstalkd")
	if err != nil {
		t.Skip("beanstalkd is not there (Debian: apt-get install beanstalkd)")
	}
	l, err := net.Listen("tcp", ownAddr())
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	addr := l.Addr().String()
	l.Close()
	host, port, _ := net.SplitHostPort(addr)
	server := exec.CommandContext(t.Context(), path, "-l", host, "-p", port)
	if err := server.Start(); err != nil {
		t.Fatalf("server.Start: %v", err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	first := start(t, "-beanstalkd", addr, "-takes", "50ms", "-slots", "2")
	ids := first.put(t, 30)
	second := start(t, "-beanstalkd", addr, "-takes", "1ms")
	done := first.end(t)
	if len(done) == 30 {
		t.Error("the first process has done all jobs")
	}
	events := second.events(t)
	more := second.put(t, 1)
	for id := range more {
		ids[id] = 0
		events.wait(t, id+" 100%")
	}
	events.body.Close()
	wantOnce(t, ids, append(done, second.end(t)...))
}

// events is a stream of the program's.
type events struct {
	body  io.Closer
	lines *bufio.Scanner
}

func (p *program) events(t *testing.T) *events {
	t.Helper()
	resp, err := http.Get(p.url + "/events")
	if err != nil {
		t.Fatalf("http.Get: %v", err)
	}
	return &events{resp.Body, bufio.NewScanner(resp.Body)}
}

// wait waits for an event.
func (e *events) wait(t *testing.T, text string) {
	t.Helper()
	late := time.AfterFunc(30*time.Second, func() { e.body.Close() })
	defer late.Stop()
	for e.lines.Scan() {
		if e.lines.Text() == "data: "+text {
			return
		}
	}
	t.Fatalf("the stream ended without %q", text)
}

// The page and the progress of a job.
func TestProgress(t *testing.T) {
	p := start(t, "-takes", "10ms")
	resp, err := http.Get(p.url)
	if err != nil {
		t.Fatalf("http.Get: %v", err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !strings.Contains(string(body), "EventSource") {
		t.Errorf("the page is %q", body)
	}
	e := p.events(t)
	for id := range p.put(t, 1) {
		for _, percent := range []string{"10%", "50%", "100%"} {
			e.wait(t, id+" "+percent)
		}
	}
	e.body.Close()
	p.end(t)
}

// ownAddr returns a loopback address with port 0, on Linux one that no other
// test listens on: a port of 127.0.0.1 may be taken by another program while
// the server is down.
func ownAddr() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("127.%d.%d.%d:0", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254))
}
