package httpx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// countedBody counts how often it is closed.
type countedBody struct {
	io.Reader
	closed atomic.Int32
}

func (b *countedBody) Close() error {
	b.closed.Add(1)
	return nil
}

// TestSharedBodyClosed checks that the body of a request over HTTP/2 is closed
// once when its connection could not be made.
func TestSharedBodyClosed(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network // where nothing listens
		c := inMemory(&httpx.Client{H2C: true}, &n)
		body := &countedBody{Reader: strings.NewReader("hello")}
		_, err := c.RoundTrip(request(t, "POST", "http://origin", body).WithContext(ctx))
		failsWith(t, err, httpx.PhaseDial, err)
		if n := body.closed.Load(); n != 1 {
			t.Errorf("the body was closed %d times, not once", n)
		}
		return nil
	})
}

// TestSharedDialGivenUp checks that a request over HTTP/2 does not join a dial
// that was given up when the last one that waited for it was cancelled.
func TestSharedDialGivenUp(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network
		ln, err := n.Listen("origin:80")
		if err != nil {
			return err
		}
		s := &http.Server{Handler: http.HandlerFunc(echoes), Protocols: new(http.Protocols)}
		s.Protocols.SetUnencryptedHTTP2(true)
		go s.Serve(ln)
		defer s.Close()
		c := inMemory(&httpx.Client{H2C: true}, &n)
		c.Dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			select {
			case <-ctx.Done():
				time.Sleep(time.Second) // a dial takes a while to give up
				return nil, ctx.Err()
			case <-time.After(time.Minute / 4):
				return n.DialContext(ctx, network, addr)
			}
		}
		first := c.Get(ctx, "http://origin/first")
		synctest.Wait()
		why := errors.New("not wanted")
		first.Cancel(why)
		synctest.Wait()
		r, err := c.Get(ctx, "http://origin/second").Await(ctx)
		wantBody(t, r, err, 200, "/second\n")
		if _, err := first.Await(ctx); !errors.Is(err, why) {
			t.Errorf("the first one got %v, not %v", err, why)
		}
		return nil
	})
}
