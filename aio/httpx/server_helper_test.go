package httpx_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// patience bounds waits that end much sooner unless something is wrong.
const patience = 20 * time.Second

// serve runs a loop with the server on a free port of loopback, calls client
// outside of the loop, and exits.
func serve(t testing.TB, s *httpx.Server, client func(addr string)) {
	t.Helper()
	serveLoop(t, new(aio.Loop), s, client)
}

// serveLoop is serve with a loop of the caller's.
func serveLoop(t testing.TB, l *aio.Loop, s *httpx.Server, client func(addr string)) {
	t.Helper()
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer l.Exit(nil)
		client(s.Addr().String())
		return nil
	})
}

// answers is a Handle that answers with what it was asked for.
func answers(r *httpx.Request) {
	r.RespondString(200, r.URI()+"\n"+string(r.Body()))
}

// raw is a connection to write requests on byte by byte.
type raw struct {
	t testing.TB
	net.Conn
	*bufio.Reader
}

func (r raw) Read(p []byte) (int, error) { return r.Reader.Read(p) }

// dialRaw connects to the server.
func dialRaw(t testing.TB, addr string) raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("net.Dial: %v", err)
	}
	c.SetDeadline(time.Now().Add(patience))
	return raw{t, c, bufio.NewReader(c)}
}

// say sends text.
func (r raw) say(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r.Conn, text); err != nil {
		r.t.Errorf("send %.40q: %v", text, err)
	}
}

// response reads a response and its body.
func (r raw) response(method string) (*http.Response, string) {
	r.t.Helper()
	resp, err := http.ReadResponse(r.Reader, &http.Request{Method: method})
	if err != nil {
		r.t.Errorf("no response: %v", err)
		return &http.Response{}, ""
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Errorf("body: %v", err)
	}
	resp.Body.Close()
	return resp, string(body)
}

// closed checks that the server has closed the connection, without another
// word.
func (r raw) closed() {
	r.t.Helper()
	rest, err := io.ReadAll(r.Reader)
	if len(rest) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		r.t.Errorf("got %q, %v instead of the connection's end", rest, err)
	}
}

// newClient returns a plain net/http client, closed at the test's end, and for
// use within it only.
func newClient(t testing.TB, cfg *tls.Config, protocols ...string) *http.Client {
	tr := &http.Transport{TLSClientConfig: cfg.Clone(), Protocols: new(http.Protocols), MaxIdleConnsPerHost: 1000}
	for _, p := range protocols {
		switch p {
		case "h1":
			tr.Protocols.SetHTTP1(true)
		case "h2":
			tr.Protocols.SetHTTP2(true)
		case "h2c":
			tr.Protocols.SetUnencryptedHTTP2(true)
		}
	}
	if len(protocols) == 0 {
		tr.Protocols.SetHTTP1(true)
	}
	return &http.Client{Transport: tr, Timeout: patience}
}

// get makes a GET request and returns status and body.
func get(t testing.TB, c *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Errorf("GET %s: %v", url, err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("GET %s: %v", url, err)
	}
	return resp.StatusCode, string(body)
}

var discard = slog.New(slog.DiscardHandler)

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
