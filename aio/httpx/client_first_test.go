package httpx

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"goaio.example/aio"
)

// closedBody is a body that notes its Close.
type closedBody struct{ closed bool }

func (*closedBody) Read([]byte) (int, error)    { return 0, errors.New("read") }
func (*closedBody) Write(p []byte) (int, error) { return len(p), nil }
func (b *closedBody) Close() error              { b.closed = true; return nil }

// TestTunnelOfEndedRequest checks that the connection of a 101 is closed if the
// request ends between the response's head and the goroutine that continues
// with it.
func TestTunnelOfEndedRequest(t *testing.T) {
	err := new(aio.Loop).Run(context.Background(), func(ctx context.Context) error {
		op, err := aio.Begin(ctx, kindOut, "request")
		if err != nil {
			return err
		}
		defer op.End(nil)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://origin/", nil)
		if err != nil {
			return err
		}
		body := new(closedBody)
		ex := new(outgoing)
		ex.init(ctx, new(Client), req, op)
		ex.first.Store(&outcome{resp: &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: http.Header{}, Body: body}})
		ex.end(errors.New("cause"))
		ex.whole()
		ex.done()
		if !body.closed {
			t.Error("ex.whole of a request that has ended: the body of the 101 is open, want it closed")
		}
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}
