//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
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
	cmd   *exec.Cmd
	lines *bufio.Scanner
	addr  string
}

// start starts the program with this delay, and waits until it serves.
func start(t *testing.T, delay time.Duration) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], "-addr", "127.0.0.1:0", "-drain-delay", delay.String())
	cmd.Env = append(os.Environ(), "BE_THE_PROGRAM=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	p := &program{cmd: cmd, lines: bufio.NewScanner(out)}
	addr, ok := strings.CutPrefix(p.line(), "listening on ")
	if !ok {
		t.Fatal("the program does not serve")
	}
	p.addr = addr
	return p
}

// line returns the next line that the program prints, "" at its end.
func (p *program) line() string {
	p.lines.Scan()
	return p.lines.Text()
}

// says checks the next lines that the program prints.
func (p *program) says(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := p.line(); got != w {
			t.Fatalf("the program printed %q, want %q", got, w)
		}
	}
}

// signal sends SIGTERM.
func (p *program) signal(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("p.cmd.Process.Signal: %v", err)
	}
}

// ends checks that the program ends.
func (p *program) ends(t *testing.T) {
	t.Helper()
	p.says(t, "draining", "ended with 0 operations left")
	rest := p.line()
	if err := p.cmd.Wait(); err != nil || rest != "" {
		t.Errorf("the program's end: %q, %v", rest, err)
	}
}

// Clients ask by a balancer while each of two processes is replaced. A balancer
// that goes by readiness sends no request in vain.
func TestRolloutUnderLoad(t *testing.T) {
	const clients, some = 8, 100
	b := newBalancer(t)
	programs := []*program{start(t, 2*time.Second), start(t, 2*time.Second)}
	backends := []*backend{b.add(programs[0].addr), b.add(programs[1].addr)}
	b.until(t, 0, "both are ready", func() bool { return b.ready() == 2 })
	for i := range clients {
		b.running.Go(func() { b.client(i%2 == 0) })
	}
	b.until(t, some, "both serve", func() bool { return b.ready() == 2 })
	for i, k := range backends {
		programs[i].signal(t)
		programs[i].says(t, "leaving")
		b.until(t, some, "the balancer sees the 503", func() bool { return k.failed && b.ready() == 1 })
		programs[i].ends(t)
		b.remove(k)
		b.until(t, some, "one serves all", func() bool { return b.ready() == 1 })
		programs[i] = start(t, time.Hour)
		b.add(programs[i].addr)
		b.until(t, some, "both serve again", func() bool { return b.ready() == 2 })
	}
	b.stop()
	t.Logf("%d requests, %d lost; of processes that were leaving, %d and %d were answered", b.all, b.lost, backends[0].left, backends[1].left)
	if b.lost > 0 {
		t.Errorf("%d requests of %d were lost: %v", b.lost, b.all, b.errs[0])
	}
	for _, p := range programs { // a second signal skips the rest of an hour
		p.signal(t)
		p.says(t, "leaving")
		p.signal(t)
		p.ends(t)
	}
}

// TestRun ends by the ctx, with a delay.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-addr", "127.0.0.1:0", "-drain-delay", "1ms"}, w)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
		cancel()
	}
	cancel()
	if err := <-done; err != nil || len(got) != 4 || got[3] != "ended with 0 operations left" {
		t.Errorf("%v: %q", err, got)
	}
}
