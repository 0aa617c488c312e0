package httpx_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// inH1 runs the server in a synctest bubble, and calls client with a connection
// to it.
func inH1(t *testing.T, s *httpx.Server, client func(c net.Conn, r *bufio.Reader)) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		l := new(aio.Loop)
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			ln, err := n.Listen("server:80")
			if err != nil {
				return err
			}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			defer l.Exit(nil)
			c, err := n.Dial("tcp", "server:80")
			if err != nil {
				return err
			}
			defer c.Close()
			client(c, bufio.NewReader(c))
			return nil
		})
	})
}

// later is a Handle that answers a second later, unless the request's context
// ends.
func later(r *httpx.Request) {
	timer.Delay(r.Context(), time.Second, func(context.Context) error {
		r.RespondString(200, "hai")
		return nil
	})
}

// TestHalfClosed checks that a client that has ended its sending side is gone,
// or waits for its answer with HalfOpen.
func TestHalfClosed(t *testing.T) {
	for _, open := range []bool{false, true} {
		gone := false
		s := &httpx.Server{HalfOpen: open, Handle: func(r *httpx.Request) {
			later(r)
			context.AfterFunc(r.Context(), func() { gone = context.Cause(r.Context()) != nil })
		}}
		inH1(t, s, func(c net.Conn, r *bufio.Reader) {
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			c.(interface{ CloseWrite() error }).CloseWrite()
			resp, err := http.ReadResponse(r, nil)
			synctest.Wait()
			if !open {
				if err == nil || !gone {
					t.Errorf("an answer, or not gone: %v", err)
				}
				return
			}
			if err != nil {
				t.Errorf("no answer: %v", err)
				return
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != "hai" {
				t.Errorf("got %q, %v", body, err)
			}
			if _, err := r.ReadByte(); err != io.EOF {
				t.Errorf("then %v, want the connection's end", err)
			}
		})
	}
}

// TestLeavingSeen checks that the context of a handler which waits for its end
// ends when the client leaves, and that a request which is sent behind the one
// that is handled is served.
func TestLeavingSeen(t *testing.T) {
	took := time.Duration(-1)
	s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/short" {
			time.Sleep(time.Second)
			return
		}
		at := time.Now()
		<-r.Context().Done()
		took = time.Since(at)
	})}
	inH1(t, s, func(c net.Conn, r *bufio.Reader) {
		for range 2 { // the second one is sent while the first is handled
			io.WriteString(c, "GET /short HTTP/1.1\r\nHost: h\r\n\r\n")
			time.Sleep(time.Second / 2)
		}
		for range 2 {
			resp, err := http.ReadResponse(r, nil)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("no answer: %v", err)
			}
		}
		io.WriteString(c, "GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
		synctest.Wait()
		c.Close()
		time.Sleep(time.Second)
		synctest.Wait()
		if took != 0 {
			t.Errorf("the client's leaving was seen after %v", took)
		}
	})
}

// TestHijackBytewise checks that a connection that was taken over without an
// offer to upgrade can be read byte by byte, whatever is sent on it, and later
// than a request's deadlines.
func TestHijackBytewise(t *testing.T) {
	const text = "no HTTP\n\x00 at all\n"
	s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Second)
		c, b, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer c.Close()
		got := make([]byte, len(text))
		for i := range got {
			var from io.Reader = c
			if b.Reader.Buffered() > 0 {
				from = b
			}
			if n, err := from.Read(got[i : i+1]); n != 1 || err != nil {
				t.Errorf("read %d: %d, %v", i, n, err)
			}
		}
		if string(got) != text {
			t.Errorf("got %q", got)
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		begun := time.Now()
		if _, err := c.Read(got); err == nil || time.Since(begun) != time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})}
	inH1(t, s, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		time.Sleep(3 * time.Minute)
		io.WriteString(c, text)
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("got %v", err)
		}
	})
}

// TestIdleTime checks that a kept connection ends after the idle time, whenever
// the requests before came.
func TestIdleTime(t *testing.T) {
	inH1(t, &httpx.Server{Handle: answers}, func(c net.Conn, r *bufio.Reader) {
		var last time.Time
		for i := range 5 {
			time.Sleep(time.Duration(i) * 11 * time.Second)
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			if _, err := http.ReadResponse(r, nil); err != nil {
				t.Fatalf("http.ReadResponse: %v", err)
			}
			r.Discard(r.Buffered())
			last = time.Now()
		}
		if _, err := r.ReadByte(); err != io.EOF || time.Since(last) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(last))
		}
	})
}
