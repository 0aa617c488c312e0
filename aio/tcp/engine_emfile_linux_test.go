package tcp_test

import (
	"context"
	"errors"
	"io"
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

// hoard opens files until there are no more descriptors but for spare ones.
func hoard(t *testing.T, spare int) []*os.File {
	t.Helper()
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	if len(files) < spare {
		t.Fatal("no descriptors were free")
	}
	for range spare {
		files[len(files)-1].Close()
		files = files[:len(files)-1]
	}
	return files
}

// openFiles returns how many descriptors are open.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatalf("os.ReadDir: %v", err)
	}
	return len(entries)
}

func release(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// Where the descriptors do not suffice for what serves a connection, the
// connection ends with that condition; the server, and the connections it has,
// go on. The test needs a separate process.
func TestAcceptEMFILEBare(t *testing.T) {
	if os.Getenv("TCP_TEST_EMFILE") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestAcceptEMFILEBare$", "-test.count=1", "-test.timeout=20s")
		cmd.Env = append(os.Environ(), "TCP_TEST_EMFILE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		return
	}
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("syscall.Setrlimit: %v", err)
	}
	aiotest.CheckLeaks(t)
	aiotest.Run(t, func(ctx context.Context) error {
		for spare := range 6 {
			emfileBare(t, ctx, spare)
		}
		return nil
	})
}

// emfileBare serves a connection with so many descriptors to spare when it
// comes, and gives its handler up with none.
func emfileBare(t *testing.T, ctx context.Context, spare int) {
	var told atomic.Int64
	conns := make(chan *tcp.Conn, 10)
	ended := make(chan error, 10)
	s := &tcp.Server{MaxConns: -1, OnError: func(error) { told.Add(1) }, Handler: tcp.Handler{
		Open:   func(c *tcp.Conn) { conns <- c },
		Data:   func(c *tcp.Conn, data []byte) { c.Send(data) },
		Event:  func(*tcp.Conn, error) {},
		Closed: func(_ *tcp.Conn, err error) { ended <- err },
	}}
	before := openFiles(t)
	if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
		t.Fatalf("s.Start: %v", err)
	}
	// The listener, what accepts from it, and a spare one; without that
	// connections wait until there are descriptors.
	aiotest.Eventually(t, func() bool { return openFiles(t) == before+3 })
	fd := rawSocket(t)
	files := hoard(t, spare)
	if err := syscall.Connect(fd, sockaddr(s.Addr())); err != nil {
		t.Fatalf("syscall.Connect: %v", err)
	}
	peer := os.NewFile(uintptr(fd), "peer")
	io.WriteString(peer, "x")
	served := true
	if n, _ := peer.Read(make([]byte, 1)); n == 0 {
		served = false
		if told.Load() == 0 {
			if err := soon(t, ended); !errors.Is(err, syscall.EMFILE) {
				t.Errorf("with %d descriptors the connection ended with %v", spare, err)
			}
		}
	}
	if served {
		c := soon(t, conns)
		more := hoard(t, 0)
		if err := c.SetHandler(tcp.Handler{}); err != nil {
			t.Errorf("c.SetHandler: %v", err)
		}
		// where the socket was one of package net's from the beginning
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if n, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.EMFILE) && !errors.Is(err, aio.ErrClosed) && !errors.Is(err, aio.ErrTimeout) {
			t.Errorf("Read returned %d, %v", n, err)
		}
		release(more)
		c.Close() // fails if it has ended
	}
	release(files)
	late := connect(t, s.Addr())
	ask(t, late, "on")
	late.Close()
	peer.Close()
	s.Close()
	if _, err := s.Future().Await(ctx); err != nil && !errors.Is(err, aio.ErrClosed) {
		t.Errorf("s.Future: %v", err)
	}
}
