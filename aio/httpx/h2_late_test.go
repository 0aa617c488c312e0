package httpx_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// lateH2 runs a server in a bubble, h2c and over TLS, and calls client with a
// function that connects to it, and one that has it drain: by the loop's exit
// or by its own Shutdown.
func lateH2(t *testing.T, s func() *httpx.Server, client func(t *testing.T, dial func() h2late, drain func())) {
	for name, cfg := range map[string]*tls.Config{"h2c": nil, "TLS": serverTLS(t)} {
		for _, shutdown := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,shutdown=%v", name, shutdown), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { lateH2In(t, s(), cfg, shutdown, client) })
			})
		}
	}
}

func lateH2In(t *testing.T, s *httpx.Server, cfg *tls.Config, shutdown bool, client func(t *testing.T, dial func() h2late, drain func())) {
	var n aiotest.Network
	l := new(aio.Loop)
	s.H2C, s.TLS = true, cfg
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		ln, err := n.Listen("server:80")
		if err != nil {
			return err
		}
		if err := s.StartOn(ctx, ln); err != nil {
			return err
		}
		defer l.Exit(nil)
		client(t, func() h2late { return dialLate(t, &n, cfg) }, func() {
			if shutdown {
				go s.Shutdown(context.Background())
			} else {
				l.Exit(nil)
			}
		})
		return nil
	})
}

// h2late is a connection on which nothing of HTTP/2 has been sent yet.
type h2late struct {
	h2raw
	out *bytes.Buffer // what its Framer writes
}

func dialLate(t *testing.T, n *aiotest.Network, cfg *tls.Config) h2late {
	nc, err := n.Dial("tcp", "server:80")
	if err != nil {
		t.Fatalf("n.Dial: %v", err)
	}
	if cfg != nil {
		tc := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err := tc.Handshake(); err != nil {
			t.Fatalf("tc.Handshake: %v", err)
		}
		nc = tc
	}
	t.Cleanup(func() { nc.Close() })
	return newLate(t, nc)
}

func newLate(t *testing.T, nc net.Conn) h2late {
	c := h2late{h2raw{t, nc, nil}, new(bytes.Buffer)}
	c.Framer = http2.NewFramer(c.out, nc)
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.out.WriteString(http2.ClientPreface)
	c.check(c.WriteSettings())
	return c
}

// ask adds requests to what is to be sent.
func (c h2late) ask(ids ...uint32) {
	for _, id := range ids {
		c.request(id, "GET", 0, 0, true)
	}
}

// send sends n bytes of what is to be sent, or all of it.
func (c h2late) send(n ...int) {
	b := c.out.Next(append(n, c.out.Len())[0])
	_, err := c.Write(b)
	c.check(err)
}

// h2end is what a server says on a connection until it closes it.
type h2end struct {
	answered map[uint32]string // the status of each answered stream
	last     uint32            // the one of GOAWAY
	away     bool              // there was one, with NO_ERROR
	awayAt   time.Time
	first    time.Time // when the first answer ended
	err      error     // how reading ended
}

// end reads until the connection's end.
func (c h2raw) end() h2end { return c.until(func(h2end) bool { return false }) }

// until is end, except that it closes the connection when enough has arrived.
func (c h2raw) until(enough func(e h2end) bool) h2end {
	e := h2end{answered: map[uint32]string{}}
	status := map[uint32]string{}
	for {
		f, err := c.ReadFrame()
		if err != nil {
			e.err = err
			c.Close() // for which the server waits
			return e
		}
		id := f.Header().StreamID
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			if e.last = f.LastStreamID; !e.away {
				e.awayAt = time.Now()
			}
			e.away = f.ErrCode == http2.ErrCodeNo
		case *http2.MetaHeadersFrame:
			status[id] = f.PseudoValue("status")
		}
		if f, ok := f.(interface{ StreamEnded() bool }); ok && f.StreamEnded() {
			if e.answered[id] = status[id]; e.first.IsZero() {
				e.first = time.Now()
			}
		}
		if enough(e) {
			e.err = io.EOF
			c.Close()
			return e
		}
	}
}

