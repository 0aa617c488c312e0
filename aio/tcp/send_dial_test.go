package tcp_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// tcp-send: connect, write, and read by callbacks, in that order.
func TestSend(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		s := &tcp.Server{Handler: echo}
		addr := b.start(s)
		var log []string
		closed := make(chan error)
		d := &tcp.Dialer{DialContext: b.net.DialContext}
		data := []byte("first ")
		c, err := d.Send(b.ctx, addr, data, tcp.Handler{
			Open:   func(c *tcp.Conn) { log = append(log, "open"); c.SendString("second") },
			Data:   func(c *tcp.Conn, data []byte) { log = append(log, string(data)) },
			Closed: func(_ *tcp.Conn, err error) { closed <- err },
		}).Await(b.ctx)
		if err != nil {
			b.Fatalf("d.Send: %v", err)
		}
		synctest.Wait()
		got := ""
		for _, s := range log[1:] {
			got += s
		}
		if log[0] != "open" || got != "first second" {
			b.Errorf("got %q", log)
		}
		c.Close()
		if err := <-closed; err != nil {
			b.Errorf("result of closed: %v", err)
		}
		s.Close()
	})
}

// A connection that ends at once still gets all its callbacks.
func TestSendToClosing(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		ln := b.listen()
		defer ln.Close()
		d := &tcp.Dialer{DialContext: b.net.DialContext}
		events, closed := 0, make(chan error, 1)
		f := d.Send(b.ctx, ln.Addr().String(), make([]byte, 1<<20), tcp.Handler{
			Event:  func(*tcp.Conn, error) { events++ },
			Closed: func(_ *tcp.Conn, err error) { closed <- err },
		})
		in, err := ln.Accept()
		if err != nil {
			b.Fatalf("ln.Accept: %v", err)
		}
		in.(aiotest.Conn).Abort()
		if _, err := f.Await(b.ctx); err != nil {
			b.Errorf("Send: %v", err)
		}
		if err := <-closed; !errors.Is(err, aio.ErrReset) || events != 1 {
			b.Errorf("%d events, closed with %v", events, err)
		}
	})
}

// A failed dial is reported once, whatever listens for it.
func TestSendFails(t *testing.T) {
	for _, event := range []bool{true, false} {
		for _, await := range []bool{true, false} {
			for _, timeout := range []bool{true, false} {
				var rec aiotest.Recorder
				told := 0
				inBubble(t, &aio.Loop{OnEvent: rec.OnEvent}, func(b *bubble) {
					want, addr := aio.ErrRefused, "nobody:1"
					if timeout {
						want = aio.ErrTimeout
						b.net.BlackHole(addr)
					}
					check := func(c *tcp.Conn, err error) {
						var e *aio.ConnError
						if c != nil || !errors.Is(err, want) || !errors.As(err, &e) || e.Op != "dial" {
							b.Errorf("event %v, %v", c, err)
						}
						told++
					}
					h := tcp.Handler{
						Open:   func(*tcp.Conn) { b.Error("Open") },
						Closed: func(*tcp.Conn, error) { b.Error("Closed") },
					}
					if event {
						h.Event = check
					}
					d := &tcp.Dialer{DialContext: b.net.DialContext}
					f := d.Send(b.ctx, addr, []byte("hello"), h)
					if await {
						if c, err := f.Await(b.ctx); c != nil || !errors.Is(err, want) {
							b.Errorf("got %v, %v", c, err)
						}
					}
				})
				want, lost := 0, len(rec.Events())
				if event {
					want = 1
				}
				if told != want {
					t.Errorf("Event was called %d times, want %d", told, want)
				}
				if want = 0; !event && !await {
					want = 1 // not looked at
				}
				if lost != want {
					t.Errorf("%d events, want %d (event %v, await %v): %v", lost, want, event, await, rec.Events())
				}
			}
		}
	}
}

// A panic in the Event of a failed dial is contained.
func TestSendEventPanics(t *testing.T) {
	var rec aiotest.Recorder
	inBubble(t, &aio.Loop{OnEvent: rec.OnEvent, CatchPanics: true}, func(b *bubble) {
		d := &tcp.Dialer{DialContext: b.net.DialContext}
		_, err := d.Send(b.ctx, "nobody:1", nil, tcp.Handler{Event: func(*tcp.Conn, error) { panic("oops") }}).Await(b.ctx)
		var p *aio.PanicError
		if !errors.As(err, &p) {
			b.Errorf("got %v", err)
		}
	})
	if errs := errorsOf(&rec); len(errs) != 1 {
		t.Errorf("events: %v", errs)
	}
}

func TestSendEachCancel(t *testing.T) {
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			s := &tcp.Server{Handler: tcp.Handler{Data: echo.Data, Event: func(*tcp.Conn, error) {}}}
			addr := b.start(s)
			d := &tcp.Dialer{DialContext: b.net.DialContext}
			events, got := 0, make(chan string, 9)
			f := d.Send(looks.Context(b.ctx), addr, []byte("hello"), tcp.Handler{
				Data:  func(_ *tcp.Conn, data []byte) { got <- string(data) },
				Event: func(_ *tcp.Conn, err error) { events++ },
			})
			c, err := f.Await(b.ctx)
			switch {
			case err == nil:
				if s := <-got; s != "hello" {
					b.Errorf("got %q", s)
				}
				c.Close()
			case !looks.Reached() || !errors.Is(err, looks.Cause()) || events > 1:
				b.Errorf("%v and %d events at %v", err, events, looks)
			}
			b.loop.Exit(nil)
		})
	})
}

// The seed's :socket form: the connection that Send gives can be given another
// handler, and sent to.
func TestSendSocket(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		s := &tcp.Server{Handler: echo}
		addr := b.start(s)
		d := &tcp.Dialer{DialContext: b.net.DialContext, ReadTimeout: time.Minute}
		got, late := make(chan string, 9), make(chan error, 9)
		c, err := d.Send(b.ctx, addr, nil, tcp.Handler{}).Await(b.ctx)
		if err != nil {
			b.Fatalf("d.Send: %v", err)
		}
		c.SetHandler(tcp.Handler{
			Data:  func(_ *tcp.Conn, data []byte) { got <- string(data) },
			Event: func(_ *tcp.Conn, err error) { late <- err },
		})
		if _, err := c.SendString("hello").Await(b.ctx); err != nil {
			b.Errorf("c.SendString: %v", err)
		}
		if s := <-got; s != "hello" {
			b.Errorf("got %q", s)
		}
		start := time.Now()
		if err := <-late; !errors.Is(err, aio.ErrTimeout) || time.Since(start) != time.Minute {
			b.Errorf("got %v after %v", err, time.Since(start))
		}
		s.Close()
	})
}
