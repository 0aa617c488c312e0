package tcp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// plainOver is overAll without the transports that have TLS already.
func plainOver(t *testing.T, test func(w *world, client, server *tls.Config)) {
	cert := selfSigned(t)
	overAll(t, func(w *world) {
		if !w.secure() {
			test(w, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"a", "b"}},
				&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"b"}})
		}
	})
}

// wantTLS wants a connection to have TLS as configured by plainOver.
func wantTLS(t testing.TB, c *tcp.Conn) {
	t.Helper()
	s, ok := c.TLS()
	if !ok || !s.HandshakeComplete || s.Version != tls.VersionTLS13 || s.NegotiatedProtocol != "b" || s.ServerName != "localhost" {
		t.Errorf("TLS %v: version %x, protocol %q, name %q", ok, s.Version, s.NegotiatedProtocol, s.ServerName)
	}
}

// A dialogue that changes to TLS in the middle, the server in handler style.
func TestStartTLSHandler(t *testing.T) {
	plainOver(t, func(w *world, client, server *tls.Config) {
		p := newTape(w)
		c := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			if _, ok := c.TLS(); ok {
				c.Send(bytes.ToUpper(data))
				return
			}
			c.SendString("go ahead\n")
			f := c.StartTLSServer(server)
			if _, err := c.SendString("too early").Await(w.ctx); !errors.Is(err, aio.ErrConn) || errors.Is(err, aio.ErrClosed) {
				w.Errorf("Send during the handshake: %v", err)
			}
			if _, err := c.StartTLSServer(server).Await(w.ctx); !errors.Is(err, aio.ErrConn) {
				w.Errorf("StartTLS twice: %v", err)
			}
			aio.Spawn(c.Context(), "wait for TLS", func(ctx context.Context) error {
				if _, err := f.Await(ctx); err != nil {
					return err
				}
				wantTLS(w, c)
				c.SendString("secure\n")
				return nil
			})
		}}))
		if _, ok := c.TLS(); ok {
			w.Error("TLS before StartTLS")
		}
		c.SendString("STARTTLS\n")
		wantRead(w, c, "go ahead\n")
		f := c.StartTLS(client)
		if state, err := f.Await(w.ctx); err != nil || state.NegotiatedProtocol != "b" {
			w.Fatal(state, err)
		}
		wantTLS(w, c)
		wantRead(w, c, "secure\n")
		c.Write([]byte("hello"))
		wantRead(w, c, "HELLO")
		if _, err := c.StartTLS(client).Await(w.ctx); !errors.Is(err, aio.ErrConn) {
			w.Errorf("StartTLS on TLS: %v", err)
		}
		c.CloseWrite()
		p.want(nil, "open", "data", "EOF", "closed")
		wantEOF(w, c)
		c.Close()
	})
}

// A client that does not wait for the answer: what belongs to TLS is put back.
func TestStartTLSPipelined(t *testing.T) {
	plainOver(t, func(w *world, client, server *tls.Config) {
		p := newTape(w)
		started := false
		c := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			if line, rest, ok := bytes.Cut(data, []byte("\n")); ok && !started {
				if started = true; string(line) != "STARTTLS" {
					w.Errorf("line %q", line)
				}
				c.Unread(rest)
				c.StartTLSServer(server)
				return
			}
			c.Send(data)
		}}))
		c.SendString("STARTTLS\n")
		if _, err := c.StartTLS(client).Await(w.ctx); err != nil {
			w.Fatalf("c.StartTLS: %v", err)
		}
		ask(w, c, "hello")
		c.Close()
	})
}

// The same in stream style, the client in handler style.
func TestStartTLSStream(t *testing.T) {
	plainOver(t, func(w *world, client, server *tls.Config) {
		c, s := w.pair()
		c.SendString("STARTTLS\n")
		wantRead(w, s, "STARTTLS\n")
		// must not be lost by the handshake
		s.SetDeadline(time.Now().Add(time.Minute))
		p := newTape(w)
		c.SetHandler(p.handler(tcp.Handler{}))
		cf, sf := c.StartTLS(client), s.StartTLSServer(server)
		if _, err := sf.Await(w.ctx); err != nil {
			w.Fatalf("sf.Await: %v", err)
		}
		if _, err := cf.Await(w.ctx); err != nil {
			w.Fatalf("cf.Await: %v", err)
		}
		wantTLS(w, s)
		s.Write([]byte("hello"))
		p.wantData("hello")
		c.SendString("bye")
		wantRead(w, s, "bye")
		s.SetReadDeadline(time.Now())
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, aio.ErrTimeout) {
			w.Errorf("Read after the deadline: %v", err)
		}
		s.SetReadDeadline(time.Time{})
		c.Close()
		wantEOF(w, s)
		s.Close()
		p.want(nil, "data", "closed")
	})
}

