package httpx_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/httpx"
)

// malformedChunks are beginnings of chunked bodies that nothing makes right.
var malformedChunks = []struct {
	text string
	want int
}{
	{"x", 400},
	{"0x3\r\nabc", 400},
	{"-3\r\nabc", 400},
	{" 3\r\nabc", 400},
	{"3 \r\nabc", 400},
	{"3\nabc", 400},
	{"\r\n", 400},
	{"3;a\x00\r\n", 400},
	{"3;" + strings.Repeat("a", 300), 400},
	{"fffffffffffffffff\r\n", 400},
	{"3\r\nabcd", 400},
	{"3\r\nabc\n", 400},
	{"3\r\nabc0\r\n", 400},
	{"3\r\nabc\r\nz\r\n", 400},
	{"0\r\nA\r\n\r\n", 400},
	{"0\r\nA : b\r\n\r\n", 400},
	{"0\r\n A: b\r\n\r\n", 400},
	{"0\r\nA: b\n\r\n", 400},
	{"0\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n", 431},
	{"0\r\nA: " + strings.Repeat("a", 40<<10) + "\r\n\r\n", 431},
}

const chunkedHead = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

// reading are what handlers do about a body that breaks off, and whether the
// answer is the handler's own.
var reading = []struct {
	name  string
	serve func(w http.ResponseWriter, r *http.Request) error
	own   bool
}{
	{"reads", func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	}, false},
	{"reads, and answers", func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		w.WriteHeader(202)
		return err
	}, true},
	{"answers, and reads", func(w http.ResponseWriter, r *http.Request) error {
		w.WriteHeader(202)
		http.NewResponseController(w).Flush()
		_, err := io.ReadAll(r.Body)
		return err
	}, true},
}

// TestMalformedBodies checks that a chunked body which is malformed is refused,
// before the function is called or while it reads, and that nothing behind it
// is taken for a request.
func TestMalformedBodies(t *testing.T) {
	for _, c := range malformedChunks {
		for _, apart := range []bool{false, true} {
			send := func(conn raw, text string) {
				conn.say(chunkedHead[:20])
				if !apart {
					text = chunkedHead[20:] + text
				} else {
					conn.say(chunkedHead[20:])
					synctest.Wait()
				}
				// of which not all may be taken
				io.WriteString(conn.Conn, text+getOf("/smuggled"))
			}
			s := &httpx.Server{Handle: func(r *httpx.Request) { t.Errorf("%.20q: %s was handled", c.text, r.URI()) }}
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				conn := dial()
				defer conn.Close()
				send(conn, c.text)
				if resp, _ := conn.response("POST"); resp.StatusCode != c.want || !resp.Close {
					t.Errorf("%.20q: %d", c.text, resp.StatusCode)
				}
				conn.closed()
			})
			for _, h := range reading {
				var calls atomic.Int64
				s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if calls.Add(1); h.serve(w, r) == nil || r.URL.Path != "/" {
						t.Errorf("%s, %.20q: %s was handled", h.name, c.text, r.URL)
					}
				})}
				inH1Dial(t, s, func(t *testing.T, dial func() raw) {
					conn := dial()
					defer conn.Close()
					send(conn, c.text)
					want := c.want
					if h.own && apart {
						want = 202
					}
					if resp, _ := conn.response("POST"); resp.StatusCode != want {
						t.Errorf("%s, %.20q: %d, want %d", h.name, c.text, resp.StatusCode, want)
					}
					conn.closed()
				})
				if n := calls.Load(); apart && n != 1 || !apart && n != 0 {
					t.Errorf("%s, %.20q: %d calls", h.name, c.text, n)
				}
			}
		}
	}
}

