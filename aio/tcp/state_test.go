package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// Combinations of a connection's states that single tests of each do not meet.

// startTLSWays are ways to begin TLS while the style changes.
var startTLSWays = map[string]func(c *tcp.Conn, cfg *tls.Config) *aio.Future[tls.ConnectionState]{
	"in a callback": (*tcp.Conn).StartTLSServer,
	"after giving the handler up": func(c *tcp.Conn, cfg *tls.Config) *aio.Future[tls.ConnectionState] {
		c.SetHandler(tcp.Handler{})
		return c.StartTLSServer(cfg)
	},
	"before giving it up": func(c *tcp.Conn, cfg *tls.Config) *aio.Future[tls.ConnectionState] {
		defer c.SetHandler(tcp.Handler{})
		return c.StartTLSServer(cfg)
	},
	"before Hijack": func(c *tcp.Conn, cfg *tls.Config) *aio.Future[tls.ConnectionState] {
		defer c.Hijack()
		return c.StartTLSServer(cfg)
	},
	"before SetHandler": func(c *tcp.Conn, cfg *tls.Config) *aio.Future[tls.ConnectionState] {
		c.Hijack()
		defer c.SetHandler(tcp.Handler{Data: echo.Data})
		return c.StartTLSServer(cfg)
	},
}

// One handshake is made, whatever the style changes to meanwhile.
func TestStartTLSStyles(t *testing.T) {
	for how, begin := range startTLSWays {
		t.Run(how, func(t *testing.T) {
			overAll(t, func(w *world) {
				if w.secure() {
					return
				}
				serverTLS := &tls.Config{Certificates: []tls.Certificate{selfSigned(w)}}
				type begun struct {
					conn *tcp.Conn
					tls  *aio.Future[tls.ConnectionState]
				}
				begins := make(chan begun, 1)
				client := w.serve(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) { begins <- begun{c, begin(c, serverTLS)} }})
				client.SendString("x")
				server := soon(w, begins)
				f := client.StartTLS(&tls.Config{InsecureSkipVerify: true})
				for who, f := range map[string]*aio.Future[tls.ConnectionState]{"server": server.tls, "client": f} {
					if _, err := f.Await(w.ctx); err != nil {
						w.Errorf("%s: %v", who, err)
					}
				}
				if how == "before SetHandler" {
					ask(w, client, "encrypted")
				}
				client.Close()
				server.conn.Close()
			})
		})
	}
}

// A handshake that begins on an old connection while the loop drains has its
// time.
func TestStartTLSDraining(t *testing.T) {
	for _, style := range []string{"handler", "stream"} {
		t.Run(style, func(t *testing.T) {
			inBubbles(t, func() *aio.Loop { return &aio.Loop{Grace: time.Minute} }, func(w *world) {
				if w.secure() {
					return
				}
				p := newTape(w)
				var client, server *tcp.Conn
				if style == "stream" {
					client, server = w.pair()
				} else {
					client = w.serve(p.handler(tcp.Handler{}))
					server = soon(w, p.conn)
				}
				server.SetBusy(true)
				time.Sleep(10 * time.Second)
				w.loop.Exit(nil)
				synctest.Wait()
				f := server.StartTLSServer(&tls.Config{Certificates: []tls.Certificate{selfSigned(w)}})
				server.SetBusy(false) // it was idle before
				time.Sleep(900 * time.Millisecond)
				g := client.StartTLS(&tls.Config{InsecureSkipVerify: true})
				if _, err := f.Await(w.ctx); err != nil {
					w.Errorf("f.Await: %v", err)
				}
				if _, err := g.Await(w.ctx); err != nil {
					w.Errorf("g.Await: %v", err)
				}
				client.Close()
				server.Close()
			})
		})
	}
}

// What is sent while TLS begins is refused, or goes out plain before the
// handshake or encrypted after it, never plain within it.
func TestStartTLSWhileSending(t *testing.T) {
	overStreams(t, func(w *world) {
		if w.secure() {
			return
		}
		serverTLS := &tls.Config{Certificates: []tls.Certificate{selfSigned(w)}}
		for range 3 {
			client, server := w.pair()
			client.SetHandler(tcp.Handler{Event: func(*tcp.Conn, error) {}})
			var stop atomic.Bool
			var senders sync.WaitGroup
			for range 4 {
				senders.Go(func() {
					for !stop.Load() {
						// an error says that TLS is being started
						client.SendString("p").Await(w.ctx)
					}
				})
			}
			f := client.StartTLS(&tls.Config{InsecureSkipVerify: true})
			b := make([]byte, 1)
			for { // the plain part; then a handshake's record begins
				if _, err := io.ReadFull(server, b); err != nil {
					w.Fatalf("io.ReadFull: %v", err)
				}
				if b[0] != 'p' {
					break
				}
			}
			server.Unread(b)
			if _, err := server.StartTLSServer(serverTLS).Await(w.ctx); err != nil {
				w.Errorf("server: %v", err)
			}
			if _, err := f.Await(w.ctx); err != nil {
				w.Errorf("client: %v", err)
			}
			for range 200 {
				if _, err := io.ReadFull(server, b); err != nil || b[0] != 'p' {
					w.Fatalf("read %q, %v", b, err)
				}
			}
			stop.Store(true)
			client.Abort()
			server.Abort()
			senders.Wait()
		}
	})
}