// No Read may be in progress when TLS is started.
func TestStartTLSBesideRead(t *testing.T) {
	plainOver(t, func(w *world, client, server *tls.Config) {
		c, s := w.pair()
		read := aio.Go(w.ctx, "reader", func(context.Context) (int, error) { return s.Read(make([]byte, 10)) })
		aiotest.Eventually(w, func() bool { return tcp.Readers(s) == 1 })
		if _, err := s.StartTLSServer(server).Await(w.ctx); !errors.Is(err, aio.ErrConn) {
			w.Errorf("StartTLS beside a Read: %v", err)
		}
		c.SendString("x")
		if _, err := read.Await(w.ctx); err != nil {
			w.Errorf("read.Await: %v", err)
		}
		f := s.StartTLSServer(server)
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, aio.ErrConn) {
			w.Errorf("Read during the handshake: %v", err)
		}
		if _, err := s.Write(make([]byte, 1)); !errors.Is(err, aio.ErrConn) {
			w.Errorf("Write during the handshake: %v", err)
		}
		c.Close()
		_, err := f.Await(w.ctx)
		wantErr(w, err, io.ErrUnexpectedEOF, "tls")
		soon(w, s.Done())
		wantErr(w, s.Err(), io.ErrUnexpectedEOF, "tls")
	})
}

// A handshake that fails is the future's error, an Event once, and ends the
// connection.
func TestHandshakeFails(t *testing.T) {
	old := func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }
	for name, change := range map[string]func(client, server *tls.Config){
		"client too old":     func(client, _ *tls.Config) { old(client) },
		"server too old":     func(_, server *tls.Config) { old(server) },
		"unknown authority":  func(client, _ *tls.Config) { client.InsecureSkipVerify = false },
		"no common protocol": func(_, server *tls.Config) { server.NextProtos = []string{"c"} },
		"no certificate":     func(_, server *tls.Config) { server.Certificates = nil },
	} {
		t.Run(name, func(t *testing.T) {
			plainOver(t, func(w *world, client, server *tls.Config) {
				change(client, server)
				c, s := w.pair()
				p := newTape(w)
				s.SetHandler(p.handler(tcp.Handler{}))
				s.StartTLSServer(server) // whose error the Event tells
				_, err := c.StartTLS(client).Await(w.ctx)
				wantErr(w, err, aio.ErrConn, "")
				event := soon(w, p.events)
				wantErr(w, event, aio.ErrConn, "")
				if got := soon(w, p.closed); got != event {
					w.Errorf("Closed with %v, Event told %v", got, event)
				}
				if len(p.events) > 0 {
					w.Errorf("one more event: %v", <-p.events)
				}
				if !strings.Contains(err.Error()+event.Error(), "tls") {
					w.Errorf("errors %v and %v", err, event)
				}
				c.Close()
			})
		})
	}
}

