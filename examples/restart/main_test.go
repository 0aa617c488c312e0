//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
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

// program is the program as a child process, and all that follow it.
type program struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner // of all of them; it ends when all have ended
	pid   int            // of the newest
	url   string
	ended int
}

func start(t *testing.T) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], "-addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// its successors too
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	p := &program{cmd: cmd, lines: bufio.NewScanner(out)}
	p.listens(t)
	return p
}

// listens waits until a new process serves.
func (p *program) listens(t *testing.T) {
	t.Helper()
	var addr string
	for p.lines.Scan() {
		if n, _ := fmt.Sscanf(p.lines.Text(), "process %d listens on %s", &p.pid, &addr); n == 2 {
			p.url = "http://" + addr
			return
		}
		p.end(t, p.lines.Text())
	}
	t.Fatal("no process serves")
}

// end checks what a process says at its end.
func (p *program) end(t *testing.T, line string) {
	t.Helper()
	if !strings.HasSuffix(line, "ends with 0 operations left") {
		t.Errorf("the program printed %q", line)
	}
	p.ended++
}

// get asks for the page, and returns the process that answers.
func get(client *http.Client, url string) (process int, err error) {
	resp, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if n, err := fmt.Sscanf(string(body), "process %d\n", &process); n != 1 || resp.StatusCode != 200 {
		return 0, fmt.Errorf("got %s, %q, %v", resp.Status, body, err)
	}
	return process, nil
}

// Clients that keep their connections and others that make a new one each time
// ask all the while.
func TestRestartUnderLoad(t *testing.T) {
	const restarts, clients = 4, 8
	p := start(t)
	url := p.url
	stop := make(chan struct{})
	var requests, failed atomic.Int64
	var answerers sync.Map // processes
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			tr := &http.Transport{DisableKeepAlives: i%2 == 0}
			defer tr.CloseIdleConnections()
			client := &http.Client{Transport: tr, Timeout: 30 * time.Second}
			for {
				select {
				case <-stop:
					return
				default:
				}
				process, err := get(client, url)
				requests.Add(1)
				if err != nil {
					failed.Add(1)
					t.Errorf("get: %v", err)
				}
				answerers.Store(process, true)
			}
		})
	}
	idle := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer idle.CloseIdleConnections()
	for range restarts {
		old, before := p.pid, requests.Load()
		if err := syscall.Kill(old, syscall.SIGHUP); err != nil {
			t.Fatalf("syscall.Kill: %v", err)
		}
		p.listens(t)
		if p.pid == old || p.url != url {
			t.Fatalf("process %d at %s came after %d at %s", p.pid, p.url, old, url)
		}
		// the old one ends, so this does
		for process := 0; process != p.pid || requests.Load() < before+500; {
			var err error
			if process, err = get(idle, url); err != nil {
				t.Fatalf("get: %v", err)
			}
		}
	}
	close(stop)
	wg.Wait()
	if err := syscall.Kill(p.pid, syscall.SIGTERM); err != nil {
		t.Fatalf("syscall.Kill: %v", err)
	}
	for p.lines.Scan() {
		p.end(t, p.lines.Text())
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("p.cmd.Wait: %v", err)
	}
	if p.ended != restarts+1 {
		t.Errorf("%d processes said that they end, of %d", p.ended, restarts+1)
	}
	n := 0
	answerers.Range(func(any, any) bool { n++; return true })
	t.Logf("%d requests, %d failed; %d processes answered", requests.Load(), failed.Load(), n)
	if n != restarts+1 {
		t.Errorf("%d processes answered, of %d", n, restarts+1)
	}
}