// The read timeout is about silence, in a handshake too.
func TestHandshakeReadTimeout(t *testing.T) {
	for _, style := range []string{"handler", "stream"} {
		t.Run(style, func(t *testing.T) {
			inBubbles(t, zeroLoop, func(w *world) {
				if !w.secure() {
					return
				}
				s := &tcp.Server{ReadTimeout: 2 * time.Second, Handler: tcp.Handler{Data: echo.Data}}
				if style == "stream" {
					s.Stream = func(_ context.Context, c *tcp.Conn) error {
						_, err := io.Copy(c, c)
						return err
					}
				}
				raw, err := w.net.Dial("tcp", w.start(s))
				if err != nil {
					w.Fatalf("w.net.Dial: %v", err)
				}
				c := tls.Client(&byBytes{Conn: raw}, &tls.Config{InsecureSkipVerify: true})
				ask(w, c, "x")
				c.Close()
			})
		})
	}
}

// byBytes writes its first five bytes one at a time, for 7.5 s.
type byBytes struct {
	net.Conn
	n int
}

func (s *byBytes) Write(p []byte) (int, error) {
	for i := range p {
		if s.n++; s.n > 5 {
			n, err := s.Conn.Write(p[i:])
			return i + n, err
		}
		time.Sleep(1500 * time.Millisecond)
		if _, err := s.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// A peer that ends a connection that lingers without a close_notify has read
// everything: that is the end, and no condition.
func TestLingerTruncated(t *testing.T) {
	overAll(t, func(w *world) {
		if !w.secure() {
			return
		}
		p := newTape(w)
		addr := w.start(&tcp.Server{Handler: p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			c.SendString("answer")
			c.CloseAfterFlush()
		}})})
		dial := net.Dial
		if w.memory() {
			dial = w.net.Dial
		}
		raw, err := dial("tcp", addr)
		if err != nil {
			w.Fatalf("dial: %v", err)
		}
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
		io.WriteString(c, "request")
		if got := readAll(w, c); got != "answer" {
			w.Errorf("read %q", got)
		}
		raw.Close()
		p.want(nil, "open", "data", "closed")
	})
}

// What was put back is given to the handler before what the peer has said last.
func TestLastWordsPutBack(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		closed := make(chan struct{})
		first := true
		client := w.dial(w.start(&tcp.Server{Handler: p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			if first {
				first = false
				<-closed
				sendUntilFails(w, c)
				c.Unread([]byte("back "))
			}
		}})}))
		client.SendString("hello ")
		p.wantData("hello ")
		client.SendString("last words")
		client.Close()
		close(closed)
		p.want(aio.ErrReset, "open", "data", "connection reset by peer", "closed")
		if got := p.got(); got != "hello back last words" {
			w.Errorf("received %q", got)
		}
	})
}

// CloseWrite does not end a connection whose handler is still to be given what
// was read ahead, and told of the peer's end.
func TestCloseWriteBeforeEnd(t *testing.T) {
	for _, pause := range []bool{true, false} {
		t.Run(fmt.Sprint("paused ", pause), func(t *testing.T) {
			overAll(t, func(w *world) {
				client, server := w.pair()
				client.SendString("request")
				client.CloseWrite()
				server.Unread([]byte(readAll(w, server)))
				p := newTape(w)
				if pause {
					server.PauseReading()
				}
				// Without HalfOpen, a connection that is not paused could end
				// before the answer is sent.
				server.SetHandler(p.handler(tcp.Handler{HalfOpen: !pause}))
				server.SendString("answer")
				server.CloseWrite()
				server.ResumeReading()
				p.want(nil, "data", "EOF", "closed")
				if got := p.got(); got != "request" {
					w.Errorf("received %q", got)
				}
				client.Close()
			})
		})
	}
}

// CloseAfterFlush drops what arrives at once: a peer that reads only when it
// has written everything is not held up.
func TestCloseAfterFlushDrops(t *testing.T) {
	const size = 8 << 20 // more than sockets hold
	for _, how := range []string{"full", "paused", "stream"} {
		t.Run(how, func(t *testing.T) {
			overAll(t, func(w *world) {
				var client, server *tcp.Conn
				if how == "stream" {
					client, server = w.pair()
				} else {
					p := newTape(w)
					s := &tcp.Server{Handler: p.handler(tcp.Handler{})}
					if how == "full" {
						s.HighWater = 1
					}
					client = w.dial(w.start(s))
					server = soon(w, p.conn)
					if how == "paused" {
						server.PauseReading()
					}
				}
				sent := server.SendOwned(make([]byte, size))
				wrote := make(chan error, 1)
				go func() {
					_, err := client.Write(make([]byte, size))
					wrote <- err
				}()
				if how != "stream" {
					aiotest.Eventually(w, func() bool { return client.Stats().BytesOut > 1<<10 })
				}
				server.CloseAfterFlush()
				if err := soon(w, wrote); err != nil {
					w.Fatalf("waiting for wrote: %v", err)
				}
				if n, err := io.Copy(io.Discard, client); n != size || err != nil {
					w.Errorf("read %d bytes, %v", n, err)
				}
				if _, err := sent.Await(w.ctx); err != nil {
					w.Errorf("sent.Await: %v", err)
				}
				client.Close()
			})
		})
	}
}

