package tcp_test

import (
	"crypto/tls"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// What the callback does between two frames that have arrived together.

// After an end that the callback asks for there are no more frames.
func TestFramingEnds(t *testing.T) {
	for how, end := range map[string]func(c *tcp.Conn) error{
		"Close": (*tcp.Conn).Close, "Abort": (*tcp.Conn).Abort, "CloseAfterFlush": (*tcp.Conn).CloseAfterFlush,
	} {
		t.Run(how, func(t *testing.T) {
			overAll(t, func(w *world) {
				p := newFrameTape(w)
				client := w.serve(p.handler(byLine, func(c *tcp.Conn, line string) {
					if line == "2" {
						end(c)
					}
				}))
				client.SendString("1\n2\n3\n4")
				client.CloseWrite()
				p.want(nil, "1", "2")
				client.Close()
			})
		})
	}
}

// A callback that panics ends the connection, as ever.
func TestFramingDies(t *testing.T) {
	for _, d := range deaths {
		t.Run(d.name, func(t *testing.T) {
			overAllLoops(t, func() *aio.Loop { return &aio.Loop{CatchPanics: true} }, func(w *world) {
				p := newFrameTape(w)
				client := w.serve(p.handler(byLine, func(*tcp.Conn, string) { d.die() }))
				client.SendString("1\n2\n3")
				died(w, d.name, soon(w, p.closed))
				p.wantNow("1")
				w.rec.Wait(w, 1)
				client.Close()
			})
		})
	}
}

// A connection that pauses is given the next frame when it goes on.
func TestFramingPauses(t *testing.T) {
	overAll(t, func(w *world) {
		var paused atomic.Bool
		lines := make(chan *tcp.Conn, 100)
		p := newFrameTape(w)
		client := w.serve(p.handler(byLine, func(c *tcp.Conn, line string) {
			if paused.Swap(true) {
				w.Errorf("line %q while paused", line)
			}
			c.PauseReading()
			lines <- c
		}))
		client.SendString("1\n2\n3\n4")
		other := w.dial(w.start(&tcp.Server{Handler: echo}))
		for i := range 6 {
			c := soon(w, lines)
			if i == 2 {
				client.SendString("\n5\n6") // behind what is kept
				client.CloseWrite()
			}
			ask(w, other, "ping") // time for what must not be
			paused.Store(false)
			c.ResumeReading()
		}
		p.want(nil, "1", "2", "3", "4", "5", "6", "(EOF)")
		other.Close()
		client.Close()
	})
}

// While the queue is at its mark there are no more frames.
func TestFramingBacklog(t *testing.T) {
	const size = 4 << 20 // more than sockets hold
	overAll(t, func(w *world) {
		p := newFrameTape(w)
		client := w.dial(w.start(&tcp.Server{HighWater: 1000, Handler: p.handler(byLine, func(c *tcp.Conn, line string) {
			if n := c.Buffered(); n >= 1000 {
				w.Errorf("line %q with %d bytes in the queue", line, n)
			}
			c.SendOwned(make([]byte, size))
		})}))
		client.SendString("1\n2\n3\n4")
		client.CloseWrite()
		if n, err := io.Copy(io.Discard, client); n != 4*size || err != nil {
			w.Errorf("read %d bytes, %v", n, err)
		}
		p.want(nil, "1", "2", "3", "4", "(EOF)")
		client.Close()
	})
}

// What was held up by the queue comes before what came later, also when sending
// has failed: then the condition is reported.
func TestFramingLastWords(t *testing.T) {
	overAll(t, func(w *world) {
		if w.memory() {
			return // whose resets destroy what is unread
		}
		p := newFrameTape(w)
		client := w.dial(w.start(&tcp.Server{HighWater: 1, Handler: p.handler(byLine, func(c *tcp.Conn, line string) {
			if line == "1" {
				c.SendOwned(make([]byte, 16<<20))
			}
		})}))
		client.SendString("1\n2\n3")
		server := soon(w, p.conn)
		aiotest.Eventually(w, func() bool { return server.Buffered() > 0 })
		client.SendString("\n4\n")
		client.Close() // with unread input: a reset
		p.want(aio.ErrReset, "1", "2", "3", "4", "("+condition(aio.ErrReset)+")")
	})
}

// Bytes that are put back come before the next frame.
func TestFramingUnread(t *testing.T) {
	overAll(t, func(w *world) {
		p := newFrameTape(w)
		client := w.serve(p.handler(byLine, func(c *tcp.Conn, line string) {
			if line == "1" {
				c.Unread([]byte("again\nand "))
			}
		}))
		server := soon(w, p.conn)
		client.SendString("1\n2\n3\n4")
		wantKept(w, server, 1)
		server.Unread([]byte("before "))
		client.SendString("5\n")
		client.CloseWrite()
		p.want(nil, "1", "again", "and 2", "3", "before 45", "(EOF)")
		client.Close()
	})
}

// handOvers are the ways in which a callback leaves the rest to another reader,
// which the function returns.
var handOvers = map[string]func(w *world, c *tcp.Conn) io.Reader{
	"give up": func(w *world, c *tcp.Conn) io.Reader {
		if err := c.SetHandler(tcp.Handler{}); err != nil {
			w.Errorf("c.SetHandler: %v", err)
		}
		return c
	},
	"hijack": func(w *world, c *tcp.Conn) io.Reader {
		if err := c.Hijack(); err != nil {
			w.Errorf("c.Hijack: %v", err)
		}
		return c
	},
	"handler": func(w *world, c *tcp.Conn) io.Reader {
		r, data := io.Pipe()
		h := tcp.Handler{
			Data:   func(_ *tcp.Conn, p []byte) { data.Write(p) },
			Closed: func(*tcp.Conn, error) { data.Close() },
		}
		if err := c.SetHandler(h); err != nil {
			w.Errorf("c.SetHandler: %v", err)
		}
		return r
	},
	"framing": func(w *world, c *tcp.Conn) io.Reader {
		r, data := io.Pipe()
		h := tcp.LengthFraming(1, 100).Handler(tcp.Handler{Closed: func(*tcp.Conn, error) { data.Close() }},
			func(_ *tcp.Conn, frame []byte) {
				data.Write([]byte{byte(len(frame))})
				data.Write(frame)
			})
		if err := c.SetHandler(h); err != nil {
			w.Errorf("c.SetHandler: %v", err)
		}
		return r
	},
}

// Data after a frame, and a part of one, goes to the next reader: no byte is
// lost, and all are in order.
func TestFramingHandsOver(t *testing.T) {
	const rest = "\x032\n3\x0afollowing;\x06la" // also as frames by length
	const more = "ter\n\x01."
	for how, over := range handOvers {
		for where, whole := range map[string]string{"in the callback": "1\n" + rest, "between callbacks": "1\n\x03"} {
			t.Run(how+" "+where, func(t *testing.T) {
				overAll(t, func(w *world) {
					next := make(chan io.Reader, 1)
					p := newFrameTape(w)
					client := w.serve(p.handler(byLine, func(c *tcp.Conn, line string) {
						if line == "1" && where == "in the callback" {
							next <- over(w, c)
						}
					}))
					server := soon(w, p.conn)
					client.SendString(whole)
					if where == "between callbacks" {
						wantKept(w, server, 1)
						next <- over(w, server)
						client.SendString(rest[1:])
					}
					r := soon(w, next)
					wantRead(w, r, rest[:len(rest)-3])
					client.SendString(more)
					wantRead(w, r, rest[len(rest)-3:]+more)
					client.CloseWrite()
					if b, err := io.ReadAll(r); err != nil || len(b) > 0 {
						w.Errorf("%q, %v behind everything", b, err)
					}
					p.wantNow("1")
					server.Close()
					client.Close()
				})
			})
		}
	}
}

// A callback that hijacks its connection reads the rest itself, at once, and
// may hand the connection on to a handler that is called before it returns.
func TestFramingHijack(t *testing.T) {
	overAll(t, func(w *world) {
		p, after := newFrameTape(w), newFrameTape(w)
		client := w.serve(p.handler(byLine, func(c *tcp.Conn, line string) {
			if line != "take" {
				return
			}
			if err := c.Hijack(); err != nil {
				w.Errorf("c.Hijack: %v", err)
			}
			wantRead(w, c, "raw 1\n")
			if err := c.SetHandler(after.handler(byLine, func(c *tcp.Conn, _ string) { c.SendString("x") })); err != nil {
				w.Errorf("c.SetHandler: %v", err)
			}
			aiotest.Eventually(w, func() bool { return len(after.got()) >= 4 })
		}))
		client.SendString("1\ntake\nraw 1\n2\n3\n4\n5\n6")
		wantRead(w, client, "xxxx")
		client.SendString("7\n")
		client.CloseWrite()
		after.want(nil, "2", "3", "4", "5", "67", "(EOF)")
		p.wantNow("1", "take")
		client.Close()
	})
}

// A handler that replaces another while that is being called gets what follows.
func TestFramingReplacedMeanwhile(t *testing.T) {
	overAll(t, func(w *world) {
		p, after := newFrameTape(w), newFrameTape(w)
		inside, goOn := make(chan struct{}), make(chan struct{})
		h := p.handler(byLine, nil)
		data := h.Data
		h.Data = func(c *tcp.Conn, d []byte) {
			close(inside)
			<-goOn
			data(c, d)
		}
		client := w.serve(h)
		client.SendString("1;;2\n3;;")
		server := soon(w, p.conn)
		soon(w, inside)
		if err := server.SetHandler(after.handler(bySemi, nil)); err != nil {
			w.Errorf("server.SetHandler: %v", err)
		}
		close(goOn)
		client.CloseWrite()
		after.want(nil, "1", "2\n3", "(EOF)")
		p.wantNow()
		client.Close()
	})
}

// A callback that has hijacked its connection, and returns while another
// handler is being called, takes nothing of that one's.
func TestFramingHijackReturns(t *testing.T) {
	overAll(t, func(w *world) {
		goOn, left := make(chan struct{}), make(chan struct{})
		after := newFrameTape(w)
		p := newFrameTape(w)
		h := p.handler(byLine, func(c *tcp.Conn, line string) {
			if err := c.Hijack(); err != nil {
				w.Errorf("c.Hijack: %v", err)
			}
			if err := c.SetHandler(after.handler(byLine, func(_ *tcp.Conn, line string) {
				if line == "3" {
					close(goOn)
					soon(w, left)
				}
			})); err != nil {
				w.Errorf("c.SetHandler: %v", err)
			}
			soon(w, goOn)
		})
		data := h.Data
		h.Data = func(c *tcp.Conn, d []byte) {
			data(c, d)
			close(left)
		}
		client := w.serve(h)
		client.SendString("1\n2\n3\n4\n5")
		client.CloseWrite()
		after.want(nil, "2", "3", "4", "5", "(EOF)")
		p.wantNow("1")
		client.Close()
	})
}

// TLS begins behind the frame that asks for it.
func TestFramingStartTLS(t *testing.T) {
	cert := selfSigned(t)
	overAll(t, func(w *world) {
		if w.secure() {
			return
		}
		p := newFrameTape(w)
		client := w.serve(p.handler(byLine, func(c *tcp.Conn, line string) {
			if line == "tls" {
				c.StartTLSServer(&tls.Config{Certificates: []tls.Certificate{cert}})
			}
		}))
		client.SendString("1\ntls\n") // and the handshake at once
		if _, err := client.StartTLS(&tls.Config{InsecureSkipVerify: true}).Await(w.ctx); err != nil {
			w.Fatalf("client.StartTLS: %v", err)
		}
		client.SendString("2\n3")
		client.CloseWrite()
		p.want(nil, "1", "tls", "2", "3", "(EOF)")
		client.Close()
	})
}

// Data that arrived in plain text is never taken for data that TLS protects: it
// spoils the handshake.
func TestFramingStartTLSInjected(t *testing.T) {
	cert := selfSigned(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	for where, sent := range map[string]string{"behind": "tls\ninjected\ninj", "part": "inj", "meanwhile": "injected\ninj"} {
		t.Run(where, func(t *testing.T) {
			overAllLoops(t, zeroLoop, func(w *world) {
				if w.secure() {
					return
				}
				p := newFrameTape(w)
				h := p.handler(byLine, func(c *tcp.Conn, line string) {
					if line == "tls" {
						c.StartTLSServer(config)
					}
				})
				if data := h.Data; where == "meanwhile" {
					h.Data = func(c *tcp.Conn, d []byte) {
						c.StartTLSServer(config)
						data(c, d)
					}
				}
				client := w.serve(h)
				server := soon(w, p.conn)
				client.SendString(sent)
				if where == "part" {
					wantKept(w, server, 3)
					server.StartTLSServer(config)
				}
				client.StartTLS(&tls.Config{InsecureSkipVerify: true}).Await(w.ctx)
				var header tls.RecordHeaderError
				if err := soon(w, p.closed); !errors.As(err, &header) {
					w.Errorf("closed with %v", err)
				}
				for _, what := range p.got() {
					if what == "injected" || what == "inj" {
						w.Errorf("recorded %q", what)
					}
				}
				client.Close()
			})
		})
	}
}