// A plain client on a TLS port, and TLS on a plain port.
func TestTLSMismatch(t *testing.T) {
	t.Run("plain client", func(t *testing.T) {
		overAll(t, func(w *world) {
			if !w.secure() {
				return
			}
			w.dialer.TLS = nil
			p := newTape(w)
			c := w.serve(p.handler(tcp.Handler{}))
			c.SendString("GET / HTTP/1.0\r\n\r\n")
			e := soon(w, p.events)
			wantErr(w, e, aio.ErrConn, "tls")
			if code := e.(*aio.ConnError).Code; code != -1 {
				w.Errorf("code %d of %v", code, e)
			}
			if err := soon(w, p.closed); err != e {
				w.Errorf("closed with %v", err)
			}
			p.mu.Lock()
			if !slices.Equal(p.log, []string{condition(e), "closed"}) {
				w.Errorf("callbacks %q", p.log)
			}
			p.mu.Unlock()
			if n, err := io.Copy(io.Discard, c); n > 100 || err == nil && n == 0 {
				w.Logf("the client read %d bytes, %v", n, err)
			}
			c.Close()
		})
	})
	t.Run("plain server", func(t *testing.T) {
		plainOver(t, func(w *world, client, _ *tls.Config) {
			w.dialer.TLS = client
			p := newTape(w)
			addr := w.start(&tcp.Server{Handler: p.handler(tcp.Handler{
				Open: func(c *tcp.Conn) { c.SendString("220 plain text here\r\n") },
			})})
			_, err := w.dialer.Dial(w.ctx, addr).Await(w.ctx)
			wantErr(w, err, aio.ErrConn, "tls")
			var record tls.RecordHeaderError
			if !errors.As(err, &record) {
				w.Errorf("%v (%T)", err, err)
			}
			soon(w, p.closed)
		})
	})
}

// A handshake that does not come ends after 10 s.
func TestHandshakeNeverComes(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		if !w.secure() {
			return
		}
		begin := time.Now()
		w.dialer.TLS = nil
		p := newTape(w)
		c := w.serve(p.handler(tcp.Handler{}))
		defer c.Close()
		aio.Spawn(w.ctx, "drip", func(ctx context.Context) error {
			for b := []byte{22}; ; {
				if _, err := c.Write(b); err != nil {
					return nil //nolint:nilerr // the server has had enough
				}
				b = []byte{3}
				time.Sleep(3 * time.Second)
			}
		})
		e := <-p.events
		wantErr(w, e, aio.ErrTimeout, "tls")
		if err := <-p.closed; err != e || time.Since(begin) != 10*time.Second {
			w.Errorf("closed after %v with %v", time.Since(begin), err)
		}
	})
}

// Dialer.TLSTimeout bounds the handshake instead of the 10 s.
func TestTLSTimeout(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		if w.secure() {
			return
		}
		addr := w.start(&tcp.Server{Handler: tcp.Handler{Data: func(*tcp.Conn, []byte) {}}})
		for _, d := range []time.Duration{time.Second, 20 * time.Second} {
			w.dialer.TLSTimeout = d
			begin := time.Now()
			_, err := w.dial(addr).StartTLS(&tls.Config{InsecureSkipVerify: true}).Await(w.ctx)
			wantErr(w, err, aio.ErrTimeout, "tls")
			if took := time.Since(begin); took != d {
				w.Errorf("it took %v, not %v", took, d)
			}
		}
	})
}

// StartTLS with a peer that says nothing, as a client and as a server.
func TestStartTLSNeverComes(t *testing.T) {
	cert := selfSigned(t)
	inBubbles(t, zeroLoop, func(w *world) {
		if w.secure() {
			return
		}
		for _, do := range []func(c *tcp.Conn) *aio.Future[tls.ConnectionState]{
			func(c *tcp.Conn) *aio.Future[tls.ConnectionState] {
				return c.StartTLS(&tls.Config{InsecureSkipVerify: true})
			},
			func(c *tcp.Conn) *aio.Future[tls.ConnectionState] {
				return c.StartTLSServer(&tls.Config{Certificates: []tls.Certificate{cert}})
			},
		} {
			client, server := w.pair()
			begin := time.Now()
			_, err := do(server).Await(w.ctx)
			wantErr(w, err, aio.ErrTimeout, "tls")
			if d := time.Since(begin); d != 10*time.Second {
				w.Errorf("after %v", d)
			}
			<-server.Done()
			client.Close()
		}
	})
}

// rawTLS is a TLS client of package tls, and its socket.
func rawTLS(w *world, addr string) (*tls.Conn, net.Conn) {
	w.Helper()
	var nc net.Conn
	var err error
	if w.memory() {
		nc, err = w.net.Dial("tcp", addr)
	} else {
		nc, err = net.Dial("tcp", addr)
	}
	if err != nil {
		w.Fatalf("dialing %s: %v", addr, err)
	}
	c := tls.Client(nc, w.dialer.TLS)
	if err := c.Handshake(); err != nil {
		w.Fatalf("c.Handshake: %v", err)
	}
	return c, nc
}

