package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"goaio.example/aio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve listens, and gives the first connection that comes to fn.
func serve(t *testing.T, fn func(c *net.TCPConn)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		if c, err := ln.Accept(); err == nil {
			defer c.Close()
			fn(c.(*net.TCPConn))
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-over
	})
	return ln.Addr().String()
}

func TestTalk(t *testing.T) {
	addr := serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "you said: ")
		io.Copy(c, c) // until the client has ended
		io.WriteString(c, "bye\n")
	})
	var out strings.Builder
	if err := run(t.Context(), []string{addr, "good morning"}, &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	if got, want := out.String(), "you said: good morning\nbye\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestRefused(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	ln.Close()
	err = run(t.Context(), []string{ln.Addr().String()}, io.Discard)
	if !errors.Is(err, aio.ErrRefused) || !strings.Contains(err.Error(), "nobody listens") {
		t.Errorf("got %v", err)
	}
}

func TestTimeout(t *testing.T) {
	silent := make(chan struct{})
	addr := serve(t, func(*net.TCPConn) { <-silent })
	defer close(silent)
	err := run(t.Context(), []string{"-timeout", "50ms", addr}, io.Discard)
	if !errors.Is(err, aio.ErrTimeout) || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("got %v", err)
	}
}

func TestReset(t *testing.T) {
	addr := serve(t, func(c *net.TCPConn) {
		bufio.NewReader(c).ReadString('\n')
		c.SetLinger(0)
	})
	if err := run(t.Context(), []string{addr}, io.Discard); !errors.Is(err, aio.ErrReset) {
		t.Errorf("got %v", err)
	}
}
