package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

const tls12 = tls.VersionTLS12

// putBack are the ways in which "first" is read from a connection and put back.
var putBack = map[string]func(w *world, c *tcp.Conn){
	"Unread": func(w *world, c *tcp.Conn) {
		wantRead(w, c, "first")
		c.Unread([]byte("first"))
	},
	"Chunks": func(w *world, c *tcp.Conn) {
		ctx, cancel := context.WithCancel(w.ctx)
		chunks := c.Chunks(ctx)
		aiotest.Eventually(w, func() bool { return c.Stats().BytesIn > 0 })
		cancel() // it has read data that was not received
		wantNoChunk(w, chunks)
	},
	"handler": func(w *world, c *tcp.Conn) {
		got := make(chan []byte, 1)
		c.SetHandler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			c.Unread(data)
			c.SetHandler(tcp.Handler{})
			got <- data
		}})
		soon(w, got)
	},
	"Hijack": func(w *world, c *tcp.Conn) {
		got := make(chan []byte, 1)
		c.SetHandler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			if err := c.Hijack(); err != nil {
				w.Errorf("c.Hijack: %v", err)
			}
			c.Unread(data)
			got <- data
		}})
		soon(w, got)
	},
}

// wantNoChunk waits until a channel of Chunks is closed, and does not receive
// before.
func wantNoChunk(w *world, chunks <-chan []byte) {
	w.Helper()
	aiotest.Eventually(w, func() bool { return ops(w.loop, "tcp.chunks") == 0 })
	if p, ok := <-chunks; ok {
		w.Errorf("received %q", p)
	}
}

// What was put back comes before what comes later, whatever the deadlines of
// the Reads between.
func TestPutBackComesFirst(t *testing.T) {
	past := time.Unix(1, 0)
	for how, put := range putBack {
		t.Run(how, func(t *testing.T) {
			overStreams(t, func(w *world) {
				client, server := w.pair()
				// of which TLS has the rest by then
				client.SendString("firstsecond")
				if how != "Unread" {
					client.SendString("third")
				}
				put(w, server)
				client.SendString("fourth")
				server.SetReadDeadline(past)
				for range 3 {
					if n, err := server.Read(make([]byte, 100)); n > 0 || !errors.Is(err, aio.ErrTimeout) {
						w.Fatalf("Read of %d bytes, %v, although the deadline has passed", n, err)
					}
				}
				server.SetReadDeadline(time.Now().Add(5 * time.Second))
				want := "firstsecondthirdfourth"
				if how == "Unread" {
					want = "firstsecondfourth"
				}
				wantRead(w, server, want)
				server.Close()
				client.Close()
			})
		})
	}
}

// A handler that takes over from a Chunks gets what that has read and was not
// received, before data that has arrived since.
func TestChunksToHandler(t *testing.T) {
	overAll(t, func(w *world) {
		client, server := w.pair()
		chunks := server.Chunks(w.ctx)
		client.SendString("first ")
		aiotest.Eventually(w, func() bool { return server.Stats().BytesIn == 6 })
		client.SendString("second")
		p := newTape(w)
		if err := server.SetHandler(p.handler(tcp.Handler{})); err != nil {
			w.Errorf("server.SetHandler: %v", err)
		}
		wantNoChunk(w, chunks)
		p.wantData("first second")
		client.Close()
		p.want(nil, "data", "EOF", "closed")
	})
}

// A Read of nothing changes nothing.
func TestReadNothing(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		server.Unread([]byte("ahead"))
		for range 3 {
			if n, err := server.Read(nil); n != 0 || err != nil {
				w.Errorf("%d, %v", n, err)
			}
		}
		if n := tcp.Readers(server); n != 0 {
			w.Errorf("%d Reads are under way", n)
		}
		wantRead(w, server, "ahead")
		client.CloseWrite()
		if _, err := io.ReadAll(server); err != nil {
			w.Errorf("reading to the end: %v", err)
		}
		server.Close()
		client.Close()
	})
}
