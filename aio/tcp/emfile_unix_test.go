//go:build unix

package tcp_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// countedListener counts calls of Accept that failed. It is a socket of the
// system's still.
type countedListener struct {
	*net.TCPListener
	failed atomic.Int64
}

func (l *countedListener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if err != nil {
		l.failed.Add(1)
	}
	return c, err
}

// Without file descriptors a server neither spins nor ends, and it serves again
// when there are some. The test needs a separate process.
func TestAcceptEMFILE(t *testing.T) {
	if os.Getenv("TCP_TEST_EMFILE") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestAcceptEMFILE$", "-test.count=1")
		cmd.Env = append(os.Environ(), "TCP_TEST_EMFILE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		return
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("syscall.Getrlimit: %v", err)
	}
	limit.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("syscall.Setrlimit: %v", err)
	}
	aiotest.CheckLeaks(t)
	var told atomic.Int64
	aiotest.Run(t, func(ctx context.Context) error {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		counted := &countedListener{TCPListener: ln.(*net.TCPListener)}
		s := &tcp.Server{Handler: echo, MaxConns: -1, OnError: func(err error) {
			var e *aio.ConnError
			if !errors.Is(err, syscall.EMFILE) || !errors.As(err, &e) || e.Op != "accept" || e.Code != int(syscall.EMFILE) {
				t.Errorf("told %v", err)
			}
			told.Add(1)
		}}
		if err := s.StartOn(ctx, counted); err != nil {
			return err
		}
		emfile(t, s, counted, &told)
		s.Close()
		return nil
	})
}

// emfile uses up the descriptors while clients come: each is told to go away
// after a pause.
func emfile(t *testing.T, s *tcp.Server, ln *countedListener, told *atomic.Int64) {
	const n = 5
	warm := connect(t, s.Addr())
	ask(t, warm, "hello")
	var clients [n]int // made while there are descriptors
	for i := range clients {
		clients[i] = rawSocket(t)
	}
	var hoard []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		hoard = append(hoard, f)
	}
	begin := time.Now()
	for _, fd := range clients {
		if err := syscall.Connect(fd, sockaddr(s.Addr())); err != nil {
			t.Fatalf("syscall.Connect: %v", err)
		}
	}
	for _, fd := range clients {
		if k, err := syscall.Read(fd, make([]byte, 1)); k > 0 || err != nil && err != syscall.ECONNRESET {
			t.Errorf("a client read %d bytes, %v", k, err)
		}
	}
	// Accepting fails also while no client waits.
	if k, most := ln.failed.Load(), attempts(time.Since(begin)); k < n || k > most {
		t.Errorf("%d attempts to accept failed, want %d, or up to %d with the pauses that there was time for", k, n, most)
	}
	if k := told.Load(); k != 1 {
		t.Errorf("told %d times of one row", k)
	}
	ask(t, warm, "still there")
	for _, f := range hoard {
		f.Close()
	}
	for _, fd := range clients {
		syscall.Close(fd)
	}
	c := connect(t, s.Addr())
	ask(t, c, "hello")
	c.Close()
	warm.Close()
}

// attempts returns how many attempts to accept there may be in d if all fail:
// the pause after one is twice that before it.
func attempts(d time.Duration) (n int64) {
	n = 1
	for pause := 5 * time.Millisecond; d >= pause; pause *= 2 {
		d -= pause
		n++
	}
	return n
}

// rawSocket makes a blocking socket.
func rawSocket(t *testing.T) int {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatalf("syscall.Socket: %v", err)
	}
	return fd
}

func sockaddr(a net.Addr) syscall.Sockaddr {
	t := a.(*net.TCPAddr)
	return &syscall.SockaddrInet4{Port: t.Port, Addr: [4]byte(t.IP.To4())}
}
