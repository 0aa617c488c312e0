package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const answerSize = 200_000 // more than a socket's buffers take at once

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
	addr   string
}

func start(t *testing.T) *program {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent SIGTERM")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", "127.0.0.1:0", "-delay", "100ms", "-size", fmt.Sprint(answerSize))
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1")
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
	p.addr = strings.TrimSpace(addr)
	return p
}

// end waits for the program's end.
func (p *program) end(t *testing.T) {
	t.Helper()
	rest, _ := io.ReadAll(p.stdout)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program's end: %v", err)
	}
	if want := "ended with 0 operations left\n"; string(rest) != want {
		t.Errorf("the program printed %q at the end, want %q", rest, want)
	}
}

// A client has a connection to the program.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(addr string) (*client, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{c, bufio.NewReader(c)}, nil
}

// answer reads the answer to the request text. What comes is whole or nothing.
func (c *client) answer(text string) (nothing bool, err error) {
	line, err := c.r.ReadString('\n')
	switch {
	case err != nil && line == "":
		return true, nil
	case err != nil:
		return false, fmt.Errorf("%s: the answer ended after %d bytes: %w", text, len(line), err)
	case len(line) != answerSize, !strings.HasPrefix(line, text+"."):
		return false, fmt.Errorf("%s: got an answer of %d bytes: %.40q", text, len(line), line)
	}
	return false, nil
}

// Clients ask one question after the other, and others one each in the moment
// before the signal: what was sent before the signal gets its whole answer;
// what is sent later gets that, or nothing.
func TestSIGTERMUnderLoad(t *testing.T) {
	const talkers, askers = 10, 40
	p := start(t)
	var signalled atomic.Bool
	var answered atomic.Int64
	warm := make(chan struct{}) // closed once every talker has had an answer
	var clients sync.WaitGroup
	for i := range talkers {
		clients.Go(func() {
			c, err := dial(p.addr)
			if err != nil {
				t.Errorf("dial: %v", err)
				return
			}
			defer c.Close()
			for n := 0; ; n++ {
				text := fmt.Sprintf("talker %d, request %d", i, n)
				_, err := fmt.Fprintln(c, text)
				before := !signalled.Load()
				if err != nil && before {
					t.Errorf("fmt.Fprintln: %v", err)
				}
				if err != nil {
					return
				}
				nothing, err := c.answer(text)
				if err != nil || nothing && before {
					t.Errorf("%s: before the signal: %t, nothing came: %t, %v", text, before, nothing, err)
				}
				if nothing || err != nil {
					return
				}
				if n == 0 && answered.Add(1) == talkers {
					close(warm)
				}
			}
		})
	}
	select {
	case <-warm:
	case <-time.After(30 * time.Second):
		t.Fatal("no answers")
	}
	asked := make(chan struct{}, askers)
	for i := range askers {
		clients.Go(func() {
			defer func() { asked <- struct{}{} }()
			c, err := dial(p.addr)
			if err != nil {
				t.Errorf("dial: %v", err)
				return
			}
			text := fmt.Sprint("asker ", i)
			if _, err := fmt.Fprintln(c, text); err != nil {
				t.Errorf("fmt.Fprintln: %v", err)
			}
			clients.Go(func() {
				defer c.Close()
				if nothing, err := c.answer(text); nothing || err != nil {
					t.Errorf("%s: nothing came: %t, %v", text, nothing, err)
				}
			})
		})
	}
	for range askers {
		<-asked
	}
	signalled.Store(true)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("p.cmd.Process.Signal: %v", err)
	}
	clients.Wait()
	p.end(t)
}

// Connections without a request do not hold up the end.
func TestIdle(t *testing.T) {
	p := start(t)
	for i := range 2 {
		c, err := dial(p.addr)
		if err != nil {
			t.Fatalf("dial: %v", err)
		}
		defer c.Close()
		if i == 0 {
			continue
		}
		fmt.Fprintln(c, "hello")
		if nothing, err := c.answer("hello"); nothing || err != nil {
			t.Fatal(nothing, err)
		}
	}
	begin := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("p.cmd.Process.Signal: %v", err)
	}
	p.end(t)
	if d := time.Since(begin); d >= 10*time.Second { // the default Grace
		t.Errorf("it took %v, with nothing to do", d)
	}
}
