//go:build unix

package beanjobs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

func init() { workerMain = beWorker }

// beWorker does jobs until SIGTERM. What Handle does is a line on stdout, for
// each job: "ID attempt".
func beWorker(addr string) int {
	l := &aio.Loop{CatchPanics: true, Signals: []os.Signal{syscall.SIGTERM}, Grace: 2 * time.Second, Abandon: 2 * time.Second}
	l.OnEvent = func(e aio.Event) { fmt.Fprintln(os.Stderr, "event:", e.Err) }
	err := l.Run(context.Background(), func(ctx context.Context) error {
		w := &jobs.Worker{
			Source: &killed{broker(addr).Source(queue), os.Getenv("BEANJOBS_KILL")},
			Slots:  8, MaxAttempts: -1, Backoff: quick, Reconnect: quick, Handle: handle,
		}
		return w.Start(ctx)
	})
	var stuck *aio.StuckError
	switch {
	case errors.As(err, &stuck):
		fmt.Fprintln(os.Stderr, "stuck:", len(stuck.Ops))
		return 3
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func handle(ctx context.Context, j *jobs.Job) error {
	// one write
	say := func(what string) { fmt.Fprintf(os.Stdout, "%s %s %d\n", what, j.ID, j.Attempt) }
	switch string(j.Body) {
	case "stuck":
		say("begun")
		time.Sleep(time.Minute)
	case "wait":
		say("begun")
		<-ctx.Done()
		if errors.Is(context.Cause(ctx), jobs.ErrLeaseLost) {
			say("lost")
		}
	default:
		d, _ := strconv.Atoi(string(j.Body)) // microseconds
		if err := timer.Sleep(ctx, time.Duration(d)*time.Microsecond); err != nil {
			return err
		}
	}
	say("done")
	return nil
}

// killed is a Source that kills its process at some moment.
type killed struct {
	jobs.Source
	at string
}

func (k *killed) kill(at string) {
	if k.at == at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (k *killed) Reserve(ctx context.Context) (jobs.Lease, error) {
	l, err := k.Source.Reserve(ctx)
	if err != nil {
		return nil, err
	}
	k.kill("reserved")
	return &killedLease{l, k}, nil
}

type killedLease struct {
	jobs.Lease
	k *killed
}

func (l *killedLease) Delete(ctx context.Context) error {
	l.k.kill("before delete")
	err := l.Lease.Delete(ctx)
	l.k.kill("after delete")
	return err
}

// worker is a worker in another process.
type worker struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of stdout; closed at its end
}

// startWorker starts a worker that is killed at some moment, or not.
func startWorker(t *testing.T, addr, killAt string) *worker {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BEANJOBS_WORKER="+addr, "BEANJOBS_KILL="+killAt)
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	w := &worker{t, cmd, make(chan string, 1<<20)}
	go func() {
		defer close(w.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			w.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { w.end(syscall.SIGKILL) })
	return w
}

// end sends a signal, unless the process has ended, and waits for the end. It
// returns the rest of what the worker has said.
func (w *worker) end(sig syscall.Signal) (rest []string) {
	if w.cmd == nil {
		return nil
	}
	_ = w.cmd.Process.Signal(sig)
	for line := range w.lines {
		rest = append(rest, line)
	}
	_ = w.cmd.Wait()
	w.cmd = nil
	return rest
}

// says waits for a line, and returns it without its first word.
func (w *worker) says(word string) string {
	w.t.Helper()
	select {
	case line, ok := <-w.lines:
		rest, found := strings.CutPrefix(line, word+" ")
		if !ok || !found {
			w.t.Fatalf("the worker says %q (or has ended: %t), want %q", line, !ok, word)
		}
		return rest
	case <-time.After(30 * time.Second):
		w.t.Fatalf("the worker does not say %q", word)
	}
	return ""
}
