// Package chi_test holds that a router and its middleware,
// github.com/go-chi/chi, work on httpx.ServeHandler as they do on net/http's
// own server: each test is run on both.
package chi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

func TestMain(m *testing.M) { aiotest.VerifyMain(m) }

// patience bounds waits that end much sooner unless something is wrong.
const patience = 20 * time.Second

// A client is what a test does to a server.
type client struct {
	*testing.T
	addr string
	web  *http.Client
}

// onBoth serves h on goaio and on net/http, and runs test on each. It returns
// the events of goaio's loop that are no mere information.
func onBoth(t *testing.T, h http.Handler, test func(c *client)) []aio.Event {
	t.Helper()
	var rec aiotest.Recorder
	t.Run("goaio", func(t *testing.T) {
		l := &aio.Loop{CatchPanics: true, OnEvent: rec.OnEvent}
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			s, err := httpx.ServeHandler(ctx, "127.0.0.1:0", h)
			if err != nil {
				return err
			}
			defer l.Exit(nil)
			(&client{T: t, addr: s.Addr().String()}).run(test)
			return nil
		})
	})
	t.Run("net/http", func(t *testing.T) {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.Start()
		defer s.Close()
		(&client{T: t, addr: s.Listener.Addr().String()}).run(test)
	})
	var events []aio.Event
	for _, e := range rec.Events() {
		if !aio.IsInfo(e.Err) {
			events = append(events, e)
		}
	}
	return events
}

func (c *client) run(test func(c *client)) {
	c.web = &http.Client{Transport: new(http.Transport), Timeout: patience}
	defer c.web.CloseIdleConnections()
	test(c)
}

// do makes a request with header fields "Name: value", and returns the response
// with its body. why is the error of reading it.
func (c *client) do(method, path, body string, header ...string) (resp *http.Response, text string, why error) {
	c.Helper()
	req, err := http.NewRequest(method, "http://"+c.addr+path, strings.NewReader(body))
	if err != nil {
		c.Fatalf("http.NewRequest: %v", err)
	}
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Set(name, value)
	}
	resp, err = c.web.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp, string(all), err
}

// expect makes a request, and checks status and body of the response.
func (c *client) expect(method, path, body string, status int, want string, header ...string) *http.Response {
	c.Helper()
	resp, got, err := c.do(method, path, body, header...)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != status || got != want {
		c.Errorf("%s %s: %d %q, want %d %q", method, path, resp.StatusCode, got, status, want)
	}
	return resp
}

// raw sends text on a separate connection, which the test must close.
func (c *client) raw(text string) (net.Conn, *bufio.Reader) {
	c.Helper()
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		c.Fatalf("net.Dial: %v", err)
	}
	_, err = io.WriteString(conn, text)
	if err = errors.Join(err, conn.SetDeadline(time.Now().Add(patience))); err != nil {
		c.Fatalf("dialing and writing: %v", err)
	}
	return conn, bufio.NewReader(conn)
}
