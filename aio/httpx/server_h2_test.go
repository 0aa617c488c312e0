package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// h2raw is a connection to write frames of HTTP/2 on one by one.
type h2raw struct {
	t testing.TB
	net.Conn
	*http2.Framer
}

// inH2 runs the server in a synctest bubble, and calls client with a connection
// on which HTTP/2 has begun.
func inH2(t *testing.T, s *httpx.Server, client func(c h2raw)) {
	inH2Loop(t, new(aio.Loop), s, client)
}

// inH2Loop is inH2 with a loop of the caller's.
func inH2Loop(t *testing.T, l *aio.Loop, s *httpx.Server, client func(c h2raw)) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		s.H2C = true
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			ln, err := n.Listen("server:80")
			if err != nil {
				return err
			}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			defer l.Exit(nil)
			nc, err := n.Dial("tcp", "server:80")
			if err != nil {
				return err
			}
			defer nc.Close()
			c := h2raw{t, nc, http2.NewFramer(nc, nc)}
			c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
			c.MaxHeaderListSize = 1 << 20
			io.WriteString(nc, http2.ClientPreface)
			c.check(c.WriteSettings())
			client(c)
			return nil
		})
	})
}

func (c h2raw) check(err error) {
	if err != nil {
		c.t.Helper()
		c.t.Errorf("HTTP/2 client: %v", err)
	}
}

// request sends the header of a request with n fields of the given size each,
// for a path of its own or the one given.
func (c h2raw) request(id uint32, method string, n, size int, last bool, path ...string) {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	field := func(k, v string) { c.check(e.WriteField(hpack.HeaderField{Name: k, Value: v})) }
	field(":method", method)
	field(":scheme", "http")
	field(":authority", "server")
	field(":path", append(path, "/"+strconv.Itoa(int(id)))[0])
	for i := range n {
		field("x-"+strconv.Itoa(i), strings.Repeat("a", size))
	}
	block := b.Bytes()
	first := block[:min(len(block), 16<<10)]
	rest := block[len(first):]
	c.check(c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: last, EndHeaders: len(rest) == 0}))
	for len(rest) > 0 {
		part := rest[:min(len(rest), 16<<10)]
		rest = rest[len(part):]
		c.check(c.WriteContinuation(id, len(rest) == 0, part))
	}
}

// answer reads a response to its end, and returns its stream, status and
// header.
func (c h2raw) answer() (id uint32, status string, h *http2.MetaHeadersFrame) {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			c.t.Helper()
			c.t.Errorf("no response: %v", err)
			return 0, "", nil
		}
		end := false
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			h, end = f, f.StreamEnded()
		case *http2.DataFrame:
			end = f.StreamEnded()
		}
		if end && h != nil {
			return h.StreamID, h.PseudoValue("status"), h
		}
	}
}

// reset reads until the server resets a stream.
func (c h2raw) reset(id uint32) {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			c.t.Helper()
			c.t.Errorf("no reset: %v", err)
			return
		}
		if f, ok := f.(*http2.RSTStreamFrame); ok && f.StreamID == id {
			return
		}
	}
}

// TestH2HeaderTime checks that a header over HTTP/2 is bounded in time,
// whatever part of it is there.
func TestH2HeaderTime(t *testing.T) {
	for name, begin := range map[string]func(c h2raw){
		"half a frame's head": func(c h2raw) { c.Write([]byte{0, 0, 9}) },
		"half a frame":        func(c h2raw) { c.Write([]byte{0, 0, 9, 1, 4, 0, 0, 0, 1, 0x82}) },
		"no last frame": func(c h2raw) {
			c.check(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}, EndStream: true}))
		},
		"empty continuations": func(c h2raw) {
			c.check(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}, EndStream: true}))
			for c.WriteContinuation(1, false, []byte{}) == nil {
				time.Sleep(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inH2(t, &httpx.Server{Handle: answers}, func(c h2raw) {
				c.request(3, "GET", 0, 0, true)
				c.answer()
				time.Sleep(20 * time.Second) // idle, which is allowed
				begun := time.Now()
				over := make(chan struct{})
				go func() {
					defer close(over)
					io.Copy(io.Discard, c.Conn)
					c.Close()
				}()
				begin(c)
				<-over
				if took := time.Since(begun); took < 9*time.Second || took > 11*time.Second {
					t.Errorf("closed after %v", took)
				}
			})
		})
	}
}

// TestH2Limits checks that the limits of the header hold over HTTP/2.
func TestH2Limits(t *testing.T) {
	for _, k := range []struct {
		n, size int
		want    string
	}{{100, 1, "200"}, {101, 1, "431"}, {37, 900, "431"}} {
		inH2(t, &httpx.Server{Handle: answers}, func(c h2raw) {
			c.request(1, "GET", k.n, k.size, true)
			if _, status, _ := c.answer(); status != k.want {
				t.Errorf("%d fields of %d bytes: got %s, want %s", k.n, k.size, status, k.want)
			}
		})
	}
}

