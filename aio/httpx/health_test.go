package httpx_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestReadyLeaving checks that readiness fails from the first moment of
// Loop.DrainDelay on, and that all else is served until its end, on new
// connections and old ones, in both styles, over HTTP/1 and HTTP/2.
func TestReadyLeaving(t *testing.T) {
	for _, style := range []string{"Handle", "Handler"} {
		for _, protocol := range []string{"h1", "h2c"} {
			t.Run(style+" "+protocol, func(t *testing.T) {
				s := &httpx.Server{ReadyPath: "/readyz", H2C: true}
				if style == "Handle" {
					s.Handle = answers
				} else {
					s.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { rw.Write([]byte(r.Method + " " + r.URL.Path + "\n")) })
				}
				synctest.Test(t, func(t *testing.T) { readyLeaving(t, s, protocol) })
			})
		}
	}
}

// readyLeaving asks the server in the phases of its loop.
func readyLeaving(t *testing.T, s *httpx.Server, protocol string) {
	var n aiotest.Network
	l := &aio.Loop{DrainDelay: 10 * time.Second}
	client := func() *http.Client {
		c := newClient(t, nil, protocol)
		c.Transport.(*http.Transport).DialContext = n.DialContext
		return c
	}
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		ln, err := n.Listen("server:80")
		if err != nil {
			return err
		}
		if err := s.StartOn(ctx, ln); err != nil {
			return err
		}
		old := client()
		defer old.CloseIdleConnections()
		ask := func(c *http.Client, when string, ready int, text string) {
			t.Helper()
			if status, body := get(t, c, "http://server:80/readyz"); status != ready || body != text {
				t.Errorf("%s: /readyz: %d, %q", when, status, body)
			}
			if status, body := get(t, c, "http://server:80/page"); status != 200 || body != "GET /page\n" {
				t.Errorf("%s: /page: %d, %q", when, status, body)
			}
		}
		ask(old, "before", 200, "ready\n")
		l.Exit(nil)
		<-aio.Leaving(ctx)
		for range 9 {
			ask(old, "on an old connection", 503, "leaving\n")
			fresh := client()
			ask(fresh, "on a new connection", 503, "leaving\n")
			fresh.CloseIdleConnections()
			time.Sleep(time.Second)
		}
		<-aio.Draining(ctx)
		synctest.Wait()
		if c, err := n.Dial("tcp", "server:80"); err == nil {
			c.Close()
			t.Error("accepted after the delay")
		}
		return nil
	})
}

// TestReadyLeavingKeeps checks that a probe does not end its connection while
// the loop leaves, over which a balancer may have sent requests, and that one
// that comes while it drains does.
func TestReadyLeavingKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		asked := 0
		s := &httpx.Server{Handle: answers, ReadyPath: "/readyz", Ready: func() error { asked++; return errors.New("no") }}
		l := &aio.Loop{DrainDelay: 5 * time.Second}
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			ln, err := n.Listen("server:80")
			if err != nil {
				return err
			}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			var cs []raw
			for range 2 {
				nc, err := n.Dial("tcp", "server:80")
				if err != nil {
					return err
				}
				defer nc.Close()
				cs = append(cs, raw{t, nc, newReader(nc)})
			}
			probe := func(c raw, rest string, closes bool, want string) {
				t.Helper()
				c.say(rest)
				resp, body := c.response("GET")
				if resp.StatusCode != 503 || resp.Close != closes || body != want || resp.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("got %d, %q, close %t", resp.StatusCode, body, resp.Close)
				}
			}
			const all = "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n"
			probe(cs[0], all, false, "not ready\n")
			l.Exit(nil)
			<-aio.Leaving(ctx)
			probe(cs[0], all, false, "leaving\n")
			probe(cs[1], all, false, "leaving\n")
			if asked != 1 {
				t.Errorf("Ready was asked %d times", asked)
			}
			cs[1].say(all[:len(all)-2])
			<-aio.Draining(ctx)
			synctest.Wait()
			probe(cs[1], all[len(all)-2:], true, "draining\n")
			return nil
		})
	})
}

// TestReadyShutdown checks that the end of one server does not wait for the
// loop's delay.
func TestReadyShutdown(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var n aiotest.Network
			l := &aio.Loop{DrainDelay: time.Hour}
			begin := time.Now()
			aiotest.RunLoop(t, l, func(ctx context.Context) error {
				ln, err := n.Listen("server:80")
				if err != nil {
					return err
				}
				s := &httpx.Server{Handle: answers, ReadyPath: "/readyz"}
				if err := s.StartOn(ctx, ln); err != nil {
					return err
				}
				if leaves {
					l.Exit(nil)
					<-aio.Leaving(ctx)
				}
				return s.Shutdown(ctx)
			})
			if took := time.Since(begin); took != 0 {
				t.Errorf("leaves %t: it took %v", leaves, took)
			}
		})
	}
}
