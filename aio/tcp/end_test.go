package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// endMet are the ways in which stream style meets the end of "header".
var endMet = map[string]func(w *world, c *tcp.Conn){
	// on TLS 1.2 the end comes with it
	"header": func(w *world, c *tcp.Conn) { wantRead(w, c, "header") },
	"to the end": func(w *world, c *tcp.Conn) {
		wantRead(w, c, "header")
		wantEOF(w, c)
	},
	"copy": func(w *world, c *tcp.Conn) {
		var b bytes.Buffer
		if _, err := io.Copy(&b, c); err != nil || b.String() != "header" {
			w.Errorf("copied %q, %v", b.String(), err)
		}
	},
	"chunks": func(w *world, c *tcp.Conn) {
		var got []byte
		for p := range c.Chunks(w.ctx) {
			got = append(got, p...)
		}
		if string(got) != "header" || c.Err() != nil {
			w.Errorf("chunks %q, %v", got, c.Err())
		}
	},
	"put back": func(w *world, c *tcp.Conn) {
		wantRead(w, c, "header")
		wantEOF(w, c)
		c.Unread([]byte("der"))
	},
	"after a handler": func(w *world, c *tcp.Conn) {
		p := newTape(w)
		c.SetHandler(p.handler(tcp.Handler{HalfOpen: true}))
		p.wantData("header")
		if err := soon(w, p.events); !aio.IsInfo(err) {
			w.Errorf("event %v", err)
		}
		c.SetHandler(tcp.Handler{})
		wantEOF(w, c)
	},
	"by another handler": func(w *world, c *tcp.Conn) {
		p := newTape(w)
		c.SetHandler(p.handler(tcp.Handler{HalfOpen: true}))
		p.wantData("header")
		soon(w, p.events)
	},
}

// A handler gets an end that was reached before it was set, and the connection
// then ends, unless it is HalfOpen.
func TestEndMetBeforeHandler(t *testing.T) {
	for how, meet := range endMet {
		t.Run(how, func(t *testing.T) {
			overAll(t, func(w *world) {
				for _, half := range []bool{false, true} {
					if w.secure() {
						w.dialer.TLS.MaxVersion = tls12
					}
					client, server := w.pair()
					client.SendString("header")
					client.CloseWrite()
					meet(w, server)
					p := newTape(w)
					if err := server.SetHandler(p.handler(tcp.Handler{HalfOpen: half})); err != nil {
						w.Errorf("server.SetHandler: %v", err)
					}
					log := []string{"EOF", "closed"}
					if how == "put back" {
						log = []string{"data", "EOF", "closed"}
					}
					if half {
						if err := soon(w, p.events); !aio.IsInfo(err) {
							w.Errorf("event %v", err)
						}
						server.SendString("late answer")
						server.CloseWrite()
						wantRead(w, client, "late answer")
					}
					p.want(nil, log...)
					wantEOF(w, client)
					client.Close()
				}
			})
		})
	}
}

// A handler gets an error that a Read has returned before it was set.
func TestErrorMetBeforeHandler(t *testing.T) {
	overAll(t, func(w *world) {
		if w.transport == "unix" {
			return // which knows no reset
		}
		client, server := w.pair()
		client.SendString("header")
		wantRead(w, server, "header")
		client.Abort()
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, aio.ErrReset) {
			w.Errorf("Read failed with %v", err)
		}
		p := newTape(w)
		server.SetHandler(p.handler(tcp.Handler{}))
		p.want(aio.ErrReset, "connection reset by peer", "closed")
	})
}

// If a Chunks is closed just as the end arrives, neither the end nor the data
// before it is lost.
func TestEndWhileChunksEnds(t *testing.T) {
	overAll(t, func(w *world) {
		for range 40 {
			client, server := w.pair()
			ctx, cancel := context.WithCancel(w.ctx)
			chunks := server.Chunks(ctx)
			var both sync.WaitGroup
			both.Go(cancel)
			both.Go(func() {
				client.SendString("last words")
				client.CloseWrite()
			})
			var got []byte
			for p := range chunks {
				got = append(got, p...)
			}
			p := newTape(w)
			server.SetHandler(p.handler(tcp.Handler{}))
			if err := soon(w, p.closed); err != nil {
				w.Errorf("waiting for p.closed: %v", err)
			}
			if all := string(got) + p.got(); all != "last words" {
				w.Errorf("received %q and %q", got, p.got())
			}
			if err := soon(w, p.events); !aio.IsInfo(err) {
				w.Errorf("event %v", err)
			}
			both.Wait()
			client.Close()
		}
	})
}
