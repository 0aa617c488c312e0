//go:build unix

package tcp_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// handOver starts a server of this process and hands it over to a child
// process.
func handOver(t *testing.T, cmd *exec.Cmd, then func(ctx context.Context, s *tcp.Server, done *aio.Future[struct{}]) error) {
	t.Helper()
	aiotest.CheckLeaks(t)
	aiotest.Run(t, func(ctx context.Context) error {
		s := &tcp.Server{Handler: echo}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		return then(ctx, s, tcp.HandOver(ctx, cmd, s))
	})
}

// A successor takes over while the predecessor still serves; when that has
// ended, it serves alone.
func TestHandOver(t *testing.T) {
	lns, _ := openListeners(t)
	cmd := heir(t, "serve")
	cmd.Env = append(cmd.Env, "LISTEN_FDNAMES=one:two:three")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("cmd.StdinPipe: %v", err)
	}
	aiotest.CheckLeaks(t)
	aiotest.Run(t, func(ctx context.Context) error {
		s := &tcp.Server{Handler: echo, ReusePort: true}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		old := connect(t, s.Addr())
		ask(t, old, "hello")
		done := tcp.HandOver(ctx, cmd, lns[0].(*net.TCPListener), s, lns[1].(*net.UnixListener))
		if _, err := done.Await(ctx); err != nil {
			return err
		}
		ask(t, old, "still there")
		old.Close()
		// Both accept. Had the socket become a blocking one, this would not
		// end.
		if err := s.Shutdown(ctx); err != nil {
			return err
		}
		wantName(t, "tcp", s.Addr().String(), "two")
		for _, ln := range lns {
			ln.Close()
		}
		wantName(t, "tcp", lns[0].Addr().String(), "one")
		stdin.Close()
		return cmd.Wait()
	})
}

// A successor that does not come up leaves everything as it was, and is gone.
func TestHandOverFails(t *testing.T) {
	for how, want := range map[string]string{
		"exit":   "ended before it was ready: exit status 3",
		"mute":   "ended before it was ready: it did not call Ready",
		"closes": "ended before it was ready: signal: killed",
	} {
		t.Run(how, func(t *testing.T) {
			cmd := heir(t, how)
			switch how {
			case "mute":
				cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "exit 0"}
			case "closes":
				cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "exec 4>&-; read x"}
				stdin, w, err := os.Pipe()
				if err != nil {
					t.Fatalf("os.Pipe: %v", err)
				}
				defer stdin.Close()
				defer w.Close()
				cmd.Stdin = stdin
			}
			handOver(t, cmd, func(ctx context.Context, s *tcp.Server, done *aio.Future[struct{}]) error {
				if _, err := done.Await(ctx); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				c := connect(t, s.Addr())
				defer c.Close()
				ask(t, c, "hello")
				return nil
			})
			if cmd.ProcessState == nil {
				t.Error("nobody has waited for the process")
			}
		})
	}
}

// A successor that is not ready in time is ended.
func TestHandOverCancelled(t *testing.T) {
	cmd := heir(t, "silent")
	stdin, err := cmd.StdinPipe() // it would go on until that is closed
	if err != nil {
		t.Fatalf("cmd.StdinPipe: %v", err)
	}
	defer stdin.Close()
	stdout, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("os.Pipe: %v", err)
	}
	defer stdout.Close()
	cmd.Stdout = w
	handOver(t, cmd, func(ctx context.Context, s *tcp.Server, done *aio.Future[struct{}]) error {
		defer w.Close()
		if n, err := stdout.Read(make([]byte, 100)); n == 0 {
			return err
		}
		errLate := errors.New("too late")
		done.Cancel(errLate)
		if _, err := done.Await(ctx); !errors.Is(err, errLate) {
			t.Errorf("got %v", err)
		}
		c := connect(t, s.Addr())
		defer c.Close()
		ask(t, c, "hello")
		return nil
	})
	if cmd.ProcessState == nil || cmd.ProcessState.Success() {
		t.Errorf("the process is %v", cmd.ProcessState)
	}
}

// Without a deadline a successor has 30 s to be ready, and is ended when it is
// late; a deadline of ctx's counts instead.
func TestHandOverLate(t *testing.T) {
	old, restore := tcp.SetReadyTime(time.Nanosecond)
	defer restore()
	if old != 30*time.Second {
		t.Errorf("a successor has %v", old)
	}
	cmd := heir(t, "silent")
	stdin, err := cmd.StdinPipe() // it would go on until that is closed
	if err != nil {
		t.Fatalf("cmd.StdinPipe: %v", err)
	}
	defer stdin.Close()
	handOver(t, cmd, func(ctx context.Context, s *tcp.Server, done *aio.Future[struct{}]) error {
		_, err := done.Await(ctx)
		if !errors.Is(err, aio.ErrTimeout) || !strings.Contains(err.Error(), "was not ready") {
			t.Errorf("got %v", err)
		}
		if cmd.ProcessState == nil {
			t.Error("nobody has waited for the process")
		}
		c := connect(t, s.Addr())
		defer c.Close()
		ask(t, c, "hello")
		return nil
	})
	aiotest.Run(t, func(ctx context.Context) error {
		s := &tcp.Server{Handler: echo}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		inTime := heir(t, "serve")
		_, err := tcp.HandOver(ctx, inTime, s).Await(ctx)
		return errors.Join(err, inTime.Wait())
	})
}

// What cannot be handed over is not, and no process is started.
func TestHandOverNothing(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		ln, err := new(aiotest.Network).Listen("")
		if err != nil {
			return err
		}
		l, err := tcp.NewListener(ctx, ln)
		if err != nil {
			return err
		}
		defer l.Close()
		cmd := heir(t, "exit")
		if _, err := tcp.HandOver(ctx, cmd, l).Await(ctx); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a listener in memory: %v", err)
		}
		if _, err := tcp.HandOver(ctx, cmd, new(tcp.Server)).Await(ctx); err == nil {
			t.Error("a server that was not started was handed over")
		}
		cmd.Path = "/no/such/program"
		if _, err := tcp.HandOver(ctx, cmd).Await(ctx); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a program that is not there: %v", err)
		}
		if cmd.Process != nil {
			t.Error("a process was started")
		}
		gone, cancel := context.WithTimeout(ctx, -time.Second)
		defer cancel()
		if _, err := tcp.HandOver(gone, heir(t, "exit")).Await(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a dead ctx: %v", err)
		}
		return nil
	})
}
