package aiotest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
)

func TestNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := aiotest.Network{Latency: time.Second, BufferSize: 4, Backlog: 1}
		l, err := n.Listen("db.internal:5432")
		if err != nil {
			t.Fatalf("n.Listen: %v", err)
		}
		defer l.Close()
		if l2, err := n.Listen("db.internal:5432"); !errors.Is(err, syscall.EADDRINUSE) || l2 != nil {
			t.Errorf("second Listen: %v, %v", l2, err)
		}
		start := time.Now()
		c, err := n.Dial("tcp", "db.internal:5432")
		if err != nil || time.Since(start) != n.Latency {
			t.Fatalf("Dial: %v after %v", err, time.Since(start))
		}
		defer c.Close()
		c.SetWriteDeadline(time.Now().Add(time.Second))
		if k, err := c.Write([]byte("hello")); k != n.BufferSize || !isTimeout(err) {
			t.Errorf("Write beyond the buffer: %d, %v", k, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := n.DialContext(ctx, "tcp", "db.internal:5432"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial beyond the backlog: %v", err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatalf("l.Accept: %v", err)
		}
		defer s.Close()
		if err := c.(aiotest.Conn).Abort(); err != nil {
			t.Errorf("Abort: %v", err)
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Read after Abort: %v", err)
		}
	})
}

func TestNetworkBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		l, err := n.Listen(":80")
		if err != nil {
			t.Fatalf("n.Listen: %v", err)
		}
		defer l.Close()
		if err := n.BlackHole("www:80"); err != nil {
			t.Errorf("n.BlackHole: %v", err)
		}
		time.AfterFunc(time.Hour, func() { n.Heal("www:80") })
		start := time.Now()
		c, err := n.Dial("tcp", "www:80")
		if err != nil || time.Since(start) != time.Hour {
			t.Fatalf("Dial: %v after %v", err, time.Since(start))
		}
		c.Close()
		for _, err := range []error{n.BlackHole("www"), n.Heal("www")} {
			if err == nil {
				t.Error("no error for an address without a port")
			}
		}
	})
}

// It serves where the standard library wants a listener and a dialer.
func TestNetworkHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aiotest.CheckLeaks(t)
		var n aiotest.Network
		l, err := n.Listen("www:80")
		if err != nil {
			t.Fatalf("n.Listen: %v", err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "hello, "+r.Host)
		})}
		go srv.Serve(l)
		defer srv.Close()
		client := &http.Client{Transport: &http.Transport{DialContext: n.DialContext, DisableKeepAlives: true}}
		resp, err := client.Get("http://www/")
		if err != nil {
			t.Fatalf("client.Get: %v", err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); string(body) != "hello, www" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	})
}

func TestPipe(t *testing.T) {
	a, b := pipe(t)
	if _, err := io.WriteString(a, "hello"); err != nil {
		t.Errorf("io.WriteString: %v", err)
	}
	if err := a.CloseWrite(); err != nil {
		t.Errorf("a.CloseWrite: %v", err)
	}
	if got, err := io.ReadAll(b); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if !strings.HasPrefix(a.RemoteAddr().String(), "127.0.0.1:") || a.RemoteAddr().String() != b.LocalAddr().String() {
		t.Errorf("addresses %v, %v", a.RemoteAddr(), b.LocalAddr())
	}
	var _ net.Conn = a
}
