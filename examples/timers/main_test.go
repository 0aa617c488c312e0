package main

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const common = "stopped before its time: true\n" +
	"delay: called\n" +
	"after: over\n" +
	"every: 3 ticks, then aio: stopped\n"

func TestOwnServer(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-period", "10ms"}, &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	want := regexp.MustCompile("^" + common + `retry: \d+ tries, then ready\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("printed %q", out.String())
	}
}

// Hangs up on two connections and answers the third.
func TestOtherServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for i := range 3 {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if i == 2 {
				io.WriteString(c, "welcome\n")
			}
			c.Close()
		}
	}()
	defer func() {
		ln.Close()
		<-over
	}()
	var out strings.Builder
	if err := run(t.Context(), []string{"-period", "10ms", ln.Addr().String()}, &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	if want := common + "retry: 3 tries, then welcome\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