// The end of a TLS stream is clean only with a close_notify, in both styles and
// directions.
func TestTLSTruncation(t *testing.T) {
	overAll(t, func(w *world) {
		if !w.secure() {
			return
		}
		p := newTape(w)
		addr := w.start(&tcp.Server{Handler: p.handler(tcp.Handler{})})
		c, nc := rawTLS(w, addr)
		c.Write([]byte("half of a"))
		p.wantData("half of a")
		nc.Close()
		e := soon(w, p.events)
		// unread session tickets may make it one
		if !errors.Is(e, aio.ErrReset) {
			wantErr(w, e, io.ErrUnexpectedEOF, "read")
		}
		if aio.IsInfo(e) || soon(w, p.closed) != e {
			w.Errorf("event %v", e)
		}

		in := make(chan error, 2)
		addr = w.start(&tcp.Server{Stream: func(_ context.Context, c *tcp.Conn) error {
			_, err := io.ReadAll(c)
			in <- err
			return nil
		}})
		c, nc = rawTLS(w, addr)
		c.Write([]byte("half of a"))
		nc.(interface{ CloseWrite() error }).CloseWrite()
		defer nc.Close()
		err := soon(w, in)
		wantErr(w, err, io.ErrUnexpectedEOF, "read")
		if errors.Is(err, io.EOF) {
			w.Errorf("%v is an EOF", err)
		}
		c, nc = rawTLS(w, addr)
		defer nc.Close()
		c.Write([]byte("all of it"))
		c.CloseWrite()
		if err := soon(w, in); err != nil {
			w.Errorf("after close_notify: %v", err)
		}
	})
}

// What we end, ends cleanly: by CloseWrite, CloseAfterFlush and, where nothing
// is lost by it, Close.
func TestTLSCloseNotify(t *testing.T) {
	for name, end := range map[string]func(c *tcp.Conn) error{
		"CloseWrite": (*tcp.Conn).CloseWrite, "CloseAfterFlush": (*tcp.Conn).CloseAfterFlush, "Close": (*tcp.Conn).Close,
	} {
		t.Run(name, func(t *testing.T) {
			overAll(t, func(w *world) {
				if !w.secure() {
					return
				}
				addr := w.start(&tcp.Server{Handler: tcp.Handler{Open: func(c *tcp.Conn) {
					c.SendString("last words")
					end(c)
				}}})
				c := w.dial(addr) // more strict than package tls
				got, err := io.ReadAll(c)
				if string(got) != "last words" || err != nil {
					w.Errorf("read %q, %v", got, err)
				}
				c.Close()
			})
		})
	}
}

// What comes after the handshake, such as session tickets, is dealt with in
// both styles.
func TestTLSResumption(t *testing.T) {
	overAll(t, func(w *world) {
		if !w.secure() {
			return
		}
		w.dialer.TLS = &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1), ServerName: "localhost"}
		addr := w.start(&tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }, Event: func(*tcp.Conn, error) {}}})
		for i, style := range []string{"stream", "handler", "handler"} {
			c := w.dial(addr)
			if s, _ := c.TLS(); s.DidResume != (i > 0) {
				w.Errorf("connection %d resumed: %v", i, s.DidResume)
			}
			if style == "stream" {
				ask(w, c, "hello")
			} else {
				p := newTape(w)
				c.SetHandler(p.handler(tcp.Handler{}))
				c.SendString("hello")
				p.wantData("hello")
			}
			c.Close()
		}
	})
}

// A loop that drains ends an idle TLS connection cleanly, in handler style too.
func TestTLSDrain(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		if !w.secure() {
			return
		}
		c := w.dial(w.start(&tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }}}))
		ask(w, c, "hello")
		synctest.Wait()
		w.loop.Exit(nil)
		wantEOF(w, c)
		c.Close()
	})
}

