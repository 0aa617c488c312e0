package tcp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// raceDetector says that the test runs with the race detector, which makes for
// fewer connections.
var raceDetector bool

// idleConns returns how many connections are to be held, with so many
// descriptors for each.
func idleConns(t *testing.T, most, descriptors int) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("syscall.Getrlimit: %v", err)
	}
	if limit.Cur < 20_000 {
		most = int(limit.Cur) / 2 / descriptors
	}
	if raceDetector {
		most = min(most, 2000)
	}
	return most
}

// idle opens connections that have been served once. They come from several
// addresses: the kernel looks for long for one of the last free ports of one.
func idle(t *testing.T, addr string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%8))}}
		c, err := d.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		c.SetDeadline(time.Now().Add(50 * time.Second))
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns[i] = c
	}
	for _, c := range conns {
		wantRead(t, c, "x")
	}
	return conns
}

// ended waits for the other side to have closed all connections.
func ended(t *testing.T, conns []net.Conn) {
	t.Helper()
	for _, c := range conns {
		wantEOF(t, c)
		c.Close()
	}
}

// runIdle runs a loop with a server until hold, which is given its address and
// exits the loop, has returned.
func runIdle(t *testing.T, n int, hold func(s *tcp.Server, exit func())) {
	t.Helper()
	var exited time.Time
	aiotest.Run(t, func(ctx context.Context) error {
		s := &tcp.Server{Handler: echo, MaxConns: -1}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		hold(s, func() {
			if k := aio.LoopOf(ctx).Stats().IncomingConns; k != int64(n) {
				t.Errorf("%d connections, want %d", k, n)
			}
			exited = time.Now()
			aio.LoopOf(ctx).Exit(nil)
		})
		return nil
	})
	t.Logf("%d idle connections: Run returned %v after Exit", n, time.Since(exited).Round(time.Millisecond))
}

// Exit closes all of many idle connections, with both ends in the process.
func TestIdleBothEnds(t *testing.T) {
	overEngines(t, func(t *testing.T) {
		n := idleConns(t, 2000, 2)
		runIdle(t, n, func(s *tcp.Server, exit func()) {
			conns := idle(t, s.Addr().String(), n)
			exit()
			ended(t, conns)
		})
	})
}

// idleEnv has the test be the clients: so many of them, of the server with the
// address behind.
const idleEnv = "TCP_TEST_IDLE"

// Exit closes all of the idle connections that a process can have.
func TestIdleMost(t *testing.T) {
	if task := os.Getenv(idleEnv); task != "" {
		idleClients(t, task)
		return
	}
	if testing.Short() {
		t.Skip("many connections")
	}
	n := idleConns(t, 8000, 1)
	runIdle(t, n, func(s *tcp.Server, exit func()) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestIdleMost$", "-test.count=1", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", idleEnv, n, s.Addr()))
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatalf("cmd.StdoutPipe: %v", err)
		}
		lines := bufio.NewReader(out)
		line, err := lines.ReadString('\n')
		if line != "held\n" {
			t.Errorf("the clients say %q, %v", line, err)
		}
		exit()
		rest, err := io.ReadAll(lines)
		if err := errors.Join(err, cmd.Wait()); err != nil {
			t.Errorf("the clients: %v: %s", err, rest)
		}
	})
}

// idleClients is the process of the clients. Their sockets are bare
// descriptors, which cost least.
func idleClients(t *testing.T, task string) {
	number, addr, _ := strings.Cut(task, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("strconv.Atoi: %v", err)
	}
	server := netip.MustParseAddrPort(addr)
	to := &syscall.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}
	fds := make([]int, n)
	for i := range fds {
		fds[i], err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err == nil {
			err = syscall.Bind(fds[i], &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + i%8)}})
		}
		if err == nil {
			err = syscall.Connect(fds[i], to)
		}
		if err == nil {
			_, err = syscall.Write(fds[i], []byte("x"))
		}
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	wantEach(t, fds, "x")
	fmt.Println("held")
	wantEach(t, fds, "")
}

// wantEach reads from each descriptor what must come. Nothing is the end, after
// which it is closed.
func wantEach(t *testing.T, fds []int, want string) {
	t.Helper()
	var buf [2]byte
	for i, fd := range fds {
		if n, err := syscall.Read(fd, buf[:]); err != nil || string(buf[:n]) != want {
			t.Fatalf("connection %d: read %q, %v; want %q", i, buf[:max(n, 0)], err, want)
		}
		if want == "" {
			syscall.Close(fd)
		}
	}
}
