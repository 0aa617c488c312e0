package httpx

import (
	"context"
	"errors"
	"net"
	"testing"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A connection to a proxy does not outlive the dial over it, even if that is
// cancelled before it begins.
func TestNestCancelled(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		near, far := net.Pipe()
		defer far.Close()
		td := tcp.Dialer{Background: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		inner, err := td.Dial(ctx, "proxy:443").Await(ctx)
		if err != nil {
			return err
		}
		gone, cancel := context.WithCancelCause(ctx)
		cause := errors.New("not needed")
		cancel(cause)
		h := &host{pool: &pool{client: new(Client)}, key: hostKey{scheme: "https", name: "origin", port: "443"}}
		d := &dialing{host: h, values: &dialValues{Context: gone}}
		if _, err := d.nest(gone, inner); !errors.Is(err, cause) {
			t.Errorf("the dial failed with %v, want %v", err, cause)
		}
		if _, err := inner.Write([]byte("x")); err == nil {
			t.Error("the connection to the proxy is open")
		}
		return nil
	})
}
