package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/internal/memnet"
)

func TestListenAddr(t *testing.T) {
	tests := []struct{ listen, addr, dial string }{
		{"", "127.0.0.1:32768", "127.0.0.1:32768"},
		{":0", "[::]:32768", ":32768"},
		{"127.0.0.1:0", "127.0.0.1:32768", "localhost:32768"},
		{"localhost:80", "127.0.0.1:80", "[::ffff:127.0.0.1]:80"},
		{"0.0.0.0:80", "[::]:80", "whoever:80"},
		{"[::1]:443", "[::1]:443", "[0:0:0:0:0:0:0:1]:443"},
		{"DB.internal:5432", "db.internal:5432", "db.INTERNAL:5432"},
		{"db.internal:", "db.internal:32768", "db.internal:32768"},
	}
	for _, tt := range tests {
		n := memnet.New()
		l := listen(t, n, tt.listen)
		if got := l.Addr().String(); got != tt.addr || l.Addr().Network() != "tcp" {
			t.Errorf("Listen(%q).Addr() = %s, want %s", tt.listen, got, tt.addr)
		}
		c := dial(t, n, tt.dial)
		s, err := l.Accept()
		if err != nil {
			t.Fatalf("l.Accept: %v", err)
		}
		defer s.Close()
		if s.LocalAddr().String() != c.RemoteAddr().String() || s.RemoteAddr().String() != c.LocalAddr().String() {
			t.Errorf("%v->%v, but %v->%v", c.LocalAddr(), c.RemoteAddr(), s.LocalAddr(), s.RemoteAddr())
		}
		// or panic
		_, _ = c.LocalAddr().(*net.TCPAddr), s.RemoteAddr().(*net.TCPAddr)
	}
}

func TestBadAddr(t *testing.T) {
	n := memnet.New()
	listen(t, n, ":80")
	for _, addr := range []string{"nocolon", "a:b:c", "host:http", "host:65536", "host:-1"} {
		_, lerr := n.Listen(addr)
		_, derr := n.Dial("tcp", addr)
		for _, err := range []error{lerr, derr, n.BlackHole(addr), n.Heal(addr)} {
			wantNetError(t, err)
			if _, ok := errors.AsType[*net.AddrError](err); !ok {
				t.Errorf("%q: %v", addr, err)
			}
		}
	}
	for network, addr := range map[string]string{"udp": ":80", "tcp4": "[::1]:80", "tcp6": "127.0.0.1:80"} {
		_, err := n.Dial(network, addr)
		if err == nil {
			t.Errorf("dialed %s over %s", addr, network)
		}
		wantNetError(t, err)
	}
}

func TestAddrInUse(t *testing.T) {
	n := memnet.New()
	l := listen(t, n, "localhost:80")
	_, err := n.Listen("127.0.0.1:80")
	wantErr(t, "same address", err, syscall.EADDRINUSE)
	every := listen(t, n, ":80")
	for l, addr := range map[*memnet.Listener]string{l: "127.0.0.1:80", every: "10.0.0.1:80"} {
		dial(t, n, addr)
		if l.Pending() != 1 {
			t.Errorf("%s has no connection", l.Addr())
		}
	}
	l.Close()
	listen(t, n, "127.0.0.1:80")
	listen(t, memnet.New(), "127.0.0.1:80")
}

func TestRefused(t *testing.T) {
	n := memnet.New()
	_, err := n.Dial("tcp", "127.0.0.1:80")
	wantErr(t, "nobody ever", err, syscall.ECONNREFUSED)
	l := listen(t, n, "127.0.0.1:80")
	_, err = n.Dial("tcp", "[::1]:80")
	wantErr(t, "another host", err, syscall.ECONNREFUSED)
	l.Close()
	_, err = n.Dial("tcp", "127.0.0.1:80")
	wantErr(t, "no longer", err, syscall.ECONNREFUSED)
	if want := "dial tcp 127.0.0.1:80: connect: connection refused"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestDialDeadContext(t *testing.T) {
	n := memnet.New()
	listen(t, n, ":80")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := n.DialContext(ctx, "tcp", ":80")
	wantErr(t, "dead context", err, context.Canceled)
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &memnet.Network{Latency: time.Second}
		start := time.Now()
		dialed(t, n)
		took(t, start, time.Second)
		_, err := n.Dial("tcp", "nobody:1")
		wantErr(t, "nobody", err, syscall.ECONNREFUSED)
		took(t, start, 2*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		_, err = n.DialContext(ctx, "tcp", "nobody:1")
		wantErr(t, "expired", err, context.DeadlineExceeded)
		took(t, start, 2*time.Second+time.Second/2)
	})
}