// TestMalformedUnread is the same with handlers that do not read: the
// connection ends behind their answer.
func TestMalformedUnread(t *testing.T) {
	for _, c := range malformedChunks {
		for name, s := range map[string]*httpx.Server{
			"Handler": {Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					t.Errorf("%s was handled", r.URL)
				}
			})},
			"ready": {ReadyPath: "/", Handle: func(r *httpx.Request) { t.Errorf("%s was handled", r.URI()) }},
		} {
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				conn := dial()
				defer conn.Close()
				conn.say(chunkedHead)
				if resp, _ := conn.response("POST"); resp.StatusCode != 200 {
					t.Errorf("%s: %d", name, resp.StatusCode)
				}
				io.WriteString(conn.Conn, c.text+getOf("/smuggled"))
				conn.closed()
			})
		}
	}
}

// stalled are bodies of which the rest does not come.
var stalled = []string{
	"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc",
	chunkedHead,
	chunkedHead + "5",
	chunkedHead + "5\r",
	chunkedHead + "5\r\nabc",
	chunkedHead + "3\r\nabc\r",
	chunkedHead + "3\r\nabc\r\n0\r\n",
	chunkedHead + "0\r\nA: b\r\n",
}

// TestStalledBodies checks that a body of which the rest does not come is given
// up after BodyTimeout, or RequestTimeout if that is shorter, and the
// connection with it.
func TestStalledBodies(t *testing.T) {
	for _, text := range stalled {
		for _, k := range []struct {
			request time.Duration
			after   time.Duration
			status  int
		}{{0, 30 * time.Second, 408}, {10 * time.Second, 10 * time.Second, 503}} {
			s := &httpx.Server{RequestTimeout: k.request, Handle: func(r *httpx.Request) { t.Errorf("%q: handled", text) }}
			inH1Dial(t, s, func(t *testing.T, dial func() raw) { checkStalled(t, dial(), text, k.after, k.status) })
			for _, h := range reading {
				status := k.status
				if h.own {
					status = 202
				}
				s := &httpx.Server{RequestTimeout: k.request, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if h.serve(w, r) == nil {
						t.Errorf("%q: the body has ended", text)
					}
				})}
				if strings.HasPrefix(h.name, "answers") {
					continue // which is answered at once
				}
				inH1Dial(t, s, func(t *testing.T, dial func() raw) { checkStalled(t, dial(), text, k.after, status) })
			}
		}
	}
}

func checkStalled(t *testing.T, c raw, text string, after time.Duration, status int) {
	t.Helper()
	defer c.Close()
	c.say(text)
	begun := time.Now()
	resp, _ := c.response("POST")
	if took := time.Since(begun); resp.StatusCode != status || !resp.Close || took != after {
		t.Errorf("%q: %d, close %v, after %v; want %d after %v", text, resp.StatusCode, resp.Close, took, status, after)
	}
	c.closed()
	if took := time.Since(begun); took != after {
		t.Errorf("%q: closed after %v", text, took)
	}
}

// TestDrippingUnread checks that an unread body, of which a byte comes now and
// then, does not hold the connection for long.
func TestDrippingUnread(t *testing.T) {
	for _, text := range []string{
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n",
		chunkedHead + "10000\r\n",
		chunkedHead + "0\r\nA: ",
	} {
		for name, s := range map[string]*httpx.Server{
			"Handler": {Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})},
			"late": {Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(200)
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Second)
			})},
			"ready": {ReadyPath: "/", Handle: answers},
			"busy":  {MaxInFlight: 1, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})},
		} {
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				if took := drip(c.Conn, text); took > 40*time.Second {
					t.Errorf("%s, %q: held for %v", name, text, took)
				}
			})
		}
	}
}

// TestSlowUnread checks that one that comes in time does no harm, to what
// follows it either.
func TestSlowUnread(t *testing.T) {
	s := &httpx.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	inH1Dial(t, s, func(t *testing.T, dial func() raw) {
		c := dial()
		defer c.Close()
		for range 3 {
			c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n")
			c.response("POST")
			for range 20 {
				time.Sleep(time.Second)
				c.say("x")
			}
			time.Sleep(50 * time.Second)
			c.say(ok)
			if resp, _ := c.response("GET"); resp.StatusCode != 200 {
				t.Error(resp.StatusCode)
			}
			time.Sleep(50 * time.Second)
		}
	})
}
