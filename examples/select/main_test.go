package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve listens, and gives the first connection that comes to fn.
func serve(t *testing.T, fn func(c net.Conn)) (addr string) {
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
			fn(c)
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-over
	})
	return ln.Addr().String()
}

func TestAnswered(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		if question, _ := bufio.NewReader(c).ReadString('\n'); question == "how are you?\n" {
			io.WriteString(c, "fine\n")
		}
		io.Copy(io.Discard, c) // until the client has ended
	})
	var out strings.Builder
	if err := run(t.Context(), []string{"-patience", "1m", addr}, &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	for _, want := range []string{"answer: fine\n", "sum: 499500 <nil>\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("printed %q, without %q", out.String(), want)
		}
	}
}

func TestSilent(t *testing.T) {
	addr := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	err := run(t.Context(), []string{"-patience", "50ms", addr}, io.Discard)
	if err == nil || err.Error() != "out of patience" {
		t.Errorf("got %v", err)
	}
}

func TestHungUp(t *testing.T) {
	addr := serve(t, func(c net.Conn) { bufio.NewReader(c).ReadString('\n') })
	err := run(t.Context(), []string{"-patience", "1m", addr}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "ended the connection") {
		t.Errorf("got %v", err)
	}
}