func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		listen(t, n, "hole:80")
		n.BlackHole("hole:80")
		n.BlackHole("nobody:80")
		for _, addr := range []string{"hole:80", "nobody:80"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			_, err := n.DialContext(ctx, "tcp", addr)
			wantErr(t, addr, err, context.DeadlineExceeded)
			took(t, start, time.Minute)
		}
		start := time.Now()
		time.AfterFunc(time.Hour, func() { n.Heal("hole:80") })
		dial(t, n, "hole:80")
		took(t, start, time.Hour)
	})
}

func TestFullAcceptQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &memnet.Network{Backlog: 2}
		l := listen(t, n, ":80")
		dial(t, n, ":80")
		dial(t, n, ":80")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := n.DialContext(ctx, "tcp", ":80")
		wantErr(t, "full", err, context.DeadlineExceeded)
		took(t, start, time.Second)

		time.AfterFunc(time.Second, func() {
			c, _ := l.Accept()
			c.Close()
		})
		dial(t, n, ":80")
		took(t, start, 2*time.Second)

		time.AfterFunc(time.Second, func() { l.Close() })
		_, err = n.Dial("tcp", ":80")
		wantErr(t, "closed while waiting", err, syscall.ECONNREFUSED)
		took(t, start, 3*time.Second)
	})
}

// Connections are accepted in the order they came, and carry what was written
// before.
func TestAcceptOrder(t *testing.T) {
	n := memnet.New()
	l := listen(t, n, ":80")
	for _, s := range []string{"one", "two", "three"} {
		c := dial(t, n, ":80")
		write(t, c, s)
		c.Close()
	}
	for _, s := range []string{"one", "two", "three"} {
		c, err := l.Accept()
		if err != nil {
			t.Fatalf("l.Accept: %v", err)
		}
		wantRead(t, c, s, nil)
		wantRead(t, c, "", io.EOF)
		c.Close()
	}
}

func TestCloseListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		l := listen(t, n, ":80")
		c := dial(t, n, ":80")
		s, _ := l.Accept()
		defer s.Close()
		waiting := dial(t, n, ":80")
		wantErr(t, "Close", l.Close(), nil)
		wantRead(t, waiting, "", syscall.ECONNRESET)
		wantErr(t, "second Close", l.Close(), net.ErrClosed)
		wantErr(t, "SetDeadline", l.SetDeadline(time.Now()), net.ErrClosed)
		_, err := l.Accept()
		wantErr(t, "Accept", err, net.ErrClosed)
		write(t, c, "accepted ones live")
		wantRead(t, s, "accepted ones live", nil)

		l = listen(t, n, ":80")
		time.AfterFunc(time.Second, func() { l.Close() })
		_, err = l.Accept()
		wantErr(t, "blocked Accept", err, net.ErrClosed)
	})
}

func TestListenerDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		l := listen(t, n, ":80")
		start := time.Now()
		l.SetDeadline(start.Add(time.Second))
		_, err := l.Accept()
		took(t, start, time.Second)
		if op, ok := errors.AsType[net.Error](err); !ok || !op.Timeout() {
			t.Fatalf("l.Accept: %v", err)
		}
		wantNetError(t, err)
		l.SetDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { dial(t, n, ":80") })
		c, err := l.Accept()
		if err != nil {
			t.Fatalf("l.Accept: %v", err)
		}
		c.Close()
		took(t, start, 2*time.Second)
	})
}

func TestHTTPInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Hour)
			io.WriteString(w, "hello "+r.Host)
		})}
		go srv.Serve(listen(t, n, "shop.example:80"))
		defer srv.Close()
		tr := &http.Transport{DialContext: n.DialContext}
		defer tr.CloseIdleConnections()
		start := time.Now()
		res, err := (&http.Client{Transport: tr}).Get("http://shop.example/")
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != "hello shop.example" {
			t.Fatalf("%q, %v", body, err)
		}
		took(t, start, time.Hour)
	})
}