// TestH2MaxInFlight checks that requests beyond MaxInFlight are refused, on one
// connection too.
func TestH2MaxInFlight(t *testing.T) {
	var r *httpx.Request
	s := &httpx.Server{MaxInFlight: 1, Handle: func(got *httpx.Request) { r = got }}
	inH2(t, s, func(c h2raw) {
		c.request(1, "GET", 0, 0, true)
		synctest.Wait()
		c.request(3, "GET", 0, 0, true)
		if id, status, h := c.answer(); id != 3 || status != "503" || !hasField(h, "retry-after") {
			t.Errorf("stream %d: %s, %v", id, status, h)
		}
		r.RespondString(200, "hai")
		if id, status, _ := c.answer(); id != 1 || status != "200" {
			t.Errorf("stream %d: %s", id, status)
		}
	})
}

func hasField(h *http2.MetaHeadersFrame, name string) bool {
	for _, f := range h.Fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// TestH2BodyTime checks that a body that does not come is not waited for longer
// than BodyTimeout, over HTTP/2 too.
func TestH2BodyTime(t *testing.T) {
	stall := func(c h2raw) (status string, took time.Duration) {
		begun := time.Now()
		c.request(1, "POST", 0, 0, false)
		time.Sleep(29 * time.Second)
		c.check(c.WriteData(1, false, []byte("abc")))
		_, status, _ = c.answer()
		return status, time.Since(begun)
	}
	inH2(t, &httpx.Server{Handle: answers}, func(c h2raw) {
		if status, took := stall(c); status != "408" || took != 59*time.Second {
			t.Errorf("Handle: %s after %v", status, took)
		}
	})
	inH2(t, &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading failed with %v", err)
		}
		w.WriteHeader(http.StatusRequestTimeout)
	})}, func(c h2raw) {
		if status, took := stall(c); status != "408" || took != 59*time.Second {
			t.Errorf("Handler: %s after %v", status, took)
		}
	})
}

// TestH2BodyTimeWhileReading checks that BodyTimeout bounds Reads of a body
// only: a handler may take any time between them, and have the rest of the
// body.
func TestH2BodyTimeWhileReading(t *testing.T) {
	for _, late := range []bool{false, true} { // the rest comes while the handler is away
		inH2(t, &httpx.Server{BodyTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b := make([]byte, 3)
			if _, err := io.ReadFull(r.Body, b); err != nil {
				t.Errorf("the first Read: %v", err)
			}
			time.Sleep(time.Minute)
			rest, err := io.ReadAll(r.Body)
			if err != nil || string(rest) != "def" {
				t.Errorf("reading the rest: %q, %v", rest, err)
			}
		})}, func(c h2raw) {
			c.request(1, "POST", 0, 0, false)
			c.check(c.WriteData(1, false, []byte("abc")))
			if time.Sleep(30 * time.Second); late {
				time.Sleep(39 * time.Second)
			}
			c.check(c.WriteData(1, true, []byte("def")))
			if _, status, _ := c.answer(); status != "200" {
				t.Errorf("late %v: status %q, want 200", late, status)
			}
		})
	}
}

// TestH2ReadDeadline checks that a Read of a body over HTTP/2 ends by the
// handler's own deadline or after BodyTimeout, whichever is earlier, and that
// the handler may take its deadline back.
func TestH2ReadDeadline(t *testing.T) {
	for _, x := range []struct {
		body  time.Duration   // BodyTimeout
		own   []time.Duration // set one after the other; 0: none
		after time.Duration   // of the first deadline's setting
	}{
		{10 * time.Second, []time.Duration{3 * time.Second}, 3 * time.Second},
		{10 * time.Second, []time.Duration{time.Minute}, 10 * time.Second},
		{10 * time.Second, []time.Duration{3 * time.Second, 0}, 10 * time.Second},
		{10 * time.Second, []time.Duration{-time.Second}, 0},
		{-1, []time.Duration{3 * time.Second}, 3 * time.Second},
		{-1, []time.Duration{3 * time.Second, time.Minute}, time.Minute},
	} {
		inH2(t, &httpx.Server{BodyTimeout: x.body, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			begin := time.Now()
			for _, d := range x.own {
				by := begin.Add(d)
				if d == 0 {
					by = time.Time{}
				}
				if err := rc.SetReadDeadline(by); err != nil {
					t.Errorf("SetReadDeadline: %v", err)
				}
			}
			_, err := io.ReadAll(r.Body)
			if d := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || d != x.after {
				t.Errorf("BodyTimeout %v, deadlines %v: %v after %v, want a timeout after %v", x.body, x.own, err, d, x.after)
			}
		})}, func(c h2raw) {
			c.request(1, "POST", 0, 0, false)
			if _, status, _ := c.answer(); status != "200" {
				t.Errorf("status %q, want 200", status)
			}
		})
	}
}