// The read timeout stands still while a Chunks waits for its receiver.
func TestChunksReadTimeout(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		server.SetTimeouts(time.Second, 0)
		client.SendString("first")
		chunks := server.Chunks(w.ctx)
		time.Sleep(10 * time.Second)
		if got := string(<-chunks); got != "first" {
			w.Errorf("received %q", got)
		}
		begin := time.Now()
		if got, open := <-chunks; open || !errors.Is(server.Err(), tcp.ErrIdle) || time.Since(begin) != time.Second {
			w.Errorf("received %q, %v after %v", got, server.Err(), time.Since(begin))
		}
		client.Close()
	})
}

// A Read that waits for a handler to leave keeps to its deadline, and to the
// connection's end.
func TestReadLeaving(t *testing.T) {
	for how, end := range map[string]struct {
		end  func(c *tcp.Conn)
		want error
	}{
		"deadline":        {func(c *tcp.Conn) { c.SetReadDeadline(time.Now()) }, aio.ErrTimeout},
		"CloseAfterFlush": {func(c *tcp.Conn) { c.CloseAfterFlush() }, aio.ErrClosed},
		"Close":           {func(c *tcp.Conn) { c.Close() }, aio.ErrClosed},
	} {
		t.Run(how, func(t *testing.T) {
			overAll(t, func(w *world) {
				goOn, inside := make(chan struct{}), make(chan *tcp.Conn, 1)
				client := w.serve(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
					inside <- c
					<-goOn
				}})
				client.SendString("x")
				server := soon(w, inside)
				server.SetHandler(tcp.Handler{})
				read := make(chan error, 1)
				go func() {
					_, err := server.Read(make([]byte, 1))
					read <- err
				}()
				end.end(server)
				if err := soon(w, read); !errors.Is(err, end.want) {
					w.Errorf("Read: %v", err)
				}
				close(goOn)
				client.Close()
				server.Close()
			})
		})
	}
}

// A young connection that is given a handler while the loop drains ends when it
// is not young any more.
func TestDrainYoungHandler(t *testing.T) {
	inBubbles(t, func() *aio.Loop { return &aio.Loop{Grace: time.Minute} }, func(w *world) {
		client, server := w.pair()
		begin := time.Now()
		w.loop.Exit(nil)
		time.Sleep(100 * time.Millisecond)
		p := newTape(w)
		if err := server.SetHandler(p.handler(tcp.Handler{})); err != nil {
			w.Errorf("server.SetHandler: %v", err)
		}
		p.want(nil, "closed")
		if d := time.Since(begin); d < time.Second || d > 1100*time.Millisecond {
			w.Errorf("ended after %v", d)
		}
		client.Close()
	})
}

// A callback that hijacks its connection, sets another handler and dies leaves
// the last callbacks to that handler's engine.
func TestHijackGoexit(t *testing.T) {
	overAllLoops(t, zeroLoop, func(w *world) {
		p := newTape(w)
		client := w.serve(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			c.Hijack()
			c.SetHandler(p.handler(tcp.Handler{}))
			runtime.Goexit()
		}})
		client.SendString("x")
		p.want(aio.ErrGoexit, "closed")
		client.Abort()
	})
}

// A callback that hijacks its connection as the peer ends leaves the end to the
// handler that it sets.
func TestHijackEnd(t *testing.T) {
	overAll(t, func(w *world) {
		inside, said := make(chan struct{}), make(chan error, 1)
		returned := make(chan struct{})
		client := w.serve(tcp.Handler{Event: func(c *tcp.Conn, _ error) {
			defer close(returned)
			c.Hijack()
			c.SetHandler(tcp.Handler{Event: func(c *tcp.Conn, err error) {
				if !aio.IsInfo(err) {
					return
				}
				close(inside)
				<-returned
				runtime.Gosched() // for the other callback's engine to look
				_, err = c.SendString("bye").Await(w.ctx)
				said <- err
			}})
			<-inside
		}})
		client.CloseWrite()
		if err := soon(w, said); err != nil {
			w.Errorf("waiting for said: %v", err)
		}
		if got := readAll(w, client); got != "bye" {
			w.Errorf("read %q", got)
		}
		client.Close()
	})
}
