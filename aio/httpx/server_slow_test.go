package httpx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// drip sends text, then a byte a second without an end, and returns how long
// the server let it.
func drip(c net.Conn, text string) time.Duration {
	begun := time.Now()
	over := make(chan struct{})
	var last time.Time
	go func() {
		defer close(over)
		io.Copy(io.Discard, c)
		last = time.Now()
		c.Close()
	}()
	io.WriteString(c, text)
	for {
		if _, err := io.WriteString(c, "a"); err != nil {
			break
		}
		time.Sleep(time.Second)
	}
	<-over
	return last.Sub(begun)
}

// TestSlowloris checks that clients which send a byte a second, or read
// nothing, are closed in time, all of them, and that others are served
// meanwhile.
func TestSlowloris(t *testing.T) {
	clients := 2000
	if testing.Short() || raceEnabled {
		clients = 200
	}
	for _, k := range []struct {
		name, send string
		limit      time.Duration
	}{
		{"nothing", "", 10 * time.Second},
		{"header", "GET / HTTP/1.1\r\nHost: h\r\nX-", 10 * time.Second},
		{"second header", ok + "GET / HTTP/1.1\r\nHost: h\r\nX-", 10 * time.Second},
		{"never reading", "", 30 * time.Second},
	} {
		t.Run(k.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n aiotest.Network
				big := make([]byte, 1<<20)
				s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/big" {
						w.Write(big)
					}
				})}
				l := new(aio.Loop)
				aiotest.RunLoop(t, l, func(ctx context.Context) error {
					ln, err := n.Listen("server:80")
					if err != nil {
						return err
					}
					if err := s.StartOn(ctx, ln); err != nil {
						return err
					}
					var all sync.WaitGroup
					for range clients {
						c, err := n.Dial("tcp", "server:80")
						if err != nil {
							return err
						}
						all.Go(func() {
							defer c.Close()
							var took time.Duration
							switch k.name {
							case "nothing":
								begun := time.Now()
								c.Read(make([]byte, 1))
								took = time.Since(begun)
							case "never reading":
								begun := time.Now()
								io.WriteString(c, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
								for aliveWrite(c) {
									time.Sleep(time.Second / 4)
								}
								took = time.Since(begun)
							default:
								took = drip(c, k.send)
							}
							if took > k.limit+time.Second {
								t.Errorf("closed after %v, want %v", took, k.limit)
							}
						})
					}
					hc := &http.Client{Transport: &http.Transport{DialContext: n.DialContext, DisableKeepAlives: true}}
					for range 5 {
						time.Sleep(time.Second)
						if status, _ := get(t, hc, "http://server:80/"); status != 200 {
							t.Errorf("others get %d", status)
						}
					}
					all.Wait()
					l.Exit(nil)
					return nil
				})
			})
		})
	}
}

// aliveWrite reports whether the server has the connection still.
func aliveWrite(c net.Conn) bool {
	_, err := io.WriteString(c, " ")
	return err == nil
}

// TestSlowBody checks that a body must make progress, and may be slow.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		l := new(aio.Loop)
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			ln, err := n.Listen("server:80")
			if err != nil {
				return err
			}
			s := &httpx.Server{Handle: answers}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			defer l.Exit(nil)
			c, err := n.Dial("tcp", "server:80")
			if err != nil {
				return err
			}
			defer c.Close()
			io.WriteString(c, post("Content-Length: 10", "", ""))
			for range 10 { // 290 s in all
				time.Sleep(29 * time.Second)
				io.WriteString(c, "x")
			}
			r := raw{t, c, newReader(c)}
			if resp, body := r.response("POST"); resp.StatusCode != 200 || body != "POST /\nxxxxxxxxxx" {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
			io.WriteString(c, post("Content-Length: 10", "", "x"))
			begun := time.Now()
			if resp, _ := r.response("POST"); resp.StatusCode != 408 {
				t.Errorf("got %d", resp.StatusCode)
			}
			if took := time.Since(begun); took > 31*time.Second {
				t.Errorf("refused after %v", took)
			}
			return nil
		})
	})
}

// TestIdleTimeout checks that a kept connection ends by itself.
func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		l := new(aio.Loop)
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			ln, err := n.Listen("server:80")
			if err != nil {
				return err
			}
			s := &httpx.Server{Handle: answers}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			defer l.Exit(nil)
			c, err := n.Dial("tcp", "server:80")
			if err != nil {
				return err
			}
			defer c.Close()
			r := raw{t, c, newReader(c)}
			r.say(ok)
			r.response("GET")
			begun := time.Now()
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(begun) != time.Minute {
				t.Errorf("%v after %v", err, time.Since(begun))
			}
			return nil
		})
	})
}
