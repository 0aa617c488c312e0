//go:build unix

package nats_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
	"goaio.example/drivers/nats"
)

const (
	soakSlots = 8
	soakLease = 2 * time.Second
)

var quick = timer.Backoff{Initial: 10 * time.Millisecond, Max: 200 * time.Millisecond}

func init() {
	childMain = func(role string) int {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // until the parent has ended
			os.Exit(4)
		}()
		if role == "server" {
			return beServer(os.Getenv("NATS_AT"), os.Getenv("NATS_DIR"))
		}
		return beWorker(os.Getenv("NATS_AT"))
	}
}

// soakBroker is the Broker of the workers and of who puts.
func soakBroker(addr string) *nats.Broker {
	return &nats.Broker{Client: &nats.Client{URL: "nats://" + addr}, Lease: soakLease}
}

// beServer is a server with JetStream, until it is killed.
func beServer(addr, dir string) int {
	host, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	s, err := server.NewServer(&server.Options{Host: host, Port: n, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.Start()
	s.WaitForShutdown()
	return 0
}

// beWorker does jobs until SIGTERM. Each is a line on stdout, its ID.
func beWorker(addr string) int {
	l := &aio.Loop{Signals: []os.Signal{syscall.SIGTERM}, Grace: 5 * time.Second, Abandon: 2 * time.Second}
	l.OnEvent = func(e aio.Event) { fmt.Fprintln(os.Stderr, "event:", e.Err) }
	err := l.Run(context.Background(), func(ctx context.Context) error {
		w := &jobs.Worker{
			Source: soakBroker(addr).Source("work"), Slots: soakSlots, MaxAttempts: -1, Backoff: quick, Reconnect: quick,
			Handle: func(ctx context.Context, j *jobs.Job) error {
				d, _ := strconv.Atoi(string(j.Body)) // microseconds
				if err := timer.Sleep(ctx, time.Duration(d)*time.Microsecond); err != nil {
					return err
				}
				fmt.Fprintf(os.Stdout, "%s\n", j.ID) // one write
				return nil
			},
		}
		return w.Start(ctx)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is the program in another process.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines chan string // of stdout; closed at its end
}

// startChild starts the program in a role.
func startChild(t testing.TB, role string, env ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "NATS_ROLE="+role), env...)
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("cmd.StdinPipe: %v", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	c := &child{cmd, in, make(chan string, 1<<20)}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { c.end(syscall.SIGKILL) })
	return c
}

// end sends a signal, unless the process has ended, and waits for the end. It
// returns the rest of what the process has said.
func (c *child) end(sig syscall.Signal) (rest []string) {
	if c.cmd == nil {
		return nil
	}
	_ = c.cmd.Process.Signal(sig)
	for line := range c.lines {
		rest = append(rest, line)
	}
	_ = c.cmd.Wait()
	c.stdin.Close()
	c.cmd = nil
	return rest
}

// process is a server in another process, on a separate address, with its
// data in a folder of the test's.
type process struct {
	t    testing.TB
	addr string
	dir  string
	c    *child
}

func newProcess(t testing.TB) *process {
	t.Helper()
	host := "127.0.0.1"
	// a port of 127.0.0.1 may be taken while the server is down
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254))
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	defer l.Close()
	return &process{t: t, addr: l.Addr().String(), dir: t.TempDir()}
}

// start starts the server, and waits until it accepts connections.
func (p *process) start() {
	p.t.Helper()
	p.c = startChild(p.t, "server", "NATS_AT="+p.addr, "NATS_DIR="+p.dir)
	aiotest.Eventually(p.t, func() bool {
		c, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
}

// kill ends the server by SIGKILL.
func (p *process) kill() { p.c.end(syscall.SIGKILL) }
