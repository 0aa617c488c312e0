//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
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

const processes = 3

// program is the program as a child process, with its own children.
type program struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	pids  [processes]int
	addr  string
}

func start(t *testing.T, delay string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], "-addr", "127.0.0.1:0", "-processes", fmt.Sprint(processes), "-delay", delay)
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// its children too
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	p := &program{cmd: cmd, lines: bufio.NewScanner(out)}
	for i := range p.pids {
		p.says(t, "process %d listens on %s", &p.pids[i], &p.addr)
	}
	return p
}

// says reads the program's next line.
func (p *program) says(t *testing.T, format string, values ...any) {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatal("the program has ended")
	}
	if n, err := fmt.Sscanf(p.lines.Text(), format, values...); n != len(values) {
		t.Fatalf("the program printed %q: %v", p.lines.Text(), err)
	}
}

// ends waits for the program's end, after that of so many processes.
func (p *program) ends(t *testing.T, left int) {
	t.Helper()
	for range left {
		var pid int
		p.says(t, "process %d ended", &pid)
	}
	if p.lines.Scan() {
		t.Errorf("the program printed %q", p.lines.Text())
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program's end: %v", err)
	}
	if c, err := net.Dial("tcp", p.addr); err == nil {
		c.Close()
		t.Error("somebody still listens")
	}
}

// process reads which process has answered.
func process(resp *http.Response) (pid int, err error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if n, _ := fmt.Sscanf(string(body), "process %d\n", &pid); err != nil || n != 1 || resp.StatusCode != 200 {
		return 0, fmt.Errorf("got %s, %q, %v", resp.Status, body, err)
	}
	return pid, nil
}

// What was asked before the signal is answered by whichever process has it, and
// all end.
func TestEndTogether(t *testing.T) {
	const clients = 90
	for name, signal := range map[string]func(pid int) error{
		"SIGTERM": func(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) },
		"Ctrl-C":  func(pid int) error { return syscall.Kill(-pid, syscall.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "100ms")
			var conns [clients]net.Conn
			for i := range conns {
				c, err := net.Dial("tcp", p.addr)
				if err != nil {
					t.Fatalf("net.Dial: %v", err)
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(30 * time.Second))
				fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n", i, p.addr)
				conns[i] = c
			}
			if err := signal(p.cmd.Process.Pid); err != nil {
				t.Fatalf("signal: %v", err)
			}
			answered := map[int]int{}
			for i, c := range conns {
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatalf("request %d: %v", i, err)
				}
				pid, err := process(resp)
				if err != nil {
					t.Errorf("request %d: %v", i, err)
				}
				c.Close()
				answered[pid]++
			}
			// a client is anybody's, with equal chances
			if len(answered) != processes {
				t.Errorf("answers by process: %v", answered)
			}
			p.ends(t, processes)
		})
	}
}

// Processes end one by one under load of short connections, until one is left:
// no request fails.
func TestEndOneByOne(t *testing.T) {
	p := start(t, "1ms")
	url := "http://" + p.addr
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	stop, warm := make(chan struct{}), make(chan struct{})
	var requests, failed atomic.Int64
	var load sync.WaitGroup
	for range 16 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if requests.Add(1) == 500 {
					close(warm)
				}
				// which tries only once, on a new connection
				resp, err := client.Get(url)
				if err == nil {
					_, err = process(resp)
				}
				if err != nil {
					failed.Add(1)
					t.Errorf("client.Get: %v", err)
				}
			}
		})
	}
	<-warm
	for _, pid := range p.pids[1:] {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatalf("syscall.Kill: %v", err)
		}
		var ended int
		if p.says(t, "process %d ended", &ended); ended != pid {
			t.Errorf("process %d ended, not %d", ended, pid)
		}
	}
	close(stop)
	load.Wait()
	t.Logf("%d requests, %d failed", requests.Load(), failed.Load())
	resp, err := client.Get(url)
	if err != nil {
		t.Fatalf("client.Get: %v", err)
	}
	if pid, err := process(resp); err != nil || pid != p.pids[0] {
		t.Errorf("process %d is left, %v; want %d", pid, err, p.pids[0])
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("p.cmd.Process.Signal: %v", err)
	}
	p.ends(t, 1)
}

// A process that cannot serve ends the program, and the exit status tells.
func TestAddressInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	defer ln.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", ln.Addr().String())
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use") {
		t.Errorf("%v: %s", err, out)
	}
}