// check checks that the server has said that it accepts no more requests,
// answered those up to the one that it named, which is at least least, and no
// others.
func (e h2end) check(t testing.TB, name string, least uint32) {
	t.Helper()
	if !e.away || e.err != io.EOF {
		t.Errorf("%s: GOAWAY: %v; then %v", name, e.away, e.err)
	}
	if e.last < least {
		t.Errorf("%s: the last stream is %d, want %d", name, e.last, least)
	}
	for id := uint32(1); id <= e.last; id += 2 {
		if e.answered[id] != "200" {
			t.Errorf("%s: stream %d of %d got %q", name, id, e.last, e.answered[id])
		}
	}
	for id := range e.answered {
		if id > e.last {
			t.Errorf("%s: stream %d is answered, the last is %d", name, id, e.last)
		}
	}
}

// TestH2Late checks that a connection which was accepted before the drain has a
// second to send its first request, gets the response and a GOAWAY that allows
// no further request, and is closed.
func TestH2Late(t *testing.T) {
	type variant struct {
		name          string
		before, after func(c h2late)
		least         uint32
	}
	nothing := func(h2late) {}
	variants := []variant{
		{"all at once", nothing, func(c h2late) { c.ask(1); c.send() }, 1},
		{"three requests", nothing, func(c h2late) { c.ask(1, 3, 5); c.send() }, 5},
		{"request behind the settings", nothing, func(c h2late) {
			c.send()
			time.Sleep(time.Second / 2)
			c.ask(1)
			c.send()
		}, 1},
		{"late, and late again", nothing, func(c h2late) {
			time.Sleep(9 * time.Second / 10)
			c.send()
			time.Sleep(9 * time.Second / 10)
			c.ask(1)
			c.send()
		}, 1},
		{"bytewise", nothing, func(c h2late) {
			c.ask(1)
			for c.out.Len() > 0 {
				c.send(1)
				time.Sleep(time.Millisecond)
			}
		}, 1},
		{"half a preface before", func(c h2late) { c.send(7) }, func(c h2late) { c.ask(1); c.send() }, 1},
		{"preface before", func(c h2late) { c.send(len(http2.ClientPreface)) }, func(c h2late) { c.ask(1); c.send() }, 1},
		{"settings before", func(c h2late) { c.send() }, func(c h2late) { c.ask(1); c.send() }, 1},
		{"half a request before", func(c h2late) { c.ask(1); c.send(c.out.Len() - 5) }, func(c h2late) { c.send() }, 1},
		{"request before", func(c h2late) { c.ask(1); c.send() }, nothing, 1},
		{"no request", nothing, func(c h2late) { c.send() }, 0},
		{"request too late", nothing, func(c h2late) {
			c.send()
			time.Sleep(3 * time.Second / 2)
			c.ask(1)
			c.send()
		}, 0},
	}
	lateH2(t, func() *httpx.Server { return &httpx.Server{Handle: answers} }, func(t *testing.T, dial func() h2late, drain func()) {
		var all []h2late
		for range 10 {
			for _, v := range variants {
				c := dial()
				v.before(c)
				all = append(all, c)
			}
		}
		synctest.Wait()
		drain()
		synctest.Wait()
		var over sync.WaitGroup
		begun := time.Now()
		for i, c := range all {
			v := variants[i%len(variants)]
			over.Go(func() { v.after(c) })
			over.Go(func() {
				e := c.end()
				e.check(t, v.name, v.least)
				if took := time.Since(begun); took > 3*time.Second {
					t.Errorf("%s: closed after %v", v.name, took)
				}
			})
		}
		over.Wait()
	})
}