// A peer that is mute in the handshake holds a loop that drains up for no
// longer than one that is mute without TLS: until a second after it has said
// something last.
func TestTLSDrainMute(t *testing.T) {
	cert := selfSigned(t)
	servers := map[string]func(w *world) *tcp.Server{
		"handler": func(w *world) *tcp.Server { return &tcp.Server{Handler: newTape(w).handler(tcp.Handler{})} },
		"stream": func(w *world) *tcp.Server {
			return &tcp.Server{Stream: func(context.Context, *tcp.Conn) error { w.Error("Stream"); return nil }}
		},
		"StartTLS": func(w *world) *tcp.Server {
			w.server = nil
			return &tcp.Server{Handler: tcp.Handler{Open: func(c *tcp.Conn) {
				f := c.StartTLSServer(&tls.Config{Certificates: []tls.Certificate{cert}})
				aio.Spawn(w.ctx, "handshake", func(ctx context.Context) error {
					if _, err := f.Await(ctx); err == nil {
						w.Error("a handshake with nobody")
					}
					return nil
				})
			}}}
		},
	}
	for style, server := range servers {
		for says, want := range map[string]time.Duration{"": time.Second, "\x16\x03\x01": 1500 * time.Millisecond} {
			t.Run(style+" "+strconv.Quote(says), func(t *testing.T) {
				inBubbles(t, slowLoop, func(w *world) {
					if !w.secure() {
						return
					}
					w.dialer.TLS = nil
					begin := time.Now()
					c := w.dial(w.start(server(w)))
					synctest.Wait()
					w.loop.Exit(nil)
					time.Sleep(500 * time.Millisecond)
					if says != "" {
						c.SendString(says)
					}
					// until it is closed, or reset because of what was not read
					io.Copy(io.Discard, c)
					if d := time.Since(begin); d < want || d > want+time.Millisecond {
						w.Errorf("the connection ended after %v, want %v", d, want)
					}
					c.Close()
				})
			})
		}
	}
}

// A Write on TLS has no more than a record in the queue, however much it
// writes.
func TestTLSWriteQueuesOneRecord(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		if !w.secure() {
			return
		}
		const size = 1 << 20
		client, server := w.pair()
		written := aio.Go(w.ctx, "writer", func(context.Context) (int, error) { return server.Write(numbers(size)) })
		synctest.Wait()
		if n, most := server.Buffered(), 17<<10; n > most {
			w.Errorf("%d bytes are queued during a Write whose peer does not read, want at most %d", n, most)
		}
		got := make([]byte, size)
		if _, err := io.ReadFull(client, got); err != nil {
			w.Fatalf("io.ReadFull: %v", err)
		}
		wantNumbers(w, got, 0)
		if n, err := written.Await(w.ctx); n != size || err != nil {
			w.Errorf("Write: %d, %v; want %d", n, err, size)
		}
		client.Close()
		server.Close()
	})
}

// Records that have come together, and of which the handler is given the first
// only because it pauses or hijacks the connection, stay whole, although the
// buffer that they were read into is used for other connections meanwhile.
func TestTLSRecordsKept(t *testing.T) {
	const records, size = 4, 3000
	for how, leave := range map[string]func(w *world, c *tcp.Conn){
		"paused": func(w *world, c *tcp.Conn) {
			c.PauseReading()
			time.AfterFunc(time.Millisecond, c.ResumeReading)
		},
		"hijacked": func(w *world, c *tcp.Conn) {
			c.Hijack()
			aio.Spawn(w.ctx, "echo", func(context.Context) error {
				time.Sleep(time.Millisecond)
				_, err := io.Copy(c, c)
				c.Close()
				return err
			})
		},
	} {
		t.Run(how, func(t *testing.T) {
			inBubbles(t, zeroLoop, func(w *world) {
				if !w.secure() {
					return
				}
				addr := w.start(&tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
					c.Send(data)
					if data[0] == 'a' && c.Value() == nil {
						c.SetValue(true)
						leave(w, c)
					}
				}}})
				client, other := w.dial(addr), w.dial(addr)
				want := ""
				client.Cork() // has the records come together
				for i := range records {
					record := strings.Repeat(string(rune('a'+i)), size)
					client.SendString(record)
					want += record
				}
				client.Uncork()
				synctest.Wait()
				for range 10 {
					ask(w, other, strings.Repeat("x", 4*size))
				}
				got := make([]byte, len(want))
				if n, err := io.ReadFull(client, got); err != nil || string(got) != want {
					w.Errorf("%d records of a to d came back as %q... %q... %q... %q..., %d bytes, %v",
						records, got[:3], got[size:size+3], got[2*size:2*size+3], got[3*size:3*size+3], n, err)
				}
				client.Close()
				other.Close()
			})
		})
	}
}
