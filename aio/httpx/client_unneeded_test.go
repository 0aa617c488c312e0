package httpx_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

var errUnneeded = errors.New("the first request was cancelled")

// TestCancelledWithinTLS checks that cancelling the request that a connection
// is dialed for, at the end of the TLS handshake, does not fail a request that
// waits for a connection to the same host.
func TestCancelledWithinTLS(t *testing.T) {
	for _, protocol := range []string{"http/1.1", "h2"} {
		for _, hook := range []string{"VerifyConnection", "TLSHandshakeDone"} {
			t.Run(protocol+"/"+hook, func(t *testing.T) {
				protocols := func(int) []string { return []string{protocol} }
				bubbleTLS(t, protocols, func(_ int, c *tls.Conn) {
					if protocol == "http/1.1" {
						readsAndAnswers(c, bufio.NewReader(c))
					} else if p := newFramePeer(c); p != nil {
						p.answersAll()
					}
				}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
					c.MaxConnsPerHost = 1
					var first, second *aio.Future[*httpx.Response]
					made := make(chan struct{})
					var cancelled atomic.Bool
					cancel := func() {
						<-made
						if cancelled.CompareAndSwap(false, true) {
							first.Cancel(errUnneeded)
							second = c.Get(ctx, "https://origin/2")
							// what the cancellation begins is done
							time.Sleep(time.Second)
						}
					}
					own := ctx
					if hook == "VerifyConnection" {
						c.Dialer.TLS.VerifyConnection = func(tls.ConnectionState) error {
							cancel()
							return nil
						}
					} else {
						own = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
							TLSHandshakeDone: func(tls.ConnectionState, error) { cancel() },
						})
					}
					first = c.Get(own, "https://origin/1")
					close(made)
					if _, err := first.Await(ctx); !errors.Is(err, errUnneeded) {
						t.Errorf("the request that was cancelled: got error %v; want %v", err, errUnneeded)
					}
					synctest.Wait()
					r, err := second.Await(ctx)
					wantBody(t, r, err, 200, "/2")
					return nil
				})
			})
		}
	}
}

// TestCancelledWhileDialed cancels the request that a connection is dialed for
// at the moment when the connection is made: a request that waits for a
// connection to the same host does not fail.
func TestCancelledWhileDialed(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){
		"plain":  (*httptest.Server).Start,
		"TLS":    (*httptest.Server).StartTLS,
		"HTTP/2": func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(echoes))
			s.Config.ErrorLog = quiet
			start(s)
			defer s.Close()
			aiotest.Run(t, func(ctx context.Context) error {
				var workers sync.WaitGroup
				for range 16 {
					workers.Go(func() {
						for range 20 {
							cancelWhileDialed(ctx, t, s.URL)
						}
					})
				}
				workers.Wait()
				return nil
			})
		})
	}
}

// cancelWhileDialed makes two requests to url, and cancels the first when the
// TCP connection is made or, with TLS, the handshake is about to end.
func cancelWhileDialed(ctx context.Context, t *testing.T, url string) {
	dialed := make(chan struct{})
	var first sync.Once
	ready := func() { first.Do(func() { close(dialed) }) }
	d := anyTLS()
	if strings.HasPrefix(url, "https:") {
		d.TLS.VerifyConnection = func(tls.ConnectionState) error {
			ready()
			return nil
		}
	} else {
		d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			defer ready()
			return new(net.Dialer).DialContext(context.WithoutCancel(ctx), network, addr)
		}
	}
	c := &httpx.Client{MaxConnsPerHost: 1, Dialer: d}
	defer c.CloseIdleConnections()
	f := c.Get(ctx, url+"/1")
	<-dialed
	f.Cancel(errUnneeded)
	r, err := c.Get(ctx, url+"/2").Await(ctx)
	wantBody(t, r, err, 200, "/2\n")
	if _, err := f.Await(ctx); err != nil && !errors.Is(err, errUnneeded) {
		t.Errorf("the request that was cancelled: got error %v; want none or %v", err, errUnneeded)
	}
}

// readsAndAnswers answers each request on a connection with its path.
func readsAndAnswers(c net.Conn, r *bufio.Reader) {
	if req, err := http.ReadRequest(r); err == nil {
		answersPaths(c, r, req.URL.Path)
	}
}