// TestH2LateTold checks that the client of such a connection gets the GOAWAY as
// soon as its request has begun, and that a request which it then still sends
// is not handled.
func TestH2LateTold(t *testing.T) {
	var calls []string
	s := func() *httpx.Server {
		calls = nil
		return &httpx.Server{Handle: func(r *httpx.Request) {
			calls = append(calls, r.Resource())
			timer.Delay(r.Context(), 5*time.Second, func(context.Context) error {
				r.RespondString(200, "hai")
				return nil
			})
		}}
	}
	lateH2(t, s, func(t *testing.T, dial func() h2late, drain func()) {
		c := dial()
		synctest.Wait()
		drain()
		begun := time.Now()
		var over sync.WaitGroup
		over.Go(func() {
			e := c.end()
			e.check(t, "deferred", 1)
			if e.last != 1 || e.awayAt.Sub(begun) > 10*time.Millisecond || e.first.Sub(begun) < 5*time.Second {
				t.Errorf("stream %d is the last after %v, and answered after %v", e.last, e.awayAt.Sub(begun), e.first.Sub(begun))
			}
		})
		c.ask(1)
		c.send()
		time.Sleep(time.Second)
		c.ask(3)
		c.send()
		over.Wait()
		if fmt.Sprint(calls) != "[/1]" {
			t.Errorf("the handler was called for %v", calls)
		}
	})
}

// TestH2DrainRace checks that requests which come as the server drains, on
// connections that have had others, are answered or refused by a GOAWAY that
// names the last one which is answered.
func TestH2DrainRace(t *testing.T) {
	lateH2(t, func() *httpx.Server { return &httpx.Server{Handle: answers} }, func(t *testing.T, dial func() h2late, drain func()) {
		var over sync.WaitGroup
		for i := range 50 {
			c := dial()
			c.ask(1)
			c.send()
			c.answer()
			over.Go(func() {
				e := c.end()
				e.answered[1] = "200"
				e.check(t, "kept", 1)
			})
			over.Go(func() {
				for id := uint32(3); id < 30; id += 2 {
					time.Sleep(time.Duration(i%5) * time.Millisecond / 4)
					c.ask(id)
					if _, err := c.Write(c.out.Next(c.out.Len())); err != nil {
						return // closed a second after the GOAWAY
					}
				}
			})
		}
		time.Sleep(2 * time.Millisecond)
		drain()
		over.Wait()
	})
}

// TestH2DrainHeader checks that a GOAWAY does not come between the frames of a
// header, or within one of a body, and that a body goes on after it.
func TestH2DrainHeader(t *testing.T) {
	lateH2(t, func() *httpx.Server { return &httpx.Server{Handle: answers} }, func(t *testing.T, dial func() h2late, drain func()) {
		c := dial()
		c.request(1, "POST", 0, 0, false)
		c.check(c.WriteData(1, false, make([]byte, 1000)))
		c.send(c.out.Len() - 500)
		synctest.Wait()
		drain()
		time.Sleep(time.Second)
		c.send()
		c.request(3, "GET", 20, 1000, true) // which has a CONTINUATION
		c.send(17 << 10)
		var over sync.WaitGroup
		over.Go(func() { c.end().check(t, "body", 1) })
		time.Sleep(time.Second)
		c.send()
		c.check(c.WriteData(1, true, make([]byte, 1000)))
		c.send()
		over.Wait()
	})
}

// TestH2DrainStalled checks that a client which stalls within a frame does not
// hold a draining server up for longer than BodyTimeout.
func TestH2DrainStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lateH2In(t, &httpx.Server{Handle: answers}, nil, true, func(t *testing.T, dial func() h2late, drain func()) {
			c := dial()
			c.request(1, "POST", 0, 0, false)
			c.check(c.WriteData(1, false, make([]byte, 1000)))
			c.send(c.out.Len() - 500)
			synctest.Wait()
			drain()
			begun := time.Now()
			c.end()
			if took := time.Since(begun); took > 31*time.Second {
				t.Errorf("closed after %v", took)
			}
		})
	})
}
